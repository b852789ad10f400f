/** Some runs beside each other: what differs in config and summary, their charts, their media, their source. */

import { useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, formatHash, setInQuery } from "../../state/address";
import { colourOf } from "../../state/colours";
import { mediaKeys } from "../../state/media";
import { DEFAULT_PANELS } from "../../state/panels";
import { fetchRun, type RunInfo, type RunPath } from "../../wire/run";
import { ApiError, type Ask } from "../../wire/http";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { Panels } from "../panels/Panels";
import { CodeDifference, MOST_CODE_RUNS } from "./CodeDifference";
import { DocumentTable } from "../run/DocumentTable";
import { MediaByStep, Together } from "../run/Media";
import { usePanelsInAddress } from "../run/panels_in_address";
import { useLoaded } from "../parts/use_loaded";
import "../../style/run.css";
import "../../style/compare.css";
import type { JsonObject } from "../../wire/json";

const MOST_RUNS = 50;
const NO_GROUPS: readonly string[] = [];
const NOTHING_HIDDEN: ReadonlySet<string> = new Set();

type Project = { readonly entity: string; readonly project: string };
export type ComparePageProps = { readonly path: Project; readonly version: ReadonlySignal<string> };

/** The runs that could be read, and why the others could not. */
type Found = { readonly runs: readonly RunInfo[]; readonly problems: readonly string[] };

export function ComparePage({ path, version }: ComparePageProps): JSX.Element {
  const named = new URLSearchParams(address.value.query).get("runs") ?? "";
  const ids = [...new Set(named.split(",").filter(Boolean))];
  const [loaded, again] = useLoaded((ask) => fetchAll(path, ids.slice(0, MOST_RUNS), ask), [named], version.value);
  const { value, error } = loaded.value;
  if (ids.length === 0) {
    return (
      <Empty title="No runs are chosen.">
        <p>
          Select some in <a href={formatHash([path.entity, path.project])}>the table</a>, and compare them from there.
        </p>
      </Empty>
    );
  }
  if (value === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  return (
    <article class="compare" aria-label="Runs beside each other">
      {ids.length > MOST_RUNS && (
        <p class="strip strip-warn">
          The first {MOST_RUNS} of {ids.length} runs are compared here; the table and its charts take any number.
        </p>
      )}
      {value.problems.map((problem) => (
        <p key={problem} class="strip strip-warn">
          {problem}
        </p>
      ))}
      <Runs path={path} runs={value.runs} />
      <Differences runs={value.runs} />
      <Source runs={value.runs} />
      {value.runs.length > 1 && value.runs.length <= MOST_CODE_RUNS && <CodeDifference path={path} runs={value.runs} />}
      <section class="compare-charts" aria-label="Charts">
        <ComparedCharts path={path} runs={value.runs} version={version} />
      </section>
      <ComparedMedia path={path} runs={value.runs} />
    </article>
  );
}

async function fetchAll(path: Project, ids: readonly string[], ask: Ask): Promise<Found> {
  const problems: string[] = [];
  const found = await Promise.all(
    ids.map(async (runId) => {
      try {
        return await fetchRun({ ...path, runId }, null, ask);
      } catch (error) {
        if (error instanceof ApiError && error.status >= 400 && error.status !== 401) {
          problems.push(`${runId}: ${error.message}`);
          return null;
        }
        throw error;
      }
    }),
  );
  return { runs: found.filter((run): run is RunInfo => run !== null), problems };
}

function Runs({ path, runs }: { readonly path: Project; readonly runs: readonly RunInfo[] }): JSX.Element {
  const remove = (runId: string): void => {
    setInQuery("runs", runs.map(({ run_id }) => run_id).filter((id) => id !== runId).join(","));
  };
  return (
    <ul class="compare-runs">
      {runs.map((run) => (
        <li key={run.run_id} class="chip">
          <span class="dot" style={{ background: colourOf(run.run_id).colour }} />
          <a class="compare-run" href={formatHash([path.entity, path.project, "runs", run.run_id])} title={run.name}>
            {run.name}
          </a>
          <button type="button" class="button-icon" aria-label={`Leave out ${run.name}`} onClick={() => remove(run.run_id)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

function Differences({ runs }: { readonly runs: readonly RunInfo[] }): JSX.Element {
  const search = useSignal("");
  const isOnlyDifferent = useSignal(true);
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
        <label class="check">
          <input type="checkbox" checked={isOnlyDifferent.value} onChange={() => (isOnlyDifferent.value = !isOnlyDifferent.value)} /> Only
          what differs
        </label>
      </div>
      {(["config", "summary"] as const).map((part) => (
        <DocumentTable
          key={part}
          part={part}
          runs={runs}
          search={search.value}
          isOnlyDifferent={isOnlyDifferent.value && runs.length > 1}
        />
      ))}
    </div>
  );
}

/** Of which program and machine each run is, when they are not all the same. */
function Source({ runs }: { readonly runs: readonly RunInfo[] }): JSX.Element | null {
  const facts = [
    ["Program", (run: RunInfo) => run.program],
    ["Host", (run: RunInfo) => run.host],
    ["User", (run: RunInfo) => run.user],
    ["Group", (run: RunInfo) => run.group],
    ["State", (run: RunInfo) => run.state],
  ] as const;
  const different = facts.filter(([, of]) => new Set(runs.map(of)).size > 1);
  if (different.length === 0) {
    return null;
  }
  return (
    <section class="documents" aria-label="Where they ran">
      <div class="table-scroll" tabIndex={0}>
        <table class="documents-table">
          <tbody>
            {different.map(([name, of]) => (
              <tr key={name} class="differs">
                <th scope="row">{name}</th>
                {runs.map((run) => (
                  <td key={run.run_id}>{of(run) ?? <span class="soft">not there</span>}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type ComparedProps = { readonly path: Project; readonly runs: readonly RunInfo[] };

function ComparedCharts({ path, runs, version }: ComparedProps & { readonly version: ReadonlySignal<string> }): JSX.Element {
  const settings = usePanelsInAddress(DEFAULT_PANELS);
  const shown = useSignal(runs);
  shown.value = runs;
  const runIds = useComputed<readonly string[] | null>(() => shown.value.map(({ run_id }) => run_id));
  const runNames = useComputed(() => new Map(shown.value.map(({ run_id, name }) => [run_id, name])));
  const filters = useComputed<JsonObject | null>(() => null);
  const groupBy = useComputed(() => NO_GROUPS);
  const hiddenRuns = useComputed(() => NOTHING_HIDDEN);
  const hoverRun = useSignal<string | null>(null);
  return (
    <Panels
      entity={path.entity}
      project={path.project}
      {...{ runIds, filters, groupBy, hiddenRuns, runNames, settings, version, hoverRun }}
    />
  );
}

/** Each key's media of all runs in one row, at the same step or each at its own. */
function ComparedMedia({ path, runs }: ComparedProps): JSX.Element | null {
  const keys = [...new Set(runs.flatMap((run) => mediaKeys(run.summary).map(({ key }) => key)))].sort();
  const step = useSignal<number | null>(null);
  const isTogether = useSignal(true);
  if (keys.length === 0) {
    return null;
  }
  return (
    <section class="media" aria-label="Media">
      <Together isTogether={isTogether} />
      {keys.map((key) => (
        <div key={key}>
          <h2 class="media-name">{key}</h2>
          <div class="compare-media">
            {runs.map((run) => {
              const there: RunPath = { ...path, runId: run.run_id };
              return (
                <div key={run.run_id} class="compare-medium">
                  <p class="soft">{run.name}</p>
                  <MediaByStep path={there} name={key} step={isTogether.value ? step : null} version={`${run.generation} ${run.row_count}`} />
                </div>
              );
            })}
          </div>
        </div>
      ))}
    </section>
  );
}
