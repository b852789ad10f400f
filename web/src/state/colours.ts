/** The colour and the dash of a run: always the same one. */

export type RunColour = { readonly colour: string; readonly dash: readonly number[] };

/** How lines of this run are drawn, wherever. */
export function colourOf(runId: string): RunColour {
  let hash = 0;
  for (const letter of runId) {
    hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  }
  return { colour: `hsl(${hash % 360} 60% 45%)`, dash: [] };
}
