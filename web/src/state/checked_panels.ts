/** Reads what an address or a saved view says of panels: what cannot be meant is as by default, and told. */

import type { AddedPanel, ChartSettings, PanelsState, PanelSize, Window } from "./panels";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf = (...words: readonly unknown[]): Check => (value) => words.includes(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const recordOf = (check: Check): Check => (value) => isRecord(value) && Object.values(value).every(check);
const isWindow: Check = (value) => listOf(isNumber)(value) && (value as Window).length === 2 && (value as Window)[0] < (value as Window)[1];

/** True if the value is a record in which each part that is there passes. */
const partsOf = (checks: Readonly<Record<string, Check>>): Check => (value) =>
  isRecord(value) && Object.entries(value).every(([name, part]) => checks[name]?.(part) ?? true);

/** True if the value is a record that has all of these parts. */
const wholeOf = (checks: Readonly<Record<string, Check>>): Check => (value) =>
  isRecord(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

const isSmoothing: Check = (value) =>
  value === null ||
  wholeOf({ kind: oneOf("ema"), amount: (amount) => isNumber(amount) && (amount as number) >= 0 && (amount as number) < 1 })(value) ||
  wholeOf({ kind: oneOf("gaussian", "mean"), amount: (amount) => isNumber(amount) && (amount as number) > 0 })(value);

const SETTINGS: { readonly [K in keyof ChartSettings]: Check } = {
  x: isText,
  xScale: oneOf("linear", "log"),
  yScale: oneOf("linear", "log", "symlog"),
  yRange: (value) => value === null || isWindow(value),
  smoothing: isSmoothing,
  aggregate: wholeOf({ line: oneOf("mean", "median", "min", "max"), band: oneOf(null, "std", "stderr", "minmax", "quantiles") }),
  zone: oneOf("local", "UTC"),
};
const SIZES: { readonly [K in keyof PanelSize]-?: Check } = { columnCount: isNumber, heightPx: isNumber };

const ADDED: Readonly<Record<AddedPanel["kind"], Check>> = {
  scatter: wholeOf({ x: isText, y: isText, colour: (value) => value === undefined || isText(value) }),
  bar: wholeOf({ key: isText, value: oneOf("last", "min", "max") }),
  parallel: wholeOf({ columns: listOf(isText) }),
  importance: wholeOf({ metric: isText }),
};
const isAdded: Check = (value) => isRecord(value) && (ADDED[value["kind"] as AddedPanel["kind"]]?.(value) ?? false);

const PARTS: { readonly [K in keyof PanelsState]-?: Check } = {
  stream: oneOf("history", "events"),
  all: partsOf(SETTINGS),
  panels: recordOf(partsOf(SETTINGS)),
  sizes: recordOf(partsOf(SIZES)),
  pinned: listOf(isText),
  turned: listOf(isText),
  search: isText,
  zooms: recordOf(isWindow),
  isZoomOwn: oneOf(true, false),
  isFollowing: oneOf(true, false),
  size: oneOf("small", "large"),
  added: listOf(isAdded),
};

/** The state that `value` says, and the names of its parts that could not be read. Parts of a newer page are kept. */
export function checkedPanels(value: unknown): { readonly state: PanelsState; readonly unread: readonly string[] } {
  if (!isRecord(value)) return { state: {}, unread: value === undefined || value === null ? [] : ["panels"] };
  const isRead = ([name, part]: [string, unknown]): boolean => (PARTS as Record<string, Check>)[name]?.(part) ?? true;
  const entries = Object.entries(value);
  return {
    state: Object.fromEntries(entries.filter(isRead)) as PanelsState,
    unread: entries.filter((entry) => !isRead(entry)).map(([name]) => name),
  };
}
