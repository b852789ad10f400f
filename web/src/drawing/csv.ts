/** What a chart draws, as text for a table: one row a point, whole numbers of the store. */

import type { ChartLine } from "./line_chart";
import { firstAbove, firstAtLeast } from "./polyline";
import type { Range } from "./scale";

const KINDS = ["nan", "inf", "-inf"] as const;

/** A field of CSV: quoted where it must be; text that a spreadsheet would run is led by an apostrophe. */
export function csvField(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.]|inf)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** The lines as drawn, within a range: `line`, the `raw` values behind it, the `band`, and what was marked. */
export function chartCsv(lines: readonly ChartLine[], axes: { readonly x: string; readonly y: string }, range: Range): string {
  const rows = [["run", "name", "drawn", axes.x, axes.y, "low", "high"].map(csvField).join(",")];
  for (const { id, name, x, y, raw, band, marks } of lines) {
    const lead = `${csvField(id)},${csvField(name)}`;
    const each = (xs: Float64Array, write: (i: number) => string): void => {
      const to = firstAbove(xs, range.high);
      for (let i = firstAtLeast(xs, range.low); i < to; i++) rows.push(`${lead},${write(i)}`);
    };
    each(x, (i) => `line,${x[i]},${Number.isNaN(y[i]!) ? "" : y[i]},,`);
    if (raw !== null) each(raw.x, (i) => `raw,${raw.x[i]},${Number.isNaN(raw.y[i]!) ? "" : raw.y[i]},,`);
    if (band !== null) each(band.x, (i) => `band,${band.x[i]},,${band.low[i]},${band.high[i]}`);
    each(marks.x, (i) => `mark,${marks.x[i]},${KINDS[marks.kind[i]!] ?? ""},,`);
  }
  return `${rows.join("\n")}\n`;
}
