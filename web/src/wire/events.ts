/** The stream of what moves in a project: opened once a tab, and opened again when it breaks. */

import { apiAddress } from "./http";

/** What moved: the version that the project has, and which runs are another; null: ask for all again. */
export type RunsMoved = { readonly version: string; readonly changed: readonly string[] | null };

export type EventsListener = {
  readonly onRuns: (moved: RunsMoved) => void;
  readonly onProblem?: (text: string) => void;
};

const RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Follow a project until the function that is given back is called. After a break all is asked for again. */
export function followProject(entity: string, project: string, listener: EventsListener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let failureCount = 0;
  let wasOpen = false;

  function open(): void {
    source = new EventSource(apiAddress("projects", entity, project, "events"));
    source.addEventListener("open", () => {
      if (wasOpen) {
        listener.onRuns({ version: "", changed: null });
      }
      wasOpen = true;
      failureCount = 0;
    });
    source.addEventListener("runs", (event) => {
      listener.onRuns(JSON.parse((event as MessageEvent<string>).data) as RunsMoved);
    });
    source.addEventListener("problem", (event) => {
      listener.onProblem?.((event as MessageEvent<string>).data);
    });
    source.addEventListener("error", () => {
      // A browser opens a stream that broke by itself, and one that was refused never again.
      if (source?.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, RETRY_MS[Math.min(failureCount, RETRY_MS.length - 1)]);
        failureCount += 1;
      }
    });
  }

  open();
  return () => {
    source?.close();
    if (timer !== null) {
      clearTimeout(timer);
    }
  };
}
