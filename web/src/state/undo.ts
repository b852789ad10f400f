/** What was done last, and how it is taken back. */

import { signal } from "@preact/signals";

export type Deed = {
  /** What was done, as people say it: "Deleted 3 runs". */
  readonly said: string;
  readonly takeBack: (() => Promise<void> | void) | null;
  readonly isProblem: boolean;
};

const MOST = 50;
const deeds: Deed[] = [];

/** What is told at the moment; null when nothing is. */
export const told = signal<Deed | null>(null);

/** Say that something was done, which `takeBack` undoes. */
export function done(said: string, takeBack: (() => Promise<void> | void) | null = null): void {
  const deed = { said, takeBack, isProblem: false };
  told.value = deed;
  remember(deed);
}

/** Say that something went wrong, and what to do. */
export function failed(error: unknown): void {
  told.value = { said: error instanceof Error ? error.message : String(error), takeBack: null, isProblem: true };
}

/** Be able to undo something that can be seen without being told. */
export function remember(deed: Deed): void {
  if (deed.takeBack !== null) {
    deeds.push(deed);
    deeds.splice(0, deeds.length - MOST);
  }
}

/** Take back what was done last. */
export async function undo(): Promise<void> {
  const deed = deeds.pop();
  if (deed?.takeBack == null) {
    told.value = { said: "There is nothing to undo.", takeBack: null, isProblem: false };
    return;
  }
  try {
    await deed.takeBack();
    told.value = { said: `Undone: ${deed.said}`, takeBack: null, isProblem: false };
  } catch (error) {
    failed(error);
  }
}

/** Take back one thing that is told, whatever was done since. */
export async function undoThis(deed: Deed): Promise<void> {
  const place = deeds.lastIndexOf(deed);
  if (place >= 0) {
    deeds.splice(place, 1);
    deeds.push(deed);
    await undo();
  }
}
