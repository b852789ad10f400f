/** What was logged in a project: names, kinds, and of how many runs. */

import { answerOf } from "./ahead";
import type { Keys, ProjectKey, ProjectKeys } from "./api";
import { apiAddress, getJson, withQuery, type Ask } from "./http";

export type { ProjectKey } from "./api";

const PAGE_KEYS = 10_000;

/** A name without the escapes of paths: what was called `a.b` is the column `a\.b`. */
export function plainName(name: string): string {
  return name.replace(/\\(.)/gs, "$1");
}

/** Where the keys of a project are, from one on. */
export function addressOfKeys(entity: string, project: string, stream: "history" | "events", offset: number): string {
  return withQuery(apiAddress("projects", entity, project, "keys"), { stream, offset, limit: PAGE_KEYS });
}

/** All keys of a project's stream, by name, page after page. */
export async function fetchProjectKeys(
  entity: string,
  project: string,
  stream: "history" | "events",
  ask: Ask = {},
): Promise<readonly ProjectKey[]> {
  const keys: ProjectKey[] = [];
  for (;;) {
    const address = addressOfKeys(entity, project, stream, keys.length);
    const page = await answerOf(address, () => getJson<ProjectKeys>(address, ask));
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
