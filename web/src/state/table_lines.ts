/** The lines of a table: runs one below the other, or groups with the runs of those that are open between them. */

import type { RunGroup } from "../wire/documents";
import { writeJson, type JsonObject } from "../wire/json";

export type Line =
  | { readonly kind: "run"; readonly groupKey: string | null; readonly index: number }
  | { readonly kind: "group"; readonly groupKey: string; readonly group: RunGroup; readonly isOpen: boolean };

/** What tells a group from the others, in an address too. */
export function keyOf(group: RunGroup): string {
  return writeJson(Object.values(group.values));
}

/** What the line of a group goes by in charts: the values as plain JSON has them. */
export function lineIdOf(group: RunGroup): string {
  return JSON.stringify(group.values, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
}

/** What the runs of a group have in common, as a filter. */
export function filterOfGroup(group: RunGroup): JsonObject {
  return { $and: Object.entries(group.values).map(([name, value]) => ({ [name]: { $eq: value } })) };
}

export class TableLines {
  /** Where each group's line is. */
  private readonly starts: readonly number[];
  readonly count: number;

  private constructor(
    private readonly groups: readonly RunGroup[] | null,
    private readonly open: ReadonlySet<string>,
    runCount: number,
  ) {
    let at = 0;
    this.starts = (groups ?? []).map((group) => {
      const start = at;
      at += 1 + (open.has(keyOf(group)) ? group.run_count : 0);
      return start;
    });
    this.count = groups === null ? runCount : at;
  }

  static ofRuns(runCount: number): TableLines {
    return new TableLines(null, new Set(), runCount);
  }

  static ofGroups(groups: readonly RunGroup[], open: ReadonlySet<string>): TableLines {
    return new TableLines(groups, open, 0);
  }

  at(line: number): Line {
    if (this.groups === null) {
      return { kind: "run", groupKey: null, index: line };
    }
    const place = this.groupAt(line);
    const group = this.groups[place] as RunGroup;
    const groupKey = keyOf(group);
    const index = line - (this.starts[place] ?? 0) - 1;
    return index < 0 ? { kind: "group", groupKey, group, isOpen: this.open.has(groupKey) } : { kind: "run", groupKey, index };
  }

  /** For each list of runs, which of them are among the lines from `first` to before `end`. */
  sight(first: number, end: number): Map<string | null, readonly [number, number]> {
    const found = new Map<string | null, readonly [number, number]>();
    for (let line = first; line < Math.min(end, this.count); line++) {
      const here = this.at(line);
      if (here.kind === "run") {
        const known = found.get(here.groupKey);
        found.set(here.groupKey, [known?.[0] ?? here.index, here.index + 1]);
      }
    }
    return found;
  }

  private groupAt(line: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.starts[middle] ?? 0) <= line) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
