/** Config and summary of a run as tables of their leaves, searched, and beside another run or an older history. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, setInQuery } from "../../state/address";
import { fetchGenerations, fetchRun } from "../../wire/run";
import { formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { DocumentTable } from "./DocumentTable";
import type { RunPartProps } from "./run_part";
import { useLoaded } from "../parts/use_loaded";

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
    setInQuery("against", name === "" ? null : name);
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
        <DocumentTable
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
