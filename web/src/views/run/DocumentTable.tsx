/** Config or summary of one run or of several beside each other, a row a leaf. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { compare, matches, type ComparedRow } from "../../state/flat";
import { writeJson, type Json } from "../../wire/json";
import type { RunInfo } from "../../wire/run";
import { formatCell, formatCount } from "../parts/format";

const MOST_ROWS = 1000;
/** More characters than this are a tall column where a table is narrow. */
const LONG_TEXT = 80;

export type DocumentTableProps = {
  readonly part: "config" | "summary";
  readonly runs: readonly RunInfo[];
  readonly search: string;
  readonly isOnlyDifferent: boolean;
};

export function DocumentTable({ part, runs, search, isOnlyDifferent }: DocumentTableProps): JSX.Element {
  const isWhole = useSignal(false);
  const rows = compare(runs.map((run) => run[part])).filter(
    (row) => !row.path.startsWith("_wandb") && matches(search, row.path, row.values) && !(isOnlyDifferent && row.isSame),
  );
  const shown = isWhole.value ? Infinity : MOST_ROWS;
  const title = part === "config" ? "Config" : "Summary";
  return (
    <section aria-label={title}>
      <h2>
        {title} <span class="soft">{formatCount(rows.length)}</span>
      </h2>
      {rows.length === 0 ? (
        <p class="soft">{isOnlyDifferent ? "Nothing differs." : search === "" ? `No ${part}.` : "Nothing has that."}</p>
      ) : (
        <div class="table-scroll" tabIndex={runs.length > 2 ? 0 : -1}>
        <table class="documents-table">
          {runs.length > 1 && (
            <thead>
              <tr>
                <th scope="col">Name</th>
                {runs.map((run) => (
                  <th key={`${run.run_id}${run.generation}`} scope="col" title={run.name}>
                    <span class="head-text">{run.name}</span>
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <Row key={row.path} row={row} isCompared={runs.length > 1} />
            ))}
          </tbody>
        </table>
        </div>
      )}
      {rows.length > shown && (
        <button type="button" class="button" onClick={() => (isWhole.value = true)}>
          Show all {formatCount(rows.length)}
        </button>
      )}
    </section>
  );
}

function Row({ row, isCompared }: { readonly row: ComparedRow; readonly isCompared: boolean }): JSX.Element {
  return (
    <tr class={isCompared && !row.isSame ? "differs" : ""}>
      <th scope="row">
        <LongText text={row.path} whole={row.path} />
      </th>
      {row.values.map((value, i) => (
        <td key={i} title={value === undefined ? "" : writeJson(value)}>
          {value === undefined ? <span class="soft">not there</span> : <LongText text={shortText(value)} whole={wholeText(value)} />}
        </td>
      ))}
    </tr>
  );
}

/** Of a long text the first lines, until somebody clicks at it. */
function LongText({ text, whole }: { readonly text: string; readonly whole: string }): JSX.Element {
  const isWhole = useSignal(false);
  if (text.length <= LONG_TEXT) {
    return <>{text}</>;
  }
  return (
    <button type="button" class="text-button long-text" aria-expanded={isWhole.value} onClick={() => (isWhole.value = !isWhole.value)}>
      {isWhole.value ? whole : text}
    </button>
  );
}

/** A value as text, however long. */
function wholeText(value: Json): string {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && "_type" in value) {
    return `(${String((value as { _type: Json })._type)})`;
  }
  return value === null ? "null" : formatCell("", value, 0);
}

/** The beginning of a value. */
export function shortText(value: Json): string {
  const text = wholeText(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
