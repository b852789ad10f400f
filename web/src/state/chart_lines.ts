/** Lines of an answer as they are drawn: with colour and name, without what is hidden, joined with coarse ones. */

import type { Line, TileSeries } from "../wire/tiles";
import { colourOf } from "./colours";
import { groupName, lineIdOf } from "./panels_model";
import type { KeyTiles } from "./tile_loader";

/** One line with all that is said of it. */
export type DrawnLine = {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly raw: { readonly x: Float64Array; readonly y: Float64Array } | null;
  readonly band: TileSeries["band"];
  readonly marks: TileSeries["marks"];
  readonly series: TileSeries;
  readonly runCounts?: Float64Array | null;
};

/** The lines of a key, those of hidden runs and groups left out. */
export function drawnLines(
  tiles: KeyTiles,
  hidden: ReadonlySet<string>,
  runNames: ReadonlyMap<string, string>,
): DrawnLine[] {
  const lines: DrawnLine[] = [];
  for (const series of tiles.series) {
    const id = lineIdOf(series);
    if (hidden.has(id)) continue;
    const name = series.run === null ? groupName(series.group ?? {}) : (runNames.get(series.run) ?? series.run);
    const { line, raw, band, marks } = series;
    lines.push({ id, name, ...colourOf(id), ...line, raw, band, marks, series, runCounts: series.run_counts ?? null });
  }
  return lines;
}

/** The lines of a part of x, and beyond it the coarser ones that are there already. */
export function withCoarse(exact: readonly DrawnLine[], coarse: readonly DrawnLine[]): DrawnLine[] {
  const coarseOf = new Map(coarse.map((line) => [line.id, line]));
  return exact.map((line) => {
    const other = coarseOf.get(line.id);
    if (other === undefined || line.x.length === 0) return line;
    const raw = line.raw && other.raw ? joined(line.raw, other.raw) : line.raw;
    return { ...line, ...joined(line, other), raw, runCounts: joinedCounts(line, other) };
  });
}

/** How many points of the coarse line are before the exact one, and where those behind it begin. */
function around(exact: Line, coarse: Line): readonly [before: number, after: number] {
  const low = exact.x[0]!;
  const high = exact.x[exact.x.length - 1]!;
  let before = 0;
  let after = coarse.x.length;
  while (before < coarse.x.length && coarse.x[before]! < low) before++;
  while (after > before && coarse.x[after - 1]! > high) after--;
  return [before, after];
}

function joinedCounts(exact: DrawnLine, coarse: DrawnLine): Float64Array | null {
  if (!exact.runCounts || !coarse.runCounts) return null;
  return spliced(exact.runCounts, coarse.runCounts, ...around(exact, coarse));
}

function joined(exact: Line, coarse: Line): Line {
  const [before, after] = around(exact, coarse);
  return { x: spliced(exact.x, coarse.x, before, after), y: spliced(exact.y, coarse.y, before, after) };
}

function spliced(exact: Float64Array, coarse: Float64Array, before: number, after: number): Float64Array {
  const values = new Float64Array(before + exact.length + coarse.length - after);
  values.set(coarse.subarray(0, before));
  values.set(exact, before);
  values.set(coarse.subarray(after), before + exact.length);
  return values;
}

export type LineCounts = {
  readonly runCount: number;
  readonly shownCount: number;
  readonly hiddenCount: number;
  readonly withoutCount: number;
  readonly failed: KeyTiles["left_out"];
  readonly nanCount: number;
  readonly positiveCount: number;
  readonly negativeCount: number;
  /** Rows that have a value and no place on the x axis. */
  readonly unplacedCount: number;
};

/** How many runs match, how many of them are drawn, and why the others are not. */
export function countsOf(tiles: KeyTiles, lines: readonly DrawnLine[]): LineCounts {
  const runCountOf = (series: TileSeries): number => (series.run === null ? series.run_count : 1);
  const ofKey = tiles.series.reduce((count, series) => count + runCountOf(series), 0);
  const hiddenCount = ofKey - lines.reduce((count, { series }) => count + runCountOf(series), 0);
  const sum = (count: (series: TileSeries) => number) => lines.reduce((total, { series }) => total + count(series), 0);
  return {
    runCount: tiles.run_count,
    shownCount: ofKey - hiddenCount,
    hiddenCount,
    withoutCount: Math.max(0, tiles.run_count - ofKey - tiles.left_out.length),
    failed: tiles.left_out,
    nanCount: sum((series) => series.nan_count),
    positiveCount: sum((series) => series.positive_infinity_count),
    negativeCount: sum((series) => series.negative_infinity_count),
    unplacedCount: sum((series) => series.unplaced_count ?? 0),
  };
}

const told = (count: number): string => count.toLocaleString("en");
const plural = (count: number, word: string): string => `${told(count)} ${word}${count === 1 ? "" : "s"}`;

/** `57 of 59 runs, 2 without this key`. */
export function countsText(counts: LineCounts): string {
  const { runCount, shownCount, hiddenCount, withoutCount, failed } = counts;
  const parts = [shownCount === runCount ? plural(runCount, "run") : `${told(shownCount)} of ${plural(runCount, "run")}`];
  if (withoutCount > 0) parts.push(`${told(withoutCount)} without this key`);
  if (hiddenCount > 0) parts.push(`${told(hiddenCount)} hidden`);
  if (failed.length > 0) parts.push(`${told(failed.length)} could not be read`);
  return parts.join(", ");
}
