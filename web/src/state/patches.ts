/** Patches of several runs beside each other. */

export type PatchLine = { readonly text: string; readonly isOnlyHere: boolean };

/** The lines of each patch, and of each line whether no other patch has it. A run without a patch has no lines. */
export function besideEachOther(patches: readonly (string | null)[]): PatchLine[][] {
  const lines = patches.map((patch) => (patch ?? "").split("\n").slice(0, (patch ?? "").endsWith("\n") ? -1 : undefined));
  const sets = lines.map((own) => new Set(own));
  return lines.map((own, i) => {
    const others = sets.filter((_, j) => j !== i);
    return (patches[i] ?? "") === "" ? [] : own.map((text) => ({ text, isOnlyHere: !others.some((other) => other.has(text)) }));
  });
}
