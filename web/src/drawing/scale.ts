/** Where values lie in pixels, and back: linear, logarithmic, and logarithmic on both sides of nought. */

export type ScaleKind = "linear" | "log" | "symlog";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Scale extends Range {
  readonly kind: ScaleKind;
  /** The pixel of `low`, and of `high`. */
  readonly start: number;
  readonly end: number;
  /** The width of the linear middle of a symlog axis, else 1. */
  readonly threshold: number;
  /** The pixel of a value; NaN for NaN, the edge of `low` for what a log axis cannot show. */
  at(value: number): number;
  /** The pixels of values[from] up to values[to], the last one excluded, at the begin of `pixels`. */
  place(values: Float64Array, from: number, to: number, pixels: Float64Array): void;
  valueAt(pixel: number): number;
}

/** Pixels farther out than this are as good as this: canvases count in 32 bits. */
const FARTHEST_PIXEL = 32_000;

/** A power of two that keeps differences of values of this range finite and exact. */
function unitOf(range: Range): number {
  const span = range.high - range.low;
  if (!Number.isFinite(span)) return 2 ** -4;
  return span < 1e-290 ? 2 ** 600 : 1;
}

function symlog(value: number, threshold: number): number {
  const size = Math.abs(value);
  const ratio = size / threshold;
  const length = Number.isFinite(ratio) ? Math.log1p(ratio) : Math.log(size) - Math.log(threshold);
  return value < 0 ? -length : length;
}

function symexp(length: number, threshold: number): number {
  const size = Math.abs(length);
  const value = size < 600 ? Math.expm1(size) * threshold : Math.exp(size + Math.log(threshold));
  return length < 0 ? -value : value;
}

interface Transform {
  forward(value: number): number;
  backward(length: number): number;
}

function transformOf(kind: ScaleKind, unit: number, threshold: number): Transform {
  if (kind === "log") return { forward: Math.log10, backward: (length) => 10 ** length };
  if (kind === "symlog") {
    return {
      forward: (value) => symlog(value, threshold),
      backward: (length) => symexp(length, threshold),
    };
  }
  return { forward: (value) => value * unit, backward: (length) => length / unit };
}

/** A scale from the values of a range to pixels; the range must be what `fitRange` makes for this kind. */
export function makeScale(
  kind: ScaleKind,
  range: Range,
  pixels: readonly [number, number],
  threshold = 1,
): Scale {
  const [start, end] = pixels;
  const unit = unitOf(range);
  const { forward, backward } = transformOf(kind, unit, threshold);
  const origin = forward(range.low);
  const factor = (end - start) / (forward(range.high) - origin);
  const isLog = kind === "log";
  const at = (value: number): number => {
    if (isLog && value <= 0) return start;
    const pixel = start + (forward(value) - origin) * factor;
    if (pixel > FARTHEST_PIXEL) return FARTHEST_PIXEL;
    return pixel < -FARTHEST_PIXEL ? -FARTHEST_PIXEL : pixel;
  };
  return {
    kind,
    low: range.low,
    high: range.high,
    start,
    end,
    threshold,
    at,
    place(values, from, to, pixels) {
      if (kind !== "linear") {
        for (let i = from; i < to; i++) pixels[i - from] = at(values[i]!);
        return;
      }
      // Without a call for each value: a chart is first drawn by code that nothing has made fast yet.
      for (let i = from; i < to; i++) {
        const pixel = start + (values[i]! * unit - origin) * factor;
        pixels[i - from] = pixel > FARTHEST_PIXEL ? FARTHEST_PIXEL : pixel < -FARTHEST_PIXEL ? -FARTHEST_PIXEL : pixel;
      }
    },
    valueAt(pixel) {
      const value = backward(origin + (pixel - start) / factor);
      return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
    },
  };
}

/** True if values of one scale lie where they lie on the other. */
export function isSameScale(one: Scale, other: Scale): boolean {
  return (
    one.kind === other.kind &&
    one.low === other.low &&
    one.high === other.high &&
    one.start === other.start &&
    one.end === other.end &&
    one.threshold === other.threshold
  );
}

/** The range moved by pixels of its scale, as a hand moves paper. */
export function pannedRange(scale: Scale, pixels: number): Range {
  return { low: scale.valueAt(scale.start - pixels), high: scale.valueAt(scale.end - pixels) };
}

/** The range grown (factor > 1) or shrunk about a pixel. */
export function zoomedRange(scale: Scale, pixel: number, factor: number): Range {
  return {
    low: scale.valueAt(pixel + (scale.start - pixel) * factor),
    high: scale.valueAt(pixel + (scale.end - pixel) * factor),
  };
}
