/** What moves in a project while it is looked at, gathered so that a burst is one piece of news. */

import { followProject } from "../wire/events";

/** Which runs are another; null: perhaps all. */
export type Moved = ReadonlySet<string> | null;

const GATHER_MS = 1_000;

/**
 * Tell `onMoved` at most once in a second what moved since, and nothing while nobody looks at the tab; until the
 * function that is given back is called.
 */
export function gatherNews(entity: string, project: string, onMoved: (moved: Moved) => void): () => void {
  let gathered: Set<string> | null = new Set();
  let timer: ReturnType<typeof setTimeout> | null = null;

  function tell(): void {
    timer = null;
    if (!document.hidden && (gathered === null || gathered.size > 0)) {
      const moved = gathered;
      gathered = new Set();
      onMoved(moved);
    }
  }

  const stop = followProject(entity, project, {
    onRuns: ({ changed }) => {
      if (changed === null) {
        gathered = null;
      } else if (gathered !== null) {
        for (const runId of changed) {
          gathered.add(runId);
        }
      }
      timer ??= setTimeout(tell, GATHER_MS);
    },
  });
  document.addEventListener("visibilitychange", tell);
  return () => {
    stop();
    document.removeEventListener("visibilitychange", tell);
    if (timer !== null) {
      clearTimeout(timer);
    }
  };
}
