/** The values of all lines at a place of x. */

import { nearestPoint } from "../../drawing/hit";
import type { ChartLayout, ChartLine } from "../../drawing/line_chart";

export type ReadoutRow = {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly value: number;
  /** Of how many runs the value is, where it is one of a group. */
  readonly runCount: number | null;
};

export type Readout = {
  readonly x: number;
  readonly rows: readonly ReadoutRow[];
  readonly hitId: string | null;
  /** Lines without a value here. */
  readonly absentCount: number;
};

/** How far the nearest point of a line that ended may be, in pixels. */
const REACH_PX = 12;

/** What is read at a pixel, the highest value first. */
export function readAt(lines: readonly ChartLine[], layout: ChartLayout, pixel: number, hitId: string | null): Readout {
  const rows: ReadoutRow[] = [];
  for (const line of lines) {
    const at = nearestPoint(line, layout.x, pixel, REACH_PX);
    if (at === null) continue;
    const { id, name, colour, dash } = line;
    rows.push({ id, name, colour, dash, value: line.y[at]!, runCount: line.runCounts?.[at] ?? null });
  }
  rows.sort((one, other) => other.value - one.value);
  return { x: layout.x.valueAt(pixel), rows, hitId, absentCount: lines.length - rows.length };
}

/** The rows about the one that was hit, at most `count`, and how many are above and below. */
export function rowsAbout(readout: Readout, count: number): { rows: readonly ReadoutRow[]; above: number; below: number } {
  const { rows, hitId } = readout;
  const hit = Math.max(0, rows.findIndex(({ id }) => id === hitId));
  const from = Math.max(0, Math.min(hit - Math.floor(count / 2), rows.length - count));
  const shown = rows.slice(from, from + count);
  return { rows: shown, above: from, below: rows.length - from - shown.length };
}
