/**
 * What shapes a project's page, as one value, and as the text behind the question mark of its address.
 *
 * The text is short: what is as it is by default is left out. Parts that this page does not know, of a newer one,
 * are kept as they are, and told.
 */

import { readJson, writeJson, type JsonObject } from "../wire/json";
import { checkedPanels } from "./checked_panels";
import { formatFilterText, parseFilterText } from "./filter_text";
import { changed, DEFAULT_PANELS, type PanelsState } from "./panels";

/** Runs by their ids, or all that match but these: as short when 1,000 are chosen as when one is. */
export type RunChoice = { readonly isAllBut: boolean; readonly ids: readonly string[] };

/** A column of the table; `widthPx` is null as long as nobody pulled at it. */
export type Column = { readonly name: string; readonly widthPx: number | null };

export type GroupAggregate = "mean" | "min" | "max" | "std" | "count";
/** paused: nothing changes; live: values change where they stand; follow: also the order, and new runs come. */
export type Following = "paused" | "live" | "follow";
export type Pane = "both" | "table" | "panels";

export type View = {
  readonly filters: JsonObject | null;
  readonly search: string;
  readonly order: readonly string[];
  /** null: those that the page finds worth showing. */
  readonly columns: readonly Column[] | null;
  readonly nameWidthPx: number | null;
  readonly groupBy: readonly string[];
  readonly aggregate: GroupAggregate;
  readonly openGroups: readonly string[];
  readonly pinned: readonly string[];
  readonly baseline: string | null;
  readonly selected: RunChoice;
  readonly hidden: readonly string[];
  readonly isSelectedOnly: boolean;
  /** How much of the width the table has, in percent. */
  readonly tablePercent: number;
  readonly pane: Pane;
  readonly following: Following;
  readonly panels: PanelsState;
  /** The name of the saved view that this one began as. */
  readonly viewId: string | null;
  readonly unknown: Readonly<Record<string, string>>;
};

export const DEFAULT_VIEW: View = {
  filters: null,
  search: "",
  order: ["-created_at"],
  columns: null,
  nameWidthPx: null,
  groupBy: [],
  aggregate: "mean",
  openGroups: [],
  pinned: [],
  baseline: null,
  selected: { isAllBut: false, ids: [] },
  hidden: [],
  isSelectedOnly: false,
  tablePercent: 38,
  pane: "both",
  following: "live",
  panels: DEFAULT_PANELS,
  viewId: null,
  unknown: {},
};

type Codec<T> = { readonly format: (value: T) => string; readonly parse: (text: string) => T };

const AGGREGATES: readonly GroupAggregate[] = ["mean", "min", "max", "std", "count"];
const FOLLOWINGS: readonly Following[] = ["paused", "live", "follow"];
const PANES: readonly Pane[] = ["both", "table", "panels"];

const TEXT: Codec<string> = { format: (value) => value, parse: (text) => text };
const NAMES: Codec<readonly string[]> = { format: joinNames, parse: splitNames };
const FLAG: Codec<boolean> = { format: (value) => (value ? "1" : "0"), parse: (text) => text === "1" };

/** The letter of each part in the address, and how it is written there. */
const CODECS: { readonly [Part in Exclude<keyof View, "unknown">]: readonly [string, Codec<View[Part]>] } = {
  filters: ["f", { format: formatFilterText, parse: parseFilterText }],
  search: ["q", TEXT],
  order: ["o", NAMES],
  columns: ["c", { format: (columns) => joinNames((columns ?? []).map(formatColumn)), parse: (text) => splitNames(text).map(parseColumn) }],
  nameWidthPx: ["nw", { format: String, parse: (text) => bounded(text, 80, 2000) }],
  groupBy: ["g", NAMES],
  aggregate: ["a", oneOf(AGGREGATES)],
  openGroups: ["go", NAMES],
  pinned: ["p", NAMES],
  baseline: ["b", { format: (value) => value ?? "", parse: (text) => text || null }],
  selected: ["s", { format: formatChoice, parse: parseChoice }],
  hidden: ["h", NAMES],
  isSelectedOnly: ["so", FLAG],
  tablePercent: ["w", { format: String, parse: (text) => bounded(text, 10, 90) }],
  pane: ["t", oneOf(PANES)],
  following: ["l", oneOf(FOLLOWINGS)],
  panels: ["P", { format: formatPanels, parse: parsePanels }],
  viewId: ["v", { format: (value) => value ?? "", parse: (text) => text || null }],
};
const PARTS = Object.keys(CODECS) as (keyof typeof CODECS)[];
const PART_OF = new Map(PARTS.map((part) => [CODECS[part][0], part]));

/** The text of a view for the address; empty for the default one. */
export function formatView(view: View): string {
  const written = PARTS.map((part) => [CODECS[part][0], formatPart(part, view)] as const);
  const pairs = [...written.filter(([, text]) => text !== null), ...Object.entries(view.unknown)];
  return pairs.map(([name, text]) => `${encodeURIComponent(name)}=${quoted(text ?? "")}`).join("&");
}

/** The view of an address, and what of it could not be read, as sentences; each such part is as by default. */
export function parseView(query: string): { readonly view: View; readonly problems: readonly string[] } {
  const found: Record<string, unknown> = {};
  const unknown: Record<string, string> = {};
  const problems: string[] = [];
  for (const pair of query.split("&").filter(Boolean)) {
    const cut = pair.indexOf("=");
    const name = unquoted(cut < 0 ? pair : pair.slice(0, cut));
    const text = cut < 0 ? "" : unquoted(pair.slice(cut + 1));
    const part = PART_OF.get(name);
    try {
      if (part === undefined) {
        unknown[name] = text;
      } else {
        found[part] = CODECS[part][1].parse(text);
      }
    } catch (error) {
      problems.push(`The part “${name}” of this address is not understood: ${(error as Error).message}.`);
    }
  }
  if ("panels" in found) {
    const { state, unread } = checkedPanels(found["panels"]);
    found["panels"] = state;
    problems.push(...unread.map((name) => `What this address says of the charts’ “${name}” is not understood.`));
  }
  const names = Object.keys(unknown);
  if (names.length > 0) {
    problems.push(`This address has parts that this page does not know (${names.join(", ")}); they are kept.`);
  }
  return { view: { ...DEFAULT_VIEW, ...found, unknown }, problems };
}

/** The view with other panels; where a chart was touched, what follows is live from then on. */
export function withPanels(view: View, panels: PanelsState): View {
  const wasTouched = view.panels.isFollowing === true && panels.isFollowing !== true;
  return { ...view, panels, following: wasTouched && view.following === "follow" ? "live" : view.following };
}

export function has(choice: RunChoice, runId: string): boolean {
  return choice.ids.includes(runId) !== choice.isAllBut;
}

function formatPart<Part extends keyof typeof CODECS>(part: Part, view: View): string | null {
  const { format } = CODECS[part][1] as Codec<View[Part]>;
  const text = format(view[part]);
  const isDefault = view[part] === DEFAULT_VIEW[part] || (part !== "columns" && text === format(DEFAULT_VIEW[part]));
  return isDefault ? null : text;
}

function oneOf<T extends string>(words: readonly T[]): Codec<T> {
  const parse = (text: string): T => {
    const found = words.find((word) => word === text);
    if (found === undefined) {
      throw new Error(`“${text}” is none of ${words.join(", ")}`);
    }
    return found;
  };
  return { format: (value) => value, parse };
}

function bounded(text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (!(value >= lowest && value <= highest)) {
    throw new Error(`“${text}” is no number from ${lowest} to ${highest}`);
  }
  return value;
}

/** Names in one text: commas between them, a comma or backslash within one behind a backslash. */
function joinNames(names: readonly string[]): string {
  return names.map((name) => (name === "" ? "\\e" : name.replace(/[\\,]/g, "\\$&"))).join(",");
}

function splitNames(text: string): string[] {
  if (text === "") {
    return [];
  }
  const names = text.match(/(?:^|,)((?:\\.|[^\\,])*)/gs) ?? [];
  return names.map((name) => name.replace(/^,/, "")).map((name) => (name === "\\e" ? "" : name.replace(/\\(.)/gs, "$1")));
}

function formatColumn({ name, widthPx }: Column): string {
  return widthPx === null ? name.replace(/[@]/g, "@@") : `${name.replace(/[@]/g, "@@")}@${widthPx}`;
}

function parseColumn(text: string): Column {
  const found = /^((?:@@|[^@])*)(?:@(\d+))?$/s.exec(text);
  if (found === null) {
    throw new Error(`“${text}” is no column`);
  }
  const widthPx = found[2] === undefined ? null : bounded(found[2], 40, 2000);
  return { name: (found[1] ?? "").replaceAll("@@", "@"), widthPx };
}

/** `*` and those that are left out, or those that are chosen; a first id that is a star itself is quoted. */
function formatChoice({ isAllBut, ids }: RunChoice): string {
  const text = joinNames(ids);
  if (isAllBut) {
    return ids.length === 0 ? "*" : `*,${text}`;
  }
  return ids[0] === "*" ? `\\${text}` : text;
}

function parseChoice(text: string): RunChoice {
  const isAllBut = text === "*" || text.startsWith("*,");
  return { isAllBut, ids: splitNames(isAllBut ? text.slice(2) : text) };
}

/** Whether charts follow is said by the view's own part. */
function formatPanels(panels: PanelsState): string {
  return writeJson(changed(panels, { isFollowing: undefined }));
}

function parsePanels(text: string): PanelsState {
  return readJson(text) as unknown as PanelsState;
}

/** Text for an address: only what would end or break it is quoted, so that people can read it. */
function quoted(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%(20|2C|3A|2F|40|24|3B|5B|5D|7B|7D|3E|3C|3D)/g, (whole, code: string) =>
    code === "20" ? "+" : code === "3E" || code === "3C" ? whole : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

function unquoted(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
