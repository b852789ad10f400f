/** What was logged in a project: names, kinds, and of how many runs. */

import type { Keys, ProjectKey, ProjectKeys } from "./api";
import { apiAddress, getJson, withQuery, type Ask } from "./http";

export type { ProjectKey } from "./api";

const PAGE_KEYS = 10_000;

/** A name without the escapes of paths: what was called `a.b` is the column `a\.b`. */
export function plainName(name: string): string {
  return name.replace(/\\(.)/gs, "$1");
}

/** All keys of a project's stream, by name, page after page. */
export async function fetchProjectKeys(
  entity: string,
  project: string,
  stream: "history" | "events",
  ask: Ask = {},
): Promise<readonly ProjectKey[]> {
  const address = apiAddress("projects", entity, project, "keys");
  const keys: ProjectKey[] = [];
  for (;;) {
    const page = await getJson<ProjectKeys>(withQuery(address, { stream, offset: keys.length, limit: PAGE_KEYS }), ask);
    keys.push(...page.keys);
    if (page.keys.length === 0 || keys.length >= page.total_count) return keys;
  }
}

/** The names of what one run logged, as those of the project: without the escapes of paths. */
export async function fetchRunKeys(
  path: { readonly entity: string; readonly project: string; readonly runId: string },
  stream: "history" | "events",
  ask: Ask = {},
): Promise<readonly string[]> {
  const address = apiAddress("runs", path.entity, path.project, path.runId, "keys");
  const { keys } = await getJson<Keys>(withQuery(address, { stream }), ask);
  return keys.map((path) => path.replace(/\\(.)/gs, "$1"));
}
