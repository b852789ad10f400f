/** What moves in a project while it is looked at, gathered so that a burst is one piece of news. */

import { followProject } from "../wire/events";
import { hasServer } from "../wire/http";
import { checkSession } from "./session";

/** Which runs are another; null: perhaps all. */
export type Moved = ReadonlySet<string> | null;

const GATHER_MS = 1_000;

/** The news of one project, from `begin` to `end`. The first is that perhaps all moved, since nobody listened before. */
export class ProjectNews {
  private readonly listeners = new Set<(moved: Moved) => void>();
  private gathered: Set<string> | null = new Set();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private stops: (() => void)[] = [];

  constructor(
    private readonly entity: string,
    private readonly project: string,
  ) {}

  begin(): void {
    if (!hasServer()) {
      return; // nothing moves in a file
    }
    const tell = (): void => this.tell();
    document.addEventListener("visibilitychange", tell);
    this.stops = [
      followProject(this.entity, this.project, { onRuns: ({ changed }) => this.hear(changed), onRefused: checkSession }),
      () => document.removeEventListener("visibilitychange", tell),
    ];
  }

  end(): void {
    this.stops.splice(0).forEach((stop) => stop());
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
  }

  /**
   * Be told at most once in a second what moved since, and nothing while nobody looks at the tab, until the function
   * that is given back is called.
   */
  listen(onMoved: (moved: Moved) => void): () => void {
    this.listeners.add(onMoved);
    return () => this.listeners.delete(onMoved);
  }

  private hear(changed: readonly string[] | null): void {
    if (changed === null) {
      this.gathered = null;
    } else {
      changed.forEach((runId) => this.gathered?.add(runId));
    }
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.tell();
    }, GATHER_MS);
  }

  private tell(): void {
    if (document.hidden || this.gathered?.size === 0) {
      return;
    }
    const moved = this.gathered;
    this.gathered = new Set();
    this.listeners.forEach((onMoved) => onMoved(moved));
  }
}
