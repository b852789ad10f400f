/** Charts first: a table of much else that comes meanwhile is written when the first lines are in sight. */

/** Nothing waits for charts longer than this: of many cold runs they take their time, and frames stop where nobody looks. */
const LONGEST_MS = 100;

let coming: { readonly shown: Promise<void>; readonly end: () => void } | null = null;

/** Lines are asked for, or about to be drawn. */
export function expectDrawing(): void {
  if (coming !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => end(), LONGEST_MS);
  const end = (): void => {
    clearTimeout(timer);
    coming = null;
    resolve();
  };
  coming = { shown: promise, end };
}

/** Lines were drawn: the next frame shows them. */
export function noteDrawn(): void {
  const { end } = coming ?? {};
  if (end !== undefined) requestAnimationFrame(() => setTimeout(end));
}

/** Done when charts that are on their way are in sight; at once where there are none. */
export async function chartsShown(): Promise<void> {
  await coming?.shown;
}
