/** The stream of what moves in a project: opened once a tab, and opened again when it breaks. */

import { apiAddress, hasServer, withQuery } from "./http";

/** What moved: which runs are another; null: perhaps all. `version` is a mark of this news, and of nothing else. */
export type RunsMoved = { readonly version: string; readonly changed: readonly string[] | null };

export type EventsListener = {
  readonly onRuns: (moved: RunsMoved) => void;
  readonly onProblem?: (text: string) => void;
};

const RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Follow a project until the function that is given back is called. After a break comes what moved meanwhile. */
export function followProject(entity: string, project: string, listener: EventsListener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let failureCount = 0;
  let version: string | null = null;
  let isLate = false;

  function open(): void {
    source = new EventSource(withQuery(apiAddress("projects", entity, project, "events"), { since: version }));
    source.addEventListener("open", () => {
      failureCount = 0;
    });
    source.addEventListener("runs", (event) => {
      const moved = JSON.parse((event as MessageEvent<string>).data) as RunsMoved;
      // Where a stream begins at once, what is shown was asked for just before.
      const isGreeting = version === null && !isLate;
      version = moved.version;
      if (!isGreeting) {
        listener.onRuns(moved);
      }
    });
    source.addEventListener("problem", (event) => {
      listener.onProblem?.((event as MessageEvent<string>).data);
    });
    source.addEventListener("error", () => {
      isLate = true;
      // A browser opens a stream that broke by itself, and one that was refused never again.
      if (source?.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, RETRY_MS[Math.min(failureCount, RETRY_MS.length - 1)]);
        failureCount += 1;
      }
    });
  }

  if (hasServer()) {
    open();
  }
  return () => {
    source?.close();
    if (timer !== null) {
      clearTimeout(timer);
    }
  };
}
