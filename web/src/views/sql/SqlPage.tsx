/** SQL over a project, or over all of them: a query, and its answer as a table and a chart. */

import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { address, setInQuery } from "../../state/address";
import { SqlModel } from "../../state/sql";
import { fetchSqlTables, type SqlPlace } from "../../wire/sql";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { SqlAnswerView } from "./SqlAnswerView";
import { SqlEditor } from "./SqlEditor";
import { SqlExamples } from "./SqlExamples";
import { SqlStatus } from "./SqlStatus";
import "../../style/sql.css";

export type SqlPageProps = { readonly path?: { readonly entity: string; readonly project: string } };

export function SqlPage({ path }: SqlPageProps): JSX.Element {
  const [loaded, again] = useLoaded(fetchSqlTables, []);
  const place: SqlPlace = path === undefined ? null : { entity: path.entity, project: path.project };
  const model = useMemo(() => new SqlModel(place), [place?.entity, place?.project]);
  const inAddress = new URLSearchParams(address.value.query).get("q") ?? "";
  useEffect(() => {
    if (inAddress !== model.ran) {
      model.text.value = inAddress;
      void model.run();
    }
  }, [inAddress, model]);
  useEffect(() => () => model.cancel(), [model]);
  const { value: tables, error } = loaded.value;
  if (tables === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (!tables.is_available) {
    return (
      <Empty title="SQL needs DuckDB where the page is served" code="pip install 'runlake[duckdb]'">
        <p>It is not installed there. With it, queries read runs, config, summary, history and all else that is stored.</p>
      </Empty>
    );
  }
  const run = (): void => {
    void model.run();
    setInQuery("q", model.ran);
  };
  return (
    <article class="sql" aria-label="SQL">
      <h1 class="sql-title">
        SQL <span class="soft">over {path === undefined ? "all projects" : path.project}</span>
      </h1>
      <div class="sql-write">
        <SqlEditor model={model} tables={tables.tables} run={run} />
        <SqlStatus model={model} place={place} limitS={tables.time_s} run={run} />
      </div>
      {model.asked.value.is === "nothing" && model.text.value.trim() === "" && <SqlExamples model={model} place={place} run={run} />}
      {model.asked.value.is === "answered" && <SqlAnswerView answer={model.asked.value.answer} place={place} />}
    </article>
  );
}
