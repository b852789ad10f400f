/** What the panels of a project show: plain JSON, kept in the address and in saved views; what is default is left out. */

import type { Aggregate, Smoothing } from "../wire/tiles";

export type ScaleName = "linear" | "log" | "symlog";
export type Stream = "history" | "events";
/** Ends of a part of an axis; null: where the values end. */
export type Window = readonly [low: number, high: number];

/** How one panel is drawn. */
export type ChartSettings = {
  /** `_step`, `_runtime`, `_timestamp`, or a key. */
  readonly x: string;
  readonly xScale: "linear" | "log";
  readonly yScale: ScaleName;
  readonly yRange: Window | null;
  readonly smoothing: Smoothing | null;
  readonly aggregate: Aggregate;
  /** In local time, or as it is everywhere. */
  readonly zone: "local" | "UTC";
};

export type PanelSize = { readonly columnCount?: number; readonly heightPx?: number };

/** A panel that is not of a key but was added by name. */
export type AddedPanel =
  | { readonly kind: "scatter"; readonly x: string; readonly y: string; readonly colour?: string }
  | { readonly kind: "bar"; readonly key: string; readonly value: "last" | "min" | "max" }
  | { readonly kind: "parallel"; readonly columns: readonly string[] }
  | { readonly kind: "importance"; readonly metric: string };

export type PanelsState = {
  readonly stream?: Stream;
  /** For all panels, and for those of some keys. */
  readonly all?: Partial<ChartSettings>;
  readonly panels?: Readonly<Record<string, Partial<ChartSettings>>>;
  readonly sizes?: Readonly<Record<string, PanelSize>>;
  readonly pinned?: readonly string[];
  /** Sections that are not as they are by themselves: open for few keys, folded for many. */
  readonly turned?: readonly string[];
  readonly search?: string;
  /** Zoomed parts of x: by the name of x when all panels share it, else by key. */
  readonly zooms?: Readonly<Record<string, Window>>;
  readonly isZoomOwn?: boolean;
  readonly isFollowing?: boolean;
  readonly size?: "small" | "large";
  readonly added?: readonly AddedPanel[];
};

/** What a project shows before anybody chose anything. */
export const DEFAULT_PANELS: PanelsState = {};

/** More keys than this, and nothing is drawn before somebody searches or opens a section. */
export const DRAWN_KEYS = 200;

const DEFAULT_SETTINGS: ChartSettings = {
  x: "_step",
  xScale: "linear",
  yScale: "linear",
  yRange: null,
  smoothing: null,
  aggregate: { line: "mean", band: "std" },
  zone: "local",
};

/** `record` without what is undefined; undefined when nothing is left. */
function tidy<T extends object>(record: T): T | undefined {
  const kept = Object.entries(record).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as T);
}

/** The state with some parts changed; undefined takes a part out. */
export function changed(state: PanelsState, change: { readonly [K in keyof PanelsState]?: PanelsState[K] | undefined }): PanelsState {
  return (tidy({ ...state, ...change }) as PanelsState | undefined) ?? DEFAULT_PANELS;
}

export function streamOf(state: PanelsState): Stream {
  return state.stream ?? "history";
}

/** The settings of all panels that have none of their own. */
export function commonSettings(state: PanelsState): ChartSettings {
  const x = streamOf(state) === "events" ? { x: "_runtime" } : {};
  return { ...DEFAULT_SETTINGS, ...x, ...state.all };
}

export function settingsOf(state: PanelsState, key: string): ChartSettings {
  return { ...commonSettings(state), ...state.panels?.[key] };
}

/** True if the panel of a key has settings of its own. */
export function hasOwnSettings(state: PanelsState, key: string): boolean {
  return state.panels?.[key] !== undefined;
}

/** The state with settings of all panels (`key` null) or of one changed; undefined: as by itself. */
export function withSettings(
  state: PanelsState,
  key: string | null,
  change: { readonly [K in keyof ChartSettings]?: ChartSettings[K] | undefined },
): PanelsState {
  if (key === null) return changed(state, { all: tidy({ ...state.all, ...change }) as Partial<ChartSettings> });
  const own = tidy({ ...state.panels?.[key], ...change }) as Partial<ChartSettings> | undefined;
  return changed(state, { panels: withEntry(state.panels, key, own) });
}

export function withoutOwnSettings(state: PanelsState, key: string): PanelsState {
  return changed(state, { panels: withEntry(state.panels, key, undefined) });
}

function withEntry<T>(record: Readonly<Record<string, T>> | undefined, name: string, value: T | undefined) {
  const entries = Object.entries(record ?? {}).filter(([other]) => other !== name);
  if (value !== undefined) entries.push([name, value]);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Record<string, T>);
}

function zoomName(state: PanelsState, key: string): string {
  return state.isZoomOwn === true ? `key ${key}` : `x ${settingsOf(state, key).x}`;
}

/** True if the panels of two keys show the same part of x. */
export function sharesZoom(state: PanelsState, key: string, other: string): boolean {
  return zoomName(state, key) === zoomName(state, other);
}

/** What part of x the panel of a key shows; null: all. */
export function zoomOf(state: PanelsState, key: string): Window | null {
  return state.zooms?.[zoomName(state, key)] ?? null;
}

/** The window with no more digits than a screen shows, outwards: addresses are read and sent by people. */
export function shortWindow([low, high]: Window): Window {
  const span = high - low;
  if (!(span > 1e-290 && span < 1e290)) return [low, high];
  const exponent = Math.floor(Math.log10(span)) - 4;
  const unit = Number(`1e${exponent}`);
  const digits = (count: number): number => Number(`${count}e${exponent}`);
  const [first, last] = [Math.floor(low / unit), Math.ceil(high / unit)];
  return Number.isSafeInteger(first) && Number.isSafeInteger(last) ? [digits(first), digits(last)] : [low, high];
}

/** The state with axes that move as data comes, or not; who follows sees all of x. */
export function withFollowing(state: PanelsState, isFollowing: boolean): PanelsState {
  if ((state.isFollowing === true) === isFollowing) return state;
  return changed(state, isFollowing ? { isFollowing, zooms: undefined } : { isFollowing: undefined });
}

/** The state with another part of x (null: all) in this panel and those that share its zoom; following ends. */
export function withZoom(state: PanelsState, key: string, window: Window | null): PanelsState {
  const zooms = withEntry(state.zooms, zoomName(state, key), window === null ? undefined : shortWindow(window));
  return changed(state, { zooms, isFollowing: undefined });
}

export function withSharedZoom(state: PanelsState, isShared: boolean): PanelsState {
  return changed(state, { isZoomOwn: isShared ? undefined : true, zooms: undefined });
}

function toggled(list: readonly string[] | undefined, name: string): readonly string[] | undefined {
  const rest = (list ?? []).filter((other) => other !== name);
  if (rest.length === (list ?? []).length) rest.push(name);
  return rest.length === 0 ? undefined : rest;
}

export function withPinTurned(state: PanelsState, key: string): PanelsState {
  return changed(state, { pinned: toggled(state.pinned, key) });
}

export function withSectionTurned(state: PanelsState, section: string): PanelsState {
  return changed(state, { turned: toggled(state.turned, section) });
}

export function withSize(state: PanelsState, key: string, size: PanelSize | null): PanelsState {
  return changed(state, { sizes: withEntry(state.sizes, key, size ?? undefined) });
}

export function withPanelAdded(state: PanelsState, panel: AddedPanel): PanelsState {
  return changed(state, { added: [...(state.added ?? []), panel] });
}

export function withPanelRemoved(state: PanelsState, index: number): PanelsState {
  const added = (state.added ?? []).filter((_, i) => i !== index);
  return changed(state, { added: added.length === 0 ? undefined : added });
}

/** The panels of a prefix. */
export type Section = {
  /** What stands before the first `/`; empty: keys without one. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly isOpen: boolean;
};

/** Longer lists stay as the server sorted them, letter by letter: `10` is before `2` there. */
const SORTED_KEYS = 5000;

const byName = new Intl.Collator("en", { numeric: true });

/** What the names of all system metrics begin with. */
const SYSTEM = "system.";

/**
 * What stands before the first `/`; of system metrics the part of the machine: `gpu 0` of `system.gpu.0.memory`. Cores
 * are one section: there are many, and they are looked at side by side.
 */
export function prefixOf(key: string, stream: Stream = "history"): string {
  if (stream === "events" && key.startsWith(SYSTEM)) {
    const [part = "", ...rest] = key.slice(SYSTEM.length).split(".");
    const isDevice = part !== "cpu" && rest.length > 1 && /^\d+$/.test(rest[0]!);
    return rest.length === 0 ? "" : isDevice ? `${part} ${rest[0]}` : part;
  }
  const at = key.indexOf("/");
  return at <= 0 ? "" : key.slice(0, at);
}

/** The name of a key within the section of its prefix. */
export function titleInSection(key: string, stream: Stream): string {
  const prefix = prefixOf(key, stream);
  const name = stream === "events" && key.startsWith(SYSTEM) ? key.slice(SYSTEM.length) : key;
  return prefix === "" ? name : name.slice(prefix.length + 1);
}

/** The keys in sections, in the order of their names; those without a prefix come first. */
export function sectionsOf(keys: readonly string[], state: PanelsState): Section[] {
  const stream = streamOf(state);
  const sections = new Map<string, string[]>();
  for (const key of keys) {
    const prefix = prefixOf(key, stream);
    const section = sections.get(prefix);
    if (section === undefined) sections.set(prefix, [key]);
    else section.push(key);
  }
  const isOpenByItself = keys.length <= DRAWN_KEYS;
  const turned = new Set(state.turned);
  const names = [...sections.keys()].sort(byName.compare);
  return names.map((name) => {
    const isOpen = isOpenByItself !== turned.has(name);
    const own = sections.get(name)!;
    return { name, keys: isOpen && own.length <= SORTED_KEYS ? own.sort(byName.compare) : own, isOpen };
  });
}

/**
 * What of the keys a search finds: all words must be in a name, in any case (`lowered` has the names in small letters);
 * `/…/` is a regular expression. Null when the expression is not one.
 */
export function foundKeys(
  keys: readonly string[],
  search: string,
  lowered: readonly string[] = keys.map((key) => key.toLowerCase()),
): readonly string[] | null {
  const text = search.trim();
  if (text === "") return keys;
  const expression = /^\/(.+)\/$/.exec(text)?.[1];
  if (expression !== undefined) {
    try {
      const pattern = new RegExp(expression, "iu");
      return keys.filter((key) => pattern.test(key));
    } catch {
      return null;
    }
  }
  const words = text.toLowerCase().split(/\s+/);
  return keys.filter((_, i) => words.every((word) => lowered[i]!.includes(word)));
}
