/** Config and summary of a run as tables of their leaves, searched, and beside another run or an older history. */

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, replaceQuery } from "../../state/address";
import { compare, matches, type ComparedRow } from "../../state/flat";
import { writeJson, type Json } from "../../wire/json";
import { fetchGenerations, fetchRun, type RunInfo } from "../../wire/run";
import { formatCell, formatCount, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import type { RunPartProps } from "./RunPage";
import { useLoaded } from "./use_loaded";

const MOST_ROWS = 1000;

export function Documents({ path, run }: RunPartProps): JSX.Element {
  const search = useSignal("");
  const isOnlyDifferent = useSignal(true);
  const against = new URLSearchParams(address.value.query).get("against");
  const [generations] = useLoaded((ask) => fetchGenerations(path, ask), [path.runId, run.generation]);
  const [other, again] = useLoaded(
    (ask) => {
      if (against === null) {
        return Promise.resolve(null);
      }
      const isGeneration = against.startsWith("@");
      const there = isGeneration ? path : { ...path, runId: against };
      return fetchRun(there, isGeneration ? against.slice(1) : null, ask);
    },
    [against, path.runId],
  );
  const compareWith = (name: string): void => {
    const query = new URLSearchParams(address.peek().query);
    if (name === "") {
      query.delete("against");
    } else {
      query.set("against", name);
    }
    replaceQuery(query.toString());
  };
  const beside = against === null ? null : other.value.value;
  const older = generations.value.value?.filter(({ generation }) => generation !== run.generation) ?? [];
  return (
    <div class="documents">
      <div class="documents-tools">
        <input
          type="search"
          class="field"
          placeholder="Find a name or a value"
          aria-label="Find a name or a value"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <input
          class="field"
          placeholder="Compare with the run id…"
          aria-label="Compare with another run, by its id"
          value={against?.startsWith("@") ? "" : (against ?? "")}
          onChange={(event) => compareWith(event.currentTarget.value.trim())}
        />
        {older.length > 0 && (
          <select
            class="field"
            aria-label="Compare with an older history of this run"
            value={against?.startsWith("@") ? against : ""}
            onChange={(event) => compareWith(event.currentTarget.value)}
          >
            <option value="">an older history…</option>
            {older.map(({ generation, created_at }) => (
              <option key={generation} value={`@${generation}`}>
                {formatTime(created_at)}
              </option>
            ))}
          </select>
        )}
        {beside !== null && (
          <label class="check">
            <input type="checkbox" checked={isOnlyDifferent.value} onChange={() => (isOnlyDifferent.value = !isOnlyDifferent.value)} />{" "}
            Only what differs
          </label>
        )}
      </div>
      {against !== null && other.value.error !== null && <Problem error={other.value.error} again={again} />}
      {(["config", "summary"] as const).map((part) => (
        <Document
          key={part}
          part={part}
          runs={beside === null ? [run] : [run, beside]}
          search={search.value}
          isOnlyDifferent={beside !== null && isOnlyDifferent.value}
        />
      ))}
    </div>
  );
}

type DocumentProps = {
  readonly part: "config" | "summary";
  readonly runs: readonly RunInfo[];
  readonly search: string;
  readonly isOnlyDifferent: boolean;
};

function Document({ part, runs, search, isOnlyDifferent }: DocumentProps): JSX.Element {
  const isWhole = useSignal(false);
  const rows = compare(runs.map((run) => run[part])).filter(
    (row) => !row.path.startsWith("_wandb") && matches(search, row.path, row.values) && !(isOnlyDifferent && row.isSame),
  );
  const shown = useComputed(() => (isWhole.value ? Infinity : MOST_ROWS)).value;
  const title = part === "config" ? "Config" : "Summary";
  return (
    <section aria-label={title}>
      <h2>
        {title} <span class="soft">{formatCount(rows.length)}</span>
      </h2>
      {rows.length === 0 ? (
        <p class="soft">{isOnlyDifferent ? "Nothing differs." : search === "" ? `No ${part}.` : "Nothing has that."}</p>
      ) : (
        <table class="documents-table">
          {runs.length > 1 && (
            <thead>
              <tr>
                <th scope="col">Name</th>
                {runs.map((run) => (
                  <th key={`${run.run_id}${run.generation}`} scope="col">
                    {run.name}
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
      <th scope="row">{row.path}</th>
      {row.values.map((value, i) => (
        <td key={i} title={value === undefined ? "" : writeJson(value)}>
          {value === undefined ? <span class="soft">not there</span> : shortText(value)}
        </td>
      ))}
    </tr>
  );
}

function shortText(value: Json): string {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && "_type" in value) {
    return `(${String((value as { _type: Json })._type)})`;
  }
  const text = value === null ? "null" : formatCell("", value, 0);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
