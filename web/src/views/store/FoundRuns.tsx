/** Runs of any project that have a text in what people write of them, or that a filter finds. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { formatHash } from "../../state/address";
import { searchFilter } from "../../state/conditions";
import { parseFilterText } from "../../state/filter_text";
import { DEFAULT_VIEW, formatView } from "../../state/view";
import { fetchColumns } from "../../wire/asks";
import { isAborted } from "../../wire/http";
import type { ProjectInfo } from "../../wire/documents";
import type { JsonObject } from "../../wire/json";
import { counted, formatAge } from "../parts/format";
import { StateDot } from "../parts/StateDot";

const PER_PROJECT = 5;
const AT_ONCE = 4;
const REST_MS = 300;

type Found = {
  readonly project: ProjectInfo;
  readonly totalCount: number;
  readonly runs: readonly { readonly runId: string; readonly name: string; readonly state: string; readonly createdAt: number }[];
};

export function FoundRuns({ text, projects }: { readonly text: string; readonly projects: readonly ProjectInfo[] }): JSX.Element {
  const found = useSignal<readonly Found[]>([]);
  const lookedCount = useSignal(0);
  const refusal = useSignal<string | null>(null);
  const withRuns = projects.filter(({ run_count }) => run_count > 0);
  const filters = filtersOf(text);
  useEffect(() => {
    const request = new AbortController();
    found.value = [];
    lookedCount.value = 0;
    refusal.value = null;
    const pending = [...withRuns];
    const work = async (): Promise<void> => {
      for (let project = pending.shift(); project !== undefined && !request.signal.aborted; project = pending.shift()) {
        const one = await look(project, filters, request.signal).catch((error: Error) => {
          refusal.value = isAborted(error) ? null : error.message; // a filter that is refused is refused everywhere
          return null;
        });
        if (!request.signal.aborted) {
          lookedCount.value += 1;
          if (one !== null && one.totalCount > 0) {
            found.value = [...found.value, one];
          }
        }
      }
    };
    const timer = setTimeout(() => Array.from({ length: AT_ONCE }, () => void work()), REST_MS);
    return () => {
      clearTimeout(timer);
      request.abort();
    };
  }, [text, projects]);
  const isDone = lookedCount.value >= withRuns.length;
  const runCount = found.value.reduce((sum, { totalCount }) => sum + totalCount, 0);
  return (
    <section class="found" aria-label="Runs">
      <h2>
        Runs{" "}
        <span class="soft" role="status">
          {isDone ? counted(runCount, "match", "matches") : `searched ${lookedCount.value} of ${counted(withRuns.length, "project")}`}
        </span>
      </h2>
      {refusal.value !== null && <p class="field-problem">{refusal.value}</p>}
      {found.value.map(({ project, totalCount, runs }) => (
        <section key={formatHash([project.entity, project.name])}>
          <h3>
            <a href={formatHash([project.entity, project.name], queryOf(text))}>
              {project.entity} / {project.name}
            </a>{" "}
            <span class="soft">{counted(totalCount, "run")}</span>
          </h3>
          <ul>
            {runs.map(({ runId, name, state, createdAt }) => (
              <li key={runId}>
                <StateDot state={state} />
                <a href={formatHash([project.entity, project.name, "runs", runId])}>{name}</a>
                <span class="soft">{formatAge(createdAt, Date.now() / 1000)}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

/** `config.lr > 0.01` is a filter, and whatever is none is searched for as it stands. */
function filtersOf(text: string): JsonObject | null {
  try {
    return parseFilterText(text);
  } catch {
    return searchFilter(text);
  }
}

function queryOf(text: string): string {
  try {
    return formatView({ ...DEFAULT_VIEW, filters: parseFilterText(text) });
  } catch {
    return formatView({ ...DEFAULT_VIEW, search: text });
  }
}

async function look(project: ProjectInfo, filters: JsonObject | null, signal: AbortSignal): Promise<Found> {
  const { run_ids, columns, total_count } = await fetchColumns(
    { entity: project.entity, project: project.name },
    { columns: ["name", "state", "created_at"], filters, order: ["-created_at"], limit: PER_PROJECT },
    { signal },
  );
  const runs = run_ids.map((runId, i) => ({
    runId,
    name: String(columns["name"]?.[i] ?? runId),
    state: String(columns["state"]?.[i] ?? ""),
    createdAt: Number(columns["created_at"]?.[i] ?? 0),
  }));
  return { project, totalCount: total_count, runs };
}
