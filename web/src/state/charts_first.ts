/** Charts first: a table that comes meanwhile is written when the first lines are in sight. */

/**
 * Nothing waits for charts longer than this: many cold runs take their time, and frames stop where nobody looks. To write a
 * table and lay it out takes a tab longer than to draw, so lines that come meanwhile would be late by as much.
 */
const LONGEST_MS = 250;

type Coming = { readonly shown: Promise<void>; readonly end: () => void };

let coming: Coming | null = null;

/** Lines are asked for, or about to be drawn. */
export function expectDrawing(): void {
  if (coming !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => one.end(), LONGEST_MS);
  const one: Coming = {
    shown: promise,
    end: () => {
      clearTimeout(timer);
      if (coming === one) coming = null;
      resolve();
    },
  };
  coming = one;
}

/** Lines were drawn: the next frame shows them. */
export function noteDrawn(): void {
  const drawn = coming;
  if (drawn !== null) requestAnimationFrame(() => setTimeout(drawn.end));
}

/** Done when charts that are on their way are in sight; at once where there are none. */
export async function chartsShown(): Promise<void> {
  await coming?.shown;
}
