/** One sweep: how far it is, its best runs, and which parameters made them so. */

import { useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { DEFAULT_PANELS, type PanelsState } from "../../state/panels";
import { mayEdit } from "../../state/session";
import { bestFirst, bestSoFar, metricOf, searchedParameters } from "../../state/sweep";
import { done, failed } from "../../state/undo";
import { fetchColumns } from "../../wire/asks";
import type { ColumnsPage } from "../../wire/documents";
import type { Json } from "../../wire/json";
import { editSweep, fetchSweep, type SweepInfo, type SweepPath, type SweepState } from "../../wire/sweeps";
import { formatAge, formatCell, formatCount, formatNumber, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { StateDot } from "../parts/StateDot";
import { Panels } from "../panels/Panels";
import { usePanelsInAddress } from "../run/panels_in_address";
import { useLoaded } from "../parts/use_loaded";
import { Course } from "./Course";
import { metricText, runsText } from "./sweep_texts";
import type { JsonObject } from "../../wire/json";

const BEST_RUNS = 20;
const MOST_RUNS = 10_000;
const NO_GROUPS: readonly string[] = [];
const NOTHING_HIDDEN: ReadonlySet<string> = new Set();

type SweepViewProps = { readonly path: SweepPath; readonly version: ReadonlySignal<string> };

export function SweepView({ path, version }: SweepViewProps): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchSweep(path, ask), [path.sweepId], version.value);
  const { value: sweep, error } = loaded.value;
  if (sweep === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  return (
    <article class="sweeps" aria-label={`Sweep ${sweep.name}`}>
      <header class="run-head">
        <h1 class="run-title">
          <span class="run-title-text">{sweep.name || sweep.sweep_id}</span>
          {sweep.name !== sweep.sweep_id && <code class="run-id">{sweep.sweep_id}</code>}
        </h1>
        <span class="run-facts">
          {sweep.state.toLowerCase()}
          {sweep.reason !== "" && ` (${sweep.reason})`} · {String(sweep.config["method"] ?? "")} · {metricText(sweep)} ·{" "}
          {runsText(sweep)} runs · <span title={formatTime(sweep.created_at)}>{formatAge(sweep.created_at, Date.now() / 1000)}</span>
        </span>
        <span class="spring" />
        {mayEdit.value && <Actions path={path} sweep={sweep} again={again} />}
      </header>
      {sweep.description !== null && <p class="notes">{sweep.description}</p>}
      <Runs path={path} sweep={sweep} version={version} />
      <Agents sweep={sweep} />
    </article>
  );
}

/** What a sweep may become, by what it is. */
const NEXT: Readonly<Record<SweepState, readonly (readonly [string, SweepState])[]>> = {
  PENDING: [["Pause", "PAUSED"], ["Cancel", "CANCELED"]],
  RUNNING: [["Pause", "PAUSED"], ["Finish", "FINISHED"], ["Cancel", "CANCELED"]],
  PAUSED: [["Resume", "RUNNING"], ["Finish", "FINISHED"], ["Cancel", "CANCELED"]],
  FINISHED: [["Resume", "RUNNING"]],
  CANCELED: [],
};
const EXPLAINED: Readonly<Record<string, string>> = {
  Pause: "No new runs are begun; what runs goes on",
  Resume: "New runs are begun again",
  Finish: "No new runs are begun any more; what runs goes on to its end",
  Cancel: "What runs is stopped too",
};

function Actions({ path, sweep, again }: { readonly path: SweepPath; readonly sweep: SweepInfo; readonly again: () => void }): JSX.Element {
  const become = async (state: SweepState, said: string): Promise<void> => {
    try {
      await editSweep(path, { state });
      done(`${said}: sweep ${sweep.name || sweep.sweep_id}`);
    } catch (error) {
      failed(error);
    }
    again();
  };
  return (
    <>
      {NEXT[sweep.state].map(([name, state]) => (
        <button key={name} type="button" class="button" title={EXPLAINED[name]} onClick={() => void become(state, name)}>
          {name}
        </button>
      ))}
    </>
  );
}

function Runs({ path, sweep, version }: SweepViewProps & { readonly sweep: SweepInfo }): JSX.Element {
  const metric = metricOf(sweep.config);
  const parameters = searchedParameters(sweep.config);
  const filters = { sweep: path.sweepId };
  const columns = ["name", "state", "created_at", ...(metric === null ? [] : [`summary.${metric.name}`]), ...parameters.map((name) => `config.${name}`)];
  const [loaded, again] = useLoaded(
    (ask) => fetchColumns(path, { columns, filters, order: ["+created_at"], limit: MOST_RUNS }, ask),
    [path.sweepId],
    version.value,
  );
  const { value: page, error } = loaded.value;
  if (page === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (page.total_count === 0) {
    return <Empty title="No run of this sweep has begun." code={`runlake agent ${path.entity}/${path.project}/${path.sweepId}`} />;
  }
  const values = metric === null ? [] : (page.columns[`summary.${metric.name}`] ?? []).map(numberOf);
  return (
    <>
      {metric !== null && (
        <section aria-label="Course">
          <h2>Course</h2>
          <Course values={values} best={bestSoFar(values, metric.isLessBetter)} name={metric.name} />
        </section>
      )}
      <section aria-label="Best runs">
        <h2>{metric === null ? "Runs" : "Best runs"}</h2>
        <BestRuns path={path} page={page} columns={columns} places={metric === null ? page.run_ids.map((_, i) => i) : bestFirst(values, metric.isLessBetter)} />
      </section>
      <section aria-label="Charts">
        <SweepCharts path={path} sweep={sweep} version={version} />
      </section>
    </>
  );
}

type BestRunsProps = {
  readonly path: SweepPath;
  readonly page: ColumnsPage;
  readonly columns: readonly string[];
  readonly places: readonly number[];
};

function BestRuns({ path, page, columns, places }: BestRunsProps): JSX.Element {
  const shown = columns.slice(3);
  const cell = (column: string, place: number): Json => page.columns[column]?.[place] ?? null;
  const classes = shown.map((column) => (page.columns[column]?.some((value) => numberOf(value) !== null) === true ? "number" : ""));
  return (
    <div class="table-scroll" tabIndex={0}>
      <table class="documents-table">
        <thead>
          <tr>
            <th scope="col">Run</th>
            {shown.map((column, i) => (
              <th key={column} scope="col" class={classes[i]}>
                {column.replace(/^(config|summary)\./, "")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {places.slice(0, BEST_RUNS).map((place) => (
            <tr key={page.run_ids[place]}>
              <th scope="row">
                <StateDot state={String(cell("state", place))} />{" "}
                <a href={formatHash([path.entity, path.project, "runs", page.run_ids[place] ?? ""])}>{String(cell("name", place))}</a>
              </th>
              {shown.map((column, i) => (
                <td key={column} class={classes[i]}>
                  {formatCell(column, cell(column, place), 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {page.total_count > BEST_RUNS && (
        <p class="soft">
          {BEST_RUNS} of {formatCount(page.total_count)} runs; all of them are in{" "}
          <a href={formatHash([path.entity, path.project], `f=${encodeURIComponent(`sweep = "${path.sweepId}"`)}`)}>the table</a>.
        </p>
      )}
    </div>
  );
}

/** The panels of the sweep's runs, with which parameters go with which values before all others. */
function SweepCharts({ path, sweep, version }: SweepViewProps & { readonly sweep: SweepInfo }): JSX.Element {
  const metric = metricOf(sweep.config);
  const parameters = searchedParameters(sweep.config).map((name) => `config.${name}`);
  const added: PanelsState["added"] =
    metric === null
      ? []
      : [
          { kind: "parallel", columns: [...parameters, `summary.${metric.name}`] },
          { kind: "importance", metric: `summary.${metric.name}` },
        ];
  const settings = usePanelsInAddress({ ...DEFAULT_PANELS, added });
  const filters = useComputed<JsonObject | null>(() => ({ sweep: path.sweepId }));
  const runIds = useComputed<readonly string[] | null>(() => null);
  const groupBy = useComputed(() => NO_GROUPS);
  const hiddenRuns = useComputed(() => NOTHING_HIDDEN);
  const runNames = useComputed(() => new Map<string, string>());
  const hoverRun = useSignal<string | null>(null);
  return (
    <Panels
      entity={path.entity}
      project={path.project}
      {...{ runIds, filters, groupBy, hiddenRuns, runNames, settings, version, hoverRun }}
    />
  );
}

function Agents({ sweep }: { readonly sweep: SweepInfo }): JSX.Element | null {
  const now = Date.now() / 1000;
  if (sweep.agents.length === 0) {
    return null;
  }
  return (
    <section aria-label="Agents">
      <h2>Agents</h2>
      <table class="documents-table">
        <tbody>
          {sweep.agents.map((agent) => (
            <tr key={agent.agent_id}>
              <th scope="row">
                <code>{agent.agent_id}</code>
              </th>
              <td>{agent.state.toLowerCase()}</td>
              <td>{agent.host}</td>
              <td class="number">{formatNumber(agent.run_ids.length)} runs</td>
              <td title={formatTime(agent.heartbeat_at)}>{formatAge(agent.heartbeat_at, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function numberOf(value: Json): number | null {
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : null;
}
