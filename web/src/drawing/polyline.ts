/** Lines of many points as pixels: nothing that could be seen is left out, and little that could not is drawn. */

import type { Scale } from "./scale";
import type { Surface } from "./surface";

/** Pixels of a line: a NaN in `y` is a gap. */
export interface PixelLine {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly count: number;
  /** The places of points with a gap on both sides. */
  readonly lone: readonly number[];
  /** True if it goes up and down so much that it fills areas: dashes would not be seen, and wide strokes cost most. */
  readonly isRough: boolean;
}

/** A line whose way up and down is so many times its way along is rough. */
const ROUGH_RATIO = 4;
/** What differs by less than this in a pixel column cannot be seen. */
const UNSEEN_PX = 0.4;

/** Where the points from the last before `low` to the first after `high` lie: [first, behind the last]. */
export function visibleRange(x: ArrayLike<number>, low: number, high: number): [number, number] {
  return [Math.max(0, firstAtLeast(x, low) - 1), Math.min(x.length, firstAbove(x, high) + 1)];
}

/** The place of the first value ≥ `value` of ascending ones. */
export function firstAtLeast(x: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the first value > `value` of ascending ones. */
export function firstAbove(x: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The points of a line (ascending x) in pixels. Where more than two fall into one pixel column, what is seen of them
 * is a stroke from the lowest to the highest, so of such columns beside each other those two are kept, first the one that
 * is nearer to where the line comes from: half of the strokes are half of the time. Where they lie on one place, one point
 * is enough.
 */
export function projectLine(x: Float64Array, y: Float64Array, xScale: Scale, yScale: Scale): PixelLine {
  const [from, to] = visibleRange(x, xScale.low, xScale.high);
  const count = to - from;
  if (count > placedX.length) [placedX, placedY] = [new Float64Array(2 * count), new Float64Array(2 * count)];
  xScale.place(x, from, to, placedX);
  yScale.place(y, from, to, placedY);
  const line = new PixelColumns(count);
  for (let i = 0; i < count; i++) {
    const value = y[from + i]!;
    if (value - value === 0) line.add(placedX[i]!, placedY[i]!);
    else line.gap();
  }
  return line.finish();
}

/** Room for the points of one line after the other, before it is known which of them are kept. */
let placedX = new Float64Array(0);
let placedY = new Float64Array(0);
let keptX = new Float32Array(0);
let keptY = new Float32Array(0);

/** Collects points column by column. */
class PixelColumns {
  private readonly x: Float32Array;
  private readonly y: Float32Array;
  private count = 0;
  private column = NaN;
  private points = 0;
  private firstX = 0;
  private firstY = 0;
  private lowY = 0;
  private highY = 0;
  private lastX = 0;
  private lastY = 0;
  /** Whether the column before had more than two points, and the last of them. */
  private isDense = false;
  private denseX = 0;
  private denseY = 0;

  constructor(pointCount: number) {
    const most = Math.ceil((pointCount * 4) / 3); // of three points in a column alone come four
    if (most > keptX.length) [keptX, keptY] = [new Float32Array(2 * most), new Float32Array(2 * most)];
    [this.x, this.y] = [keptX, keptY];
  }

  add(x: number, y: number): void {
    const column = Math.floor(x);
    if (column !== this.column) {
      this.flush();
      this.column = column;
      this.points = 0;
    }
    if (this.points === 0) {
      this.firstX = x;
      this.firstY = this.lowY = this.highY = y;
    } else if (y < this.lowY) {
      this.lowY = y;
    } else if (y > this.highY) {
      this.highY = y;
    }
    this.lastX = x;
    this.lastY = y;
    this.points++;
  }

  gap(): void {
    this.flush();
    this.leaveDense();
    this.column = NaN;
    this.points = 0;
    if (this.count > 0 && !Number.isNaN(this.y[this.count - 1]!)) this.put(this.lastX, NaN);
  }

  finish(): PixelLine {
    this.flush();
    this.leaveDense();
    const { x, y, count } = this;
    const lone: number[] = [];
    let [along, upAndDown] = [20, 0];
    for (let i = 0; i < count; i++) {
      const isAfterGap = i === 0 || Number.isNaN(y[i - 1]!);
      const isBeforeGap = i === count - 1 || Number.isNaN(y[i + 1]!);
      if (isAfterGap && isBeforeGap && !Number.isNaN(y[i]!)) lone.push(i);
      if (isAfterGap || Number.isNaN(y[i]!)) continue;
      along += x[i]! - x[i - 1]!;
      upAndDown += Math.min(1000, Math.abs(y[i]! - y[i - 1]!));
    }
    return { x: x.slice(0, count), y: y.slice(0, count), count, lone, isRough: upAndDown > ROUGH_RATIO * along };
  }

  private flush(): void {
    if (this.points === 0) return;
    if (this.points < 3 || this.highY - this.lowY < UNSEEN_PX) {
      this.leaveDense();
      this.put(this.firstX, this.firstY);
      if (this.highY - this.lowY >= UNSEEN_PX) this.put(this.lastX, this.lastY);
    } else {
      // At the same places of each column: strokes that stand now nearer and now farther would be seen as stripes.
      const [left, right] = [this.column + 0.25, this.column + 0.75];
      if (!this.isDense) this.put(Math.min(this.firstX, left), this.firstY);
      if (this.isDense) this.widenBefore(this.firstY);
      // The way from the last point of the dense column before to the first one here is seen in both.
      const low = this.isDense ? Math.min(this.lowY, this.denseY) : this.lowY;
      const high = this.isDense ? Math.max(this.highY, this.denseY) : this.highY;
      const from = this.y[this.count - 1]!;
      const isLowNear = Math.abs(from - low) <= Math.abs(from - high);
      this.put(left, isLowNear ? low : high);
      this.put(right, isLowNear ? high : low);
      this.isDense = true;
      this.denseX = Math.max(this.lastX, right);
      this.denseY = this.lastY;
    }
    this.points = 0;
  }

  /** Have the stroke of the dense column before reach as far as `y`. */
  private widenBefore(y: number): void {
    const [one, other] = [this.count - 2, this.count - 1];
    const [low, high] = this.y[one]! <= this.y[other]! ? [one, other] : [other, one];
    this.y[low] = Math.min(this.y[low]!, y);
    this.y[high] = Math.max(this.y[high]!, y);
  }

  /** Where dense columns end, the line goes on from their last point, as it did come to their first. */
  private leaveDense(): void {
    if (this.isDense) this.put(this.denseX, this.denseY);
    this.isDense = false;
  }

  private put(x: number, y: number): void {
    if (this.count === this.x.length) return;
    this.x[this.count] = x;
    this.y[this.count] = y;
    this.count++;
  }
}

/** Add the line to the surface's path. */
export function tracePixels(surface: Surface, line: PixelLine): void {
  const { x, y, count } = line;
  let isOpen = false;
  for (let i = 0; i < count; i++) {
    const pixelY = y[i]!;
    if (pixelY !== pixelY) {
      isOpen = false;
    } else if (isOpen) {
      surface.lineTo(x[i]!, pixelY);
    } else {
      surface.moveTo(x[i]!, pixelY);
      isOpen = true;
    }
  }
}

/** Dots for the points that no stroke shows. */
export function traceLone(surface: Surface, line: PixelLine, radius: number): void {
  for (const i of line.lone) {
    const x = line.x[i]!;
    const y = line.y[i]!;
    surface.moveTo(x + radius, y);
    surface.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

/** Add the outline of a band to the surface's path: along its upper edge, and back along the lower. */
export function traceBand(
  surface: Surface,
  band: { readonly x: Float64Array; readonly low: Float64Array; readonly high: Float64Array },
  xScale: Scale,
  yScale: Scale,
): void {
  const [from, to] = visibleRange(band.x, xScale.low, xScale.high);
  let start = from;
  for (let i = from; i <= to; i++) {
    const isGap = i === to || !Number.isFinite(band.low[i]! + band.high[i]!) ;
    if (!isGap) continue;
    if (i > start) {
      surface.moveTo(xScale.at(band.x[start]!), yScale.at(band.high[start]!));
      for (let j = start + 1; j < i; j++) surface.lineTo(xScale.at(band.x[j]!), yScale.at(band.high[j]!));
      for (let j = i - 1; j >= start; j--) surface.lineTo(xScale.at(band.x[j]!), yScale.at(band.low[j]!));
      surface.closePath();
    }
    start = i + 1;
  }
}
