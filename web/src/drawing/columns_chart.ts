/** Lines and bars out of the columns of a table. */

import type { BarRow } from "./bars";
import type { ChartLine } from "./line_chart";

export type Look = { readonly colour: string; readonly dash: readonly number[] };
type Numbers = readonly (number | null)[];

export type ColumnsChart = {
  readonly lines: readonly ChartLine[];
  /** Lines that there are and that are not drawn. */
  readonly leftOutCount: number;
};

const NOTHING = new Float64Array(0);

/** More lines than these cannot be told apart, nor counted in a legend. */
export const MOST_LINES = 100;
export const MOST_BARS = 200;

/** A line for each text of `names`, or one; the points of each in the order of x, in which equal places stay as they come. */
export function linesOfColumns(x: Numbers, y: Numbers, names: readonly string[] | null, title: string, lookOf: (name: string) => Look): ColumnsChart {
  const rowsOf = new Map<string, number[]>();
  x.forEach((place, row) => {
    if (place === null || !Number.isFinite(place)) return;
    const name = names?.[row] ?? title;
    const rows = rowsOf.get(name);
    if (rows === undefined) rowsOf.set(name, [row]);
    else rows.push(row);
  });
  const lines = [...rowsOf].slice(0, MOST_LINES).map(([name, rows]): ChartLine => {
    rows.sort((one, other) => x[one]! - x[other]! || one - other);
    return {
      id: name,
      name,
      ...lookOf(name),
      x: Float64Array.from(rows, (row) => x[row]!),
      y: Float64Array.from(rows, (row) => y[row] ?? NaN),
      raw: null,
      band: null,
      marks: { x: NOTHING, kind: NOTHING },
    };
  });
  return { lines, leftOutCount: rowsOf.size - lines.length };
}

/** A bar a row, as the rows come. */
export function barsOfColumns(names: readonly string[], y: Numbers, lookOf: (name: string) => Look): BarRow[] {
  return names.slice(0, MOST_BARS).map((name, row) => ({ name, colour: lookOf(name).colour, value: y[row] ?? null }));
}
