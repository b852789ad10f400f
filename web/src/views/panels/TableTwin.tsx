/** A chart as a table: for those who do not see it, and for those who want the numbers. */

import type { JSX } from "preact";
import { formatValue } from "../../drawing/format";
import type { DrawnLine } from "../../state/chart_lines";
import { Swatch } from "./Swatch";

/** A table of more lines than this is long: the rest is counted. */
const ROWS = 200;

const read = (value: number | null): string => (value === null ? "" : formatValue(value));

function notFinite({ nan_count, positive_infinity_count, negative_infinity_count }: DrawnLine["series"]): string {
  const parts = [[nan_count, "NaN"], [positive_infinity_count, "+\u221e"], [negative_infinity_count, "\u2212\u221e"]] as const;
  return parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`).join(", ");
}

export function TableTwin(props: { readonly title: string; readonly lines: readonly DrawnLine[] }): JSX.Element {
  const { lines, title } = props;
  return (
    <div class="table-twin" tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            {["Run", "Last", "Lowest", "Highest", "Rows", "Not finite"].map((name) => <th key={name} scope="col">{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, ROWS).map((line) => (
            <tr key={line.id}>
              <th scope="row"><Swatch colour={line.colour} dash={line.dash} /> {line.name}</th>
              <td>{read(line.series.last)}</td>
              <td>{read(line.series.lowest)}</td>
              <td>{read(line.series.highest)}</td>
              <td>{line.series.row_count}</td>
              <td>{notFinite(line.series)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > ROWS && <p>and {lines.length - ROWS} more; the CSV has all</p>}
    </div>
  );
}
