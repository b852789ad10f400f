/**
 * The colour and the dash of a run: made of its id, so that it is the same everywhere and every day, and told apart
 * from those that are shown beside it. The ten colours differ for eyes that lack one kind of cone as well; when they
 * are used up, dashes tell lines apart.
 */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { watchPrinting } from "./printing";

export type RunColour = { readonly colour: string; readonly dash: readonly number[] };

export const LIGHT_COLOURS: readonly string[] = [
  "#000af4", "#e86c04", "#007971", "#d72399", "#009dd3", "#8c6100", "#8b5ee3", "#97172f", "#7d9b63", "#84159a",
];
export const DARK_COLOURS: readonly string[] = [
  "#14bbff", "#c77a16", "#f285bf", "#9ccb09", "#2e4bfd", "#f8e4a2", "#ca0031", "#19ffff", "#7d639b", "#09a476",
];
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4]];

const COLOUR_COUNT = LIGHT_COLOURS.length;
const SLOT_COUNT = COLOUR_COUNT * DASHES.length;

/** FNV-1a of a text, its bits mixed once more: ids that differ in one digit differ in all. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * For each id a number: its colour, and above the number of colours its dash. Solid lines are given first; each id has
 * its own order of colours, and the lower hash chooses first, so that the same ids have the same slots in any order.
 */
export function assignSlots(ids: readonly string[]): Map<string, number> {
  const hashes = [...new Set(ids)].map((id) => ({ id, hash: hashOf(id) }));
  hashes.sort((one, other) => one.hash - other.hash || (one.id < other.id ? -1 : 1));
  const slots = new Map<string, number>();
  const isTaken = new Uint8Array(SLOT_COUNT);
  hashes.forEach(({ id, hash }, i) => {
    const slot = i < SLOT_COUNT ? freeSlot(hash, Math.floor(i / COLOUR_COUNT), isTaken) : hash % SLOT_COUNT;
    isTaken[slot] = 1;
    slots.set(id, slot);
  });
  return slots;
}

function freeSlot(hash: number, dash: number, isTaken: Uint8Array): number {
  const stride = [1, 3, 7, 9][(hash >>> 8) % 4]!;
  for (let i = 0; i < COLOUR_COUNT; i++) {
    const slot = dash * COLOUR_COUNT + ((hash + i * stride) % COLOUR_COUNT);
    if (isTaken[slot] === 0) return slot;
  }
  return hash % SLOT_COUNT;
}

const shownIds = signal<readonly string[]>([]);
const slots = computed(() => assignSlots(shownIds.value));
const isDarkPage = signal(false);

/** Whether the page is dark; colours follow. */
export const isDark: ReadonlySignal<boolean> = isDarkPage;

/** These runs (and groups) are shown side by side, until other ones are. */
export function showTogether(ids: readonly string[]): void {
  const before = shownIds.peek();
  if (ids.length !== before.length || ids.some((id, i) => id !== before[i])) shownIds.value = ids;
}

/** How lines of this run are drawn, wherever; read in a component or an effect it follows theme and company. */
export function colourOf(runId: string): RunColour {
  const slot = slots.value.get(runId) ?? hashOf(runId) % COLOUR_COUNT;
  const colours = isDarkPage.value ? DARK_COLOURS : LIGHT_COLOURS;
  return { colour: colours[slot % COLOUR_COUNT]!, dash: DASHES[Math.floor(slot / COLOUR_COUNT)]! };
}

/** Follow what the page or the system wants: dark or light. */
export function followTheme(): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = (): void => {
    const chosen = document.documentElement.dataset["theme"];
    isDarkPage.value = chosen === "dark" || (chosen !== "light" && system.matches);
  };
  const observer = new MutationObserver(read);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", read);
  const endPrinting = watchPrinting(read); // an observer is told too late
  read();
  return () => {
    endPrinting();
    observer.disconnect();
    system.removeEventListener("change", read);
  };
}
