/** The table of runs that was looked at last: the way back to it, and which run is before and behind one in its order. */

import { signal } from "@preact/signals";
import type { ProjectPath } from "../wire/asks";

export type LastTable = {
  readonly path: ProjectPath;
  /** What stood behind the question mark of its address. */
  readonly query: string;
  /** The runs in the order of the table; null where one was not loaded. */
  readonly runIds: readonly (string | null)[];
};

const last = signal<LastTable | null>(null);

export function rememberTable(table: LastTable): void {
  last.value = table;
}

/** The table of a project, if that was looked at last. */
export function lastTableOf({ entity, project }: ProjectPath): LastTable | null {
  const table = last.value;
  return table !== null && table.path.entity === entity && table.path.project === project ? table : null;
}

/** The runs before and behind one in a table; null where there is none, or none that was loaded. */
export function neighbours(table: LastTable | null, runId: string): { readonly previous: string | null; readonly next: string | null } {
  const at = table?.runIds.indexOf(runId) ?? -1;
  if (table === null || at < 0) {
    return { previous: null, next: null };
  }
  return { previous: table.runIds[at - 1] ?? null, next: table.runIds[at + 1] ?? null };
}
