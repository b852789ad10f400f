/** What is different between the manifests of two versions. */

import type { ManifestEntry } from "../wire/artifacts";

export type ManifestChange = {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly beforeBytes: number;
  readonly afterBytes: number;
};

/** Entries that only one has, or that are others in both, by path. */
export function manifestChanges(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): ManifestChange[] {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const changes: ManifestChange[] = [];
  for (const entry of after) {
    const was = old.get(entry.path);
    old.delete(entry.path);
    if (was === undefined) {
      changes.push({ path: entry.path, kind: "added", beforeBytes: 0, afterBytes: entry.size_bytes });
    } else if (was.digest !== entry.digest || was.ref !== entry.ref) {
      changes.push({ path: entry.path, kind: "changed", beforeBytes: was.size_bytes, afterBytes: entry.size_bytes });
    }
  }
  for (const entry of old.values()) {
    changes.push({ path: entry.path, kind: "removed", beforeBytes: entry.size_bytes, afterBytes: 0 });
  }
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1));
}
