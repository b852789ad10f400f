/** The rows of an answer; only those in sight are mounted. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatHash } from "../../state/address";
import { isNumber, wordOf } from "../../state/sql_chart";
import type { Json } from "../../wire/json";
import type { SqlAnswer, SqlPlace } from "../../wire/sql";
import { formatNumber } from "../parts/format";
import { rowsInSight } from "../parts/virtual_window";

/** As in sql.css. */
const ROW_PX = 26;
const SPARE_ROWS = 12;
const MEASURED_ROWS = 200;
const [NARROWEST, WIDEST] = [7, 44];

export function SqlRows({ answer, place }: { readonly answer: SqlAnswer; readonly place: SqlPlace }): JSX.Element {
  const { columns, values } = answer;
  const rowCount = values[0]?.length ?? 0;
  const scroll = useRef<HTMLDivElement>(null);
  const sight = useSignal({ top: 0, height: 600 });
  const widths = useMemo(() => columns.map(({ name }, at) => widthOf(name, values[at] ?? [])), [answer]);
  const linkOf = useMemo(() => runLinks(answer, place), [answer, place]);
  const look = (): void => {
    const element = scroll.current;
    if (element !== null) {
      sight.value = { top: element.scrollTop, height: element.clientHeight };
    }
  };
  useEffect(() => {
    scroll.current!.scrollTop = 0;
    const observer = new ResizeObserver(look);
    observer.observe(scroll.current!);
    return () => observer.disconnect();
  }, [answer]);
  const { first, end } = rowsInSight(sight.value.top, sight.value.height, ROW_PX, rowCount, SPARE_ROWS);
  return (
    <div ref={scroll} class="sql-rows" tabIndex={0} role="region" aria-label="Rows" onScroll={look}>
      <table aria-rowcount={answer.row_count + 1} style={{ width: `${widths.reduce((sum, width) => sum + width, 0)}ch` }}>
        <colgroup>
          {widths.map((width, at) => (
            <col key={at} style={{ width: `${width}ch` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column, at) => (
              <th key={at} scope="col" class={isNumber(column) ? "number" : ""} title={`${column.name}: ${column.type}`}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="sql-space" style={{ height: `${first * ROW_PX}px` }} />}
          {Array.from({ length: end - first }, (_, i) => first + i).map((row) => (
            <tr key={row} aria-rowindex={row + 2}>
              {columns.map((column, at) => (
                <Cell key={at} value={values[at]?.[row] ?? null} isNumber={isNumber(column)} link={column.name === "run_id" ? linkOf(row) : null} />
              ))}
            </tr>
          ))}
          {end < rowCount && <tr class="sql-space" style={{ height: `${(rowCount - end) * ROW_PX}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ value, isNumber, link }: { readonly value: Json; readonly isNumber: boolean; readonly link: string | null }): JSX.Element {
  const exact = wordOf(value);
  const text = typeof value === "number" || typeof value === "bigint" ? formatNumber(value) : exact;
  return (
    <td class={isNumber ? "number" : ""} title={value === null ? "NULL" : typeof value === "number" ? String(value) : exact}>
      {value === null ? <span class="sql-null">–</span> : link === null ? text : <a href={link}>{text}</a>}
    </td>
  );
}

/** In letters; what is longer is cut. */
function widthOf(name: string, values: readonly Json[]): number {
  const longest = values.slice(0, MEASURED_ROWS).reduce<number>((most, value) => {
    const text = typeof value === "number" ? formatNumber(value) : wordOf(value);
    return Math.max(most, text.length);
  }, name.length);
  return Math.min(WIDEST, Math.max(NARROWEST, longest + 3));
}

/** The page of the run of a row, where the answer says which run that is. */
function runLinks({ columns, values }: SqlAnswer, place: SqlPlace): (row: number) => string | null {
  const column = (name: string): readonly Json[] | undefined => values[columns.findIndex((one) => one.name === name)];
  const [runs, entities, projects] = [column("run_id"), column("entity"), column("project")];
  return (row) => {
    const path = [entities?.[row] ?? place?.entity, projects?.[row] ?? place?.project, runs?.[row]];
    const [entity, project, run] = path;
    return typeof entity === "string" && typeof project === "string" && typeof run === "string" ? formatHash([entity, project, "runs", run]) : null;
  };
}
