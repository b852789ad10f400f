/** What was changed in a run from outside of its process: when, where, and what stood there before. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { writeJson, type Json } from "../../wire/json";
import { fetchEdits, type PastEdit } from "../../wire/run";
import { formatCount, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { shortText } from "./DocumentTable";
import type { RunPartProps } from "./run_part";

const SHOWN_AT_FIRST = 20;

export function Edits({ path, run, version }: Omit<RunPartProps, "again">): JSX.Element | null {
  // A run that was changed here comes again, another object, before the news of it.
  const [loaded] = useLoaded((ask) => fetchEdits(path, run.generation, ask), [path.runId, run.generation, run], version.value);
  const isWhole = useSignal(false);
  const { value: edits, error } = loaded.value;
  if (edits === null || edits.length === 0) return error === null ? null : <Problem error={error} />;
  const newest = [...edits].reverse();
  const shown = isWhole.value ? newest : newest.slice(0, SHOWN_AT_FIRST);
  return (
    <section aria-label="Edits">
      <h2>
        Edits <span class="soft">{formatCount(edits.length)}</span>
      </h2>
      <p class="soft">What was changed from outside of the run's process, the last first.</p>
      <div class="table-scroll">
        <table class="documents-table">
          <tbody>{shown.map((edit, i) => <Edit key={newest.length - i} edit={edit} />)}</tbody>
        </table>
      </div>
      {shown.length < newest.length && (
        <button type="button" class="button" onClick={() => (isWhole.value = true)}>
          Show all {formatCount(newest.length)}
        </button>
      )}
    </section>
  );
}

function Edit({ edit }: { readonly edit: PastEdit }): JSX.Element {
  const { part, key, before, after, was_there: wasThere, is_there: isThere } = edit;
  return (
    <tr>
      <th scope="row">{part === "run" ? key.replace("_", " ") : `${part}.${key}`}</th>
      <td>
        {wasThere === null ? <span class="soft" title="Rows that came later have taken its place">not kept</span> : <Value isThere={wasThere} value={before} />}
        {" → "}
        <Value isThere={isThere} value={after} />
      </td>
      <td class="soft">{formatTime(edit.timestamp)}</td>
    </tr>
  );
}

function Value({ isThere, value }: { readonly isThere: boolean; readonly value: Json }): JSX.Element {
  return isThere ? <span title={writeJson(value)}>{shortText(value)}</span> : <span class="soft">nothing</span>;
}
