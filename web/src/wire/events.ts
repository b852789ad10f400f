/** The stream of what moves in a project: opened once a tab, and opened again when it breaks. */

import type { ProjectNews } from "./api";
import { apiAddress, withQuery } from "./http";

export type EventsListener = {
  /**
   * Told when the stream begins that perhaps all moved (`changed` is null), since what is shown may have been asked for
   * before; after a break, what moved meanwhile.
   */
  readonly onRuns: (moved: ProjectNews) => void;
  /** Told that the stream was ended or refused; what it gives back is waited for before it is opened again. */
  readonly onRefused: () => Promise<void>;
};

const RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Follow a project until the function that is given back is called. */
export function followProject(entity: string, project: string, listener: EventsListener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let failureCount = 0;
  let version: string | null = null;
  let isOver = false;

  function open(): void {
    if (isOver) {
      return;
    }
    source = new EventSource(withQuery(apiAddress("projects", entity, project, "events"), { since: version }));
    source.addEventListener("open", () => {
      failureCount = 0;
    });
    source.addEventListener("runs", (event) => {
      const moved = JSON.parse((event as MessageEvent<string>).data) as ProjectNews;
      version = moved.version;
      listener.onRuns(moved);
    });
    // A browser opens a stream that broke by itself, and one that was refused never again.
    source.addEventListener("error", () => source?.readyState === EventSource.CLOSED && openAgain());
    // The last word of a server that ends it.
    source.addEventListener("problem", openAgain);
  }

  function openAgain(): void {
    source?.close();
    timer = setTimeout(() => void listener.onRefused().then(open), RETRY_MS[Math.min(failureCount, RETRY_MS.length - 1)]);
    failureCount += 1;
  }

  open();
  return () => {
    isOver = true;
    source?.close();
    if (timer !== null) {
      clearTimeout(timer);
    }
  };
}
