/** The names of runs that others point to by their ids, in whatever project they are. */

import type { RunTriple } from "../wire/artifacts";
import { fetchColumns } from "../wire/asks";
import { ApiError, type Ask } from "../wire/http";

export type RunNames = ReadonlyMap<string, string>;

const placeOf = (run: RunTriple): string => run.join("/");

/** The names of those that are there and may be read; of the others there is the id. */
export async function fetchRunNames(runs: readonly RunTriple[], ask: Ask = {}): Promise<RunNames> {
  const byProject = Map.groupBy(runs, ([entity, project]) => `${entity}/${project}`);
  const found = await Promise.all([...byProject.values()].map((ofProject) => namesWithin(ofProject, ask)));
  return new Map(found.flat());
}

async function namesWithin(runs: readonly RunTriple[], ask: Ask): Promise<readonly (readonly [string, string])[]> {
  const [entity, project] = runs[0]!;
  try {
    const { run_ids, columns } = await fetchColumns({ entity, project }, { columns: ["name"], run_ids: runs.map(([, , runId]) => runId) }, ask);
    const names = columns["name"] ?? [];
    return run_ids.map((runId, i) => [placeOf([entity, project, runId]), String(names[i] ?? runId)]);
  } catch (error) {
    // A project that is gone, or another's, takes the names of its runs with it and not the way to them.
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return [];
    throw error;
  }
}

/** What a run is called: its name where it is known, else its id. */
export function nameOfRun(names: RunNames, run: RunTriple): string {
  return names.get(placeOf(run)) ?? run[2];
}
