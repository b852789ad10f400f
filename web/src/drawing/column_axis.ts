/** An axis of what runs have in one column: numbers, truth values, or words side by side. */

import { extentOf, fitRange } from "./extent";
import { makeScale, type Range, type Scale, type ScaleKind } from "./scale";
import { scaleTicks, type Tick } from "./ticks";

export interface ColumnAxis {
  readonly name: string;
  /** Of each run; NaN where it has nothing, or nothing that has a place. */
  readonly numbers: Float64Array;
  readonly kind: ScaleKind;
  readonly range: Range;
  /** The words that stand for 0, 1, …; null: numbers. */
  readonly words: readonly string[] | null;
}

/** Numbers above nought that span more than this are on a log axis. */
const LOG_RATIO = 100;

function wordOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? Number(part) : part)) ?? "");
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

export function makeColumnAxis(name: string, values: readonly unknown[]): ColumnAxis {
  const given = values.filter((value) => value !== null && value !== undefined);
  if (given.every(isNumber)) {
    const numbers = Float64Array.from(values, (value) => (isNumber(value) && Number.isFinite(Number(value)) ? Number(value) : NaN));
    const extent = extentOf(numbers);
    const isLog = extent.nonPositiveCount === 0 && extent.high / extent.low > LOG_RATIO;
    const kind = isLog ? "log" : "linear";
    return { name, numbers, kind, range: fitRange(extent, kind, 0.04), words: null };
  }
  const words = [...new Set(given.map(wordOf))].sort();
  const places = new Map(words.map((word, i) => [word, i]));
  const numbers = Float64Array.from(values, (value) => (value === null || value === undefined ? NaN : places.get(wordOf(value))!));
  return { name, numbers, kind: "linear", range: { low: -0.5, high: words.length - 0.5 }, words };
}

export function columnScale(axis: ColumnAxis, pixels: readonly [number, number]): Scale {
  return makeScale(axis.kind, axis.range, pixels);
}

export function columnTicks(axis: ColumnAxis, scale: Scale, count: number): Tick[] {
  if (axis.words === null) return scaleTicks(scale, count);
  const stride = Math.ceil(axis.words.length / Math.max(count * 2, 1));
  return axis.words.map((label, value) => ({ value, label })).filter((_, i) => i % stride === 0);
}
