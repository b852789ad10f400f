/** The line between a query and its answer: run and cancel, how long it takes, how many rows there are, the file of them. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { SqlModel } from "../../state/sql";
import { failed } from "../../state/undo";
import { fetchSqlCsv, type SqlAnswer, type SqlPlace } from "../../wire/sql";
import { download, fileName } from "../panels/download";
import { counted, formatCount, formatDuration } from "../parts/format";

type SqlStatusProps = { readonly model: SqlModel; readonly place: SqlPlace; readonly limitS: number; readonly run: () => void };

export function SqlStatus({ model, place, limitS, run }: SqlStatusProps): JSX.Element {
  const asked = model.asked.value;
  return (
    <div class="sql-under">
      <div class="sql-status">
        <button type="button" class="button button-main" disabled={model.text.value.trim() === "" || asked.is === "asking"} onClick={run} title="Ctrl + Enter">
          Run
        </button>
        {asked.is === "asking" && (
          <button type="button" class="button" onClick={() => model.cancel()}>
            Cancel
          </button>
        )}
        <span role="status">
          {asked.is === "asking" && <Clock beganAt={asked.beganAt} limitS={limitS} />}
          {asked.is === "answered" && <Answered answer={asked.answer} />}
        </span>
        {asked.is === "nothing" && <span class="soft sql-keys">Ctrl + Enter runs it</span>}
        <span class="spring" />
        {asked.is === "answered" && <Csv query={asked.query} place={place} />}
      </div>
      {asked.is === "failed" && (
        <pre class="sql-problem" role="alert">
          {asked.error.message}
        </pre>
      )}
    </div>
  );
}

function Answered({ answer }: { readonly answer: SqlAnswer }): JSX.Element {
  const shown = answer.values[0]?.length ?? 0;
  return (
    <>
      {counted(answer.row_count, "row")} <span class="soft">in {formatDuration(Number(answer.took_s.toPrecision(2)))}</span>
      {shown < answer.row_count && <span class="soft">; the first {formatCount(shown)} are shown, the file has all</span>}
    </>
  );
}

function Clock({ beganAt, limitS }: { readonly beganAt: number; readonly limitS: number }): JSX.Element {
  const now = useSignal(beganAt);
  useEffect(() => {
    const timer = setInterval(() => (now.value = performance.now()), 100);
    return () => clearInterval(timer);
  }, [beganAt]);
  return (
    <span class="soft">
      {((now.value - beganAt) / 1000).toFixed(1)} s, at most {formatDuration(limitS)}
    </span>
  );
}

function Csv({ query, place }: { readonly query: string; readonly place: SqlPlace }): JSX.Element {
  const isAsking = useSignal(false);
  const save = (): void => {
    isAsking.value = true;
    fetchSqlCsv(query, place)
      .then((bytes) => download(fileName(place?.project ?? "runlake", "csv"), new Blob([bytes], { type: "text/csv" })), failed)
      .finally(() => (isAsking.value = false));
  };
  return (
    <button type="button" class="button" disabled={isAsking.value} onClick={save}>
      {isAsking.value ? "Asking…" : "Download CSV"}
    </button>
  );
}
