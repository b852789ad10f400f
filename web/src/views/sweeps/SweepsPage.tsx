/** The sweeps of a project; behind the id of one, that one. */

import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchSweeps } from "../../wire/sweeps";
import { formatAge, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { metricText, runsText } from "./sweep_texts";
import { SweepView } from "./SweepView";
import "../../style/run.css";
import "../../style/sweeps.css";

export type SweepsPageProps = {
  readonly path: { readonly entity: string; readonly project: string; readonly rest: readonly string[] };
  readonly version: ReadonlySignal<string>;
};

export function SweepsPage({ path, version }: SweepsPageProps): JSX.Element {
  const [sweepId] = path.rest;
  return sweepId === undefined ? (
    <SweepList path={path} version={version} />
  ) : (
    <SweepView key={sweepId} path={{ entity: path.entity, project: path.project, sweepId }} version={version} />
  );
}

function exampleOf(entity: string, project: string): string {
  const place = `entity=${JSON.stringify(entity)}, project=${JSON.stringify(project)}`;
  return `configuration = {
    "method": "bayes",
    "metric": {"name": "val_loss", "goal": "minimize"},
    "parameters": {"lr": {"min": 1e-4, "max": 1e-1}},
}
sweep_id = runlake.sweep(configuration, ${place})
runlake.agent(sweep_id, function=train, count=20, ${place})`;
}

function SweepList({ path, version }: SweepsPageProps): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchSweeps(path, ask), [path.entity, path.project], version.value);
  const { value: sweeps, error } = loaded.value;
  if (sweeps === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (sweeps.length === 0) {
    return <Empty title="This project has no sweeps." code={exampleOf(path.entity, path.project)} />;
  }
  const now = Date.now() / 1000;
  return (
    <article class="sweeps" aria-label="Sweeps">
      <table class="documents-table">
        <thead>
          <tr>
            {["Sweep", "State", "Method", "Metric", "Runs", "Created"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sweeps.toReversed().map((sweep) => (
            <tr key={sweep.sweep_id}>
              <th scope="row">
                <a href={formatHash([path.entity, path.project, "sweeps", sweep.sweep_id])}>{sweep.name || sweep.sweep_id}</a>{" "}
                {sweep.name !== sweep.sweep_id && <code class="run-id">{sweep.sweep_id}</code>}
              </th>
              <td>{sweep.state.toLowerCase()}</td>
              <td>{String(sweep.config["method"] ?? "")}</td>
              <td>{metricText(sweep)}</td>
              <td class="number">{runsText(sweep)}</td>
              <td title={formatTime(sweep.created_at)}>{formatAge(sweep.created_at, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </article>
  );
}
