/** A chart of lines: which range it shows, and where everything lies. What it looks like is in `strokes.ts`. */

import { makeAxis, plotBox, tickCount, type Axis, type Quantity } from "./axes";
import { extentOf, fitRange, NO_EXTENT, symlogThreshold, type Extent } from "./extent";
import { nonPositiveMarks, placedMarks, type Mark } from "./marks";
import { firstAbove, firstAtLeast, projectLine, type PixelLine } from "./polyline";
import { isSameScale, makeScale, type Range, type Scale, type ScaleKind } from "./scale";
import type { Box, Surface, Theme } from "./surface";

/** One line: of a run, or of a group of runs. Arrays are in ascending x; a NaN in `y` is a gap. */
export interface ChartLine {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** What was logged, behind a smooth line. */
  readonly raw: { readonly x: Float64Array; readonly y: Float64Array } | null;
  readonly band: { readonly x: Float64Array; readonly low: Float64Array; readonly high: Float64Array } | null;
  readonly marks: { readonly x: Float64Array; readonly kind: Float64Array };
  /** Of how many runs each point is made, of a group. */
  readonly runCounts?: Float64Array | null;
}

export interface ChartFrame {
  readonly width: number;
  readonly height: number;
  readonly xKind: ScaleKind;
  readonly yKind: ScaleKind;
  readonly xQuantity: Quantity;
  readonly xTitle: string;
  /** What part is shown; null: all there is. */
  readonly xRange: Range | null;
  readonly yRange: Range | null;
}

export interface ChartLayout {
  readonly box: Box;
  readonly x: Scale;
  readonly y: Scale;
  readonly axes: { readonly x: Axis; readonly y: Axis };
}

/** A line in pixels. */
export interface PlacedLine {
  readonly line: ChartLine;
  readonly pixels: PixelLine;
  readonly raw: PixelLine | null;
  readonly marks: readonly Mark[];
}

/** The extent of all lines along x, marks included. */
export function xExtentOf(lines: readonly ChartLine[]): Extent {
  let extent = NO_EXTENT;
  for (const { x, raw, band, marks } of lines) {
    extent = extentOf(endsOf(x), extent);
    if (x.length > 0 && !(x[0]! > 0)) extent = extentOf(aboutNought(x), extent);
    if (raw !== null) extent = extentOf(endsOf(raw.x), extent);
    if (band !== null) extent = extentOf(endsOf(band.x), extent);
    extent = extentOf(marks.x, extent);
  }
  return extent;
}

function endsOf(x: Float64Array): number[] {
  return x.length === 0 ? [] : [x[0]!, x[x.length - 1]!];
}

/** The last of ascending values below nought and the first above it. */
function aboutNought(x: Float64Array): Float64Array {
  const above = firstAbove(x, 0);
  const below = firstAtLeast(x, 0);
  return Float64Array.of(...(below > 0 ? [x[below - 1]!] : []), ...(above < x.length ? [x[above]!] : []));
}

/** The extent along y of what lies within a range of x; of what leads through it, where no point lies within. */
export function yExtentOf(lines: readonly ChartLine[], xRange: Range): Extent {
  const inside = extentWithin(lines, xRange, 0);
  return inside.low <= inside.high ? inside : extentWithin(lines, xRange, 1);
}

/** The extent of the points within a range, and of `beyondCount` more on either side. */
function extentWithin(lines: readonly ChartLine[], range: Range, beyondCount: number): Extent {
  let extent = NO_EXTENT;
  const widen = (x: Float64Array, y: Float64Array): void => {
    const from = Math.max(0, firstAtLeast(x, range.low) - beyondCount);
    const to = Math.min(x.length, firstAbove(x, range.high) + beyondCount);
    extent = extentOf(from === 0 && to === x.length ? y : y.subarray(from, to), extent);
  };
  for (const { x, y, raw, band } of lines) {
    widen(x, y);
    if (raw !== null) widen(raw.x, raw.y);
    if (band !== null) {
      widen(band.x, band.low);
      widen(band.x, band.high);
    }
  }
  return extent;
}

/** The part of a range that an axis can show: one that was chosen on a linear axis may begin below nought. */
function drawableRange(range: Range, kind: ScaleKind, extent: Extent): Range {
  if (kind !== "log" || range.low > 0) return range;
  if (!(range.high > 0)) return fitRange(extent, kind, 0);
  return { low: Math.max(Number.MIN_VALUE, Math.min(extent.lowestPositive, range.high / 10)), high: range.high };
}

/** All of x; about a lone step or moment one more on either side. */
function wholeRange(extent: Extent, { xKind, xQuantity }: ChartFrame): Range {
  const isLone = extent.low === extent.high && xKind === "linear" && xQuantity.kind !== "number";
  if (isLone) return { low: extent.low - 1, high: extent.high + 1 };
  return fitRange(extent, xKind, xKind === "log" ? 0.01 : 0);
}

/** The room at the edges for what is marked there, so that marks do not cover lines. */
const MARKS_PX = 10;

function hasMarks(lines: readonly ChartLine[], yKind: ScaleKind, yExtent: Extent): boolean {
  return (yKind === "log" && yExtent.nonPositiveCount > 0) || lines.some(({ marks }) => marks.x.length > 0);
}

/** Where a chart of these lines has its axes. */
export function layoutChart(surface: Surface, lines: readonly ChartLine[], frame: ChartFrame, theme: Theme): ChartLayout {
  const xExtent = xExtentOf(lines);
  const xRange = frame.xRange === null ? wholeRange(xExtent, frame) : drawableRange(frame.xRange, frame.xKind, xExtent);
  const yExtent = yExtentOf(lines, xRange);
  const yRange = frame.yRange === null ? fitRange(yExtent, frame.yKind, 0.05) : drawableRange(frame.yRange, frame.yKind, yExtent);
  const yThreshold = frame.yKind === "symlog" ? symlogThreshold(yExtent) : 1;
  const xThreshold = frame.xKind === "symlog" ? symlogThreshold(xExtent) : 1;
  const yTickCount = tickCount(frame.height - 29, false);
  const roughY = makeScale(frame.yKind, yRange, [frame.height - 21, 8], yThreshold);
  const yAxis = makeAxis(roughY, { kind: "number" }, "", yTickCount);
  const box = plotBox(surface, frame, yAxis.ticks, theme);
  const x = makeScale(frame.xKind, xRange, [box.left, box.right], xThreshold);
  const rim = hasMarks(lines, frame.yKind, yExtent) ? MARKS_PX : 0;
  const y = makeScale(frame.yKind, yRange, [box.bottom - rim, box.top + rim], yThreshold);
  const xAxis = makeAxis(x, frame.xQuantity, frame.xTitle, tickCount(box.right - box.left, true));
  return { box, x, y, axes: { x: xAxis, y: yAxis } };
}

/** True if lines placed for one layout lie right in the other. */
export function isSameLayout(one: ChartLayout, other: ChartLayout): boolean {
  return isSameScale(one.x, other.x) && isSameScale(one.y, other.y);
}

export function placeLine(line: ChartLine, layout: ChartLayout): PlacedLine {
  const { x, y } = layout;
  const marks = placedMarks(line.marks, x);
  return {
    line,
    pixels: projectLine(line.x, line.y, x, y),
    raw: line.raw && projectLine(line.raw.x, line.raw.y, x, y),
    marks: y.kind === "log" ? marks.concat(nonPositiveMarks(line.x, line.y, x)) : marks,
  };
}

/** How many of the lines have values that a log axis can only mark. */
export function nonPositiveLineCount(lines: readonly ChartLine[]): number {
  return lines.filter(({ y }) => y.some((value) => value <= 0)).length;
}

/** The range of x and y of two corners in pixels. */
export function rangesBetween(
  layout: ChartLayout,
  one: { readonly x: number; readonly y: number },
  other: { readonly x: number; readonly y: number },
): { x: Range; y: Range } {
  const xs = [layout.x.valueAt(one.x), layout.x.valueAt(other.x)];
  const ys = [layout.y.valueAt(one.y), layout.y.valueAt(other.y)];
  return {
    x: { low: Math.min(...xs), high: Math.max(...xs) },
    y: { low: Math.min(...ys), high: Math.max(...ys) },
  };
}
