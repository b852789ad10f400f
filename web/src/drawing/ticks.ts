/** Where an axis is labelled, and how: numbers and steps; times are in `time_ticks.ts`. */

import { formatTick } from "./format";
import type { Range, Scale } from "./scale";

export interface Tick {
  readonly value: number;
  /** Empty: a line without words, between those that have some. */
  readonly label: string;
}

/** A distance of ticks as decimal digits and a power of ten, so that ticks are the nearest doubles of their decimals. */
interface Stride {
  readonly digits: number;
  readonly exponent: number;
}

function niceStride(rough: number): Stride {
  const [digits = "1", exponent = "0"] = rough.toExponential(12).split("e");
  const mantissa = Number(digits);
  const power = Number(exponent);
  if (mantissa < 1.5) return { digits: 1, exponent: power };
  if (mantissa < 3.5) return { digits: 2, exponent: power };
  if (mantissa < 7.5) return { digits: 5, exponent: power };
  return { digits: 1, exponent: power + 1 };
}

function multiple(stride: Stride, count: number): number {
  return Number(`${count * stride.digits}e${stride.exponent}`);
}

function largestOf(range: Range): number {
  return Math.max(Math.abs(range.low), Math.abs(range.high));
}

/** About `count` round numbers of a range; with `isWhole` only integers. */
export function numberTicks(range: Range, count: number, isWhole = false): Tick[] {
  const rough = (range.high / count - range.low / count) || Number.MIN_VALUE;
  let stride = niceStride(Math.max(rough, Number.MIN_VALUE));
  if (isWhole && stride.exponent < 0) stride = { digits: 1, exponent: 0 };
  const step = multiple(stride, 1) || Number.MIN_VALUE;
  const first = Math.ceil(range.low / step - 1e-6);
  const last = Math.floor(range.high / step + 1e-6);
  const ticks: Tick[] = [];
  for (let i = first; i <= last && ticks.length <= 2 * count + 2; i++) {
    const value = multiple(stride, i);
    if (value === ticks.at(-1)?.value || value < range.low || value > range.high) continue;
    ticks.push({ value: value === 0 ? 0 : value, label: formatTick(value, step, largestOf(range)) });
  }
  return ticks;
}

function decadeLabel(exponent: number): string {
  const value = Number(`1e${exponent}`);
  return formatTick(value, value, value);
}

/** Decades of a log axis; between few decades lines without words, within less than one round numbers. */
export function logTicks(range: Range, count: number): Tick[] {
  const low = Math.log10(range.low);
  const high = Math.log10(range.high);
  if (high - low < 1) return numberTicks(range, count);
  const stride = Math.max(1, Math.ceil((high - low) / count));
  const ticks: Tick[] = [];
  for (let exponent = Math.floor(low); exponent <= high; exponent++) {
    const digits = stride === 1 && high - low <= 4 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1];
    if (exponent % stride !== 0) continue;
    for (const digit of digits) {
      const value = Number(`${digit}e${exponent}`);
      if (value < range.low || value > range.high) continue;
      const isNamed = digit === 1 || (high - low < 2 && (digit === 2 || digit === 5));
      ticks.push({ value, label: isNamed ? labelOfDigit(digit, exponent) : "" });
    }
  }
  return ticks;
}

function labelOfDigit(digit: number, exponent: number): string {
  if (digit === 1) return decadeLabel(exponent);
  const value = Number(`${digit}e${exponent}`);
  return formatTick(value, value, value);
}

/** Ticks nearer to one of those before than this, in pixels, are left out. */
const NEAR_PX = 16;

/** Decades on both sides of nought, from the largest inwards; nought itself comes before all. */
export function symlogTicks(scale: Scale, count: number): Tick[] {
  const first = Math.round(Math.log10(scale.threshold));
  const last = Math.floor(Math.log10(largestOf(scale)));
  if (!(last >= first)) return numberTicks(scale, count);
  const sides = (scale.low < 0 ? 1 : 0) + (scale.high > 0 ? 1 : 0);
  const stride = Math.max(1, Math.ceil(((last - first + 1) * sides) / count));
  const ticks: Tick[] = [];
  const add = (value: number, label: string): void => {
    const isNear = ticks.some((other) => Math.abs(scale.at(other.value) - scale.at(value)) < NEAR_PX);
    if (value >= scale.low && value <= scale.high && !isNear) ticks.push({ value, label });
  };
  add(0, "0");
  for (let exponent = last; exponent >= first; exponent -= stride) {
    const value = Number(`1e${exponent}`);
    const label = decadeLabel(exponent);
    add(value, label);
    add(-value, `\u2212${label}`);
  }
  ticks.sort((one, other) => one.value - other.value);
  return ticks.length > 1 ? ticks : numberTicks(scale, count);
}

/** The ticks of a scale of numbers. */
export function scaleTicks(scale: Scale, count: number, isWhole = false): Tick[] {
  if (scale.kind === "log") return logTicks(scale, count);
  if (scale.kind === "symlog") return symlogTicks(scale, count);
  return numberTicks(scale, count, isWhole);
}
