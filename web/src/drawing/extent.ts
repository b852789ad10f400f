/** What range an axis shows of the values that are drawn. */

import type { Range, ScaleKind } from "./scale";

/** Of many numbers what an axis needs to know; nothing finite: `low` is above `high`. */
export interface Extent extends Range {
  /** The smallest value above nought: where a log axis may begin. */
  readonly lowestPositive: number;
  /** The smallest distance from nought that is not nought: what a symlog axis must still show. */
  readonly smallest: number;
  readonly nonPositiveCount: number;
}

export const NO_EXTENT: Extent = {
  low: Infinity,
  high: -Infinity,
  lowestPositive: Infinity,
  smallest: Infinity,
  nonPositiveCount: 0,
};

/** The extent of some values, widened by that of others; NaN and infinities are passed over. */
export function extentOf(values: ArrayLike<number>, before: Extent = NO_EXTENT): Extent {
  let { low, high, lowestPositive, smallest, nonPositiveCount } = before;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value - value === 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    if (value > 0) {
      if (value < lowestPositive) lowestPositive = value;
      if (value < smallest) smallest = value;
    } else {
      nonPositiveCount++;
      if (value < 0 && -value < smallest) smallest = -value;
    }
  }
  return { low, high, lowestPositive, smallest, nonPositiveCount };
}

function held(value: number): number {
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
}

/** A range about one value, which has no width of its own. */
function rangeAbout(value: number): Range {
  if (value === 0) return { low: -1, high: 1 };
  const size = Math.abs(value);
  const tenth = value + size * 0.1 === value ? size : size * 0.1;
  return { low: held(value - tenth), high: held(value + tenth) };
}

function linearRange(low: number, high: number, margin: number): Range {
  if (low === high) return rangeAbout(low);
  const pad = high * margin - low * margin;
  return { low: held(low - pad), high: held(high + pad) };
}

function logRange(extent: Extent, margin: number): Range {
  const { lowestPositive, high } = extent;
  if (!(high > 0)) return { low: 0.1, high: 10 };
  if (lowestPositive === high) {
    return { low: Math.max(Number.MIN_VALUE, high / 10), high: held(high * 10) };
  }
  const pad = (Math.log10(high) - Math.log10(lowestPositive)) * margin;
  return {
    low: Math.max(Number.MIN_VALUE, 10 ** (Math.log10(lowestPositive) - pad)),
    high: held(10 ** (Math.log10(high) + pad)),
  };
}

/** A symlog axis is nearly logarithmic at its ends, and so is its margin. */
function symlogRange(low: number, high: number): Range {
  if (low === high) return rangeAbout(low);
  const outwards = 1.3;
  return {
    low: held(low > 0 ? low / outwards : low * outwards),
    high: held(high > 0 ? high * outwards : high / outwards),
  };
}

/** The range an axis shows: all of the extent, and a margin (a share of it) so that nothing lies on the edge. */
export function fitRange(extent: Extent, kind: ScaleKind, margin: number): Range {
  if (kind === "log") return logRange(extent, margin);
  if (extent.low > extent.high) return { low: 0, high: 1 };
  return kind === "symlog" ? symlogRange(extent.low, extent.high) : linearRange(extent.low, extent.high, margin);
}

/** How wide the linear middle of a symlog axis is: the smallest size there is, of at most nine decades. */
export function symlogThreshold(extent: Extent): number {
  const largest = Math.max(Math.abs(extent.low), Math.abs(extent.high));
  if (!Number.isFinite(largest) || largest === 0) return 1;
  const floor = Math.max(extent.smallest, largest / 1e9);
  const threshold = Number(`1e${floor.toExponential().split("e")[1]}`);
  return threshold > 0 ? threshold : Number.MIN_VALUE;
}
