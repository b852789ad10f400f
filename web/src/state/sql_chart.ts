/** What of an answer a chart can show, and what it shows where nothing was chosen. */

import type { SqlAnswer, SqlColumn } from "../wire/sql";
import { writeJson, type Json } from "../wire/json";

export type SqlChart = {
  readonly kind: "none" | "line" | "bars";
  readonly x: string;
  readonly y: string;
  /** The column that tells lines apart; empty for one line. */
  readonly by: string;
};

const NUMBERS = /^(u?int\d+|halffloat|float|double|decimal)/;
const TIMES = /^(timestamp|date)/;
const STEPS = /^(step|_step|epoch|timestamp|runtime|created_at|day|month|number|bucket|bin)$/i;
const WHOSE = /^(run_id|name|key|project|run|lr|entity)$/i;
/** More lines than these are not drawn before somebody wants them. */
const LINES_AT_FIRST = 50;

export function isNumber({ type }: SqlColumn): boolean {
  return NUMBERS.test(type);
}

export function isPlace(column: SqlColumn): boolean {
  return isNumber(column) || TIMES.test(column.type);
}

/** The values of a column as numbers: times as seconds since 1970. */
export function numbersOf(answer: SqlAnswer, name: string): (number | null)[] {
  const at = answer.columns.findIndex((column) => column.name === name);
  const isTime = TIMES.test(answer.columns[at]?.type ?? "");
  return (answer.values[at] ?? []).map((value) => {
    if (typeof value === "number") {
      return value;
    }
    if (typeof value === "bigint") {
      return Number(value);
    }
    return isTime && typeof value === "string" ? secondsOf(value) : null;
  });
}

export function isTimeColumn(answer: SqlAnswer, name: string): boolean {
  return TIMES.test(answer.columns.find((column) => column.name === name)?.type ?? "");
}

/** A time without a zone is one of UTC, as the store has them all. */
function secondsOf(text: string): number | null {
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(text);
  const time = Date.parse(text.includes("T") && !hasZone ? `${text}Z` : text);
  return Number.isNaN(time) ? null : time / 1000;
}

/** The values of a column as words. */
export function wordsOf(answer: SqlAnswer, name: string): string[] {
  const at = answer.columns.findIndex((column) => column.name === name);
  return (answer.values[at] ?? []).map(wordOf);
}

export function wordOf(value: Json): string {
  return typeof value === "string" ? value : value === null ? "" : writeJson(value);
}

/** The chart of an answer: what was chosen as far as the answer has it, and else what it looks made for. */
export function chartOf(answer: SqlAnswer, chosen: Partial<SqlChart>): SqlChart {
  const { columns } = answer;
  const has = (name: string | undefined): name is string => columns.some((column) => column.name === name);
  const numbers = columns.filter(isNumber).map(({ name }) => name);
  const places = columns.filter(isPlace).map(({ name }) => name);
  const words = columns.filter((column) => column.type === "string").map(({ name }) => name);
  if (numbers.length === 0 || answer.row_count < 2) {
    return { kind: "none", x: "", y: "", by: "" };
  }
  const step = places.find((name) => STEPS.test(name));
  const isLine = chosen.kind === undefined ? step !== undefined && places.length > 1 : chosen.kind === "line";
  const kind = chosen.kind ?? (isLine ? "line" : words.length > 0 ? "bars" : places.length > 1 ? "line" : "none");
  const goesAlong = kind === "bars" ? (words[0] ?? columns[0]?.name ?? "") : (step ?? places[0] ?? "");
  const x = has(chosen.x) ? chosen.x : goesAlong;
  const y = has(chosen.y) && numbers.includes(chosen.y) ? chosen.y : (numbers.findLast((name) => name !== x) ?? numbers[0] ?? "");
  const by = chosen.by === "" || has(chosen.by) ? chosen.by : (partedBy(answer, words, x) ?? "");
  return { kind, x, y, by: kind === "line" ? by : "" };
}

/** The column of words that tells lines apart: one that says whose a row is, with few words and each of them more than once. */
function partedBy(answer: SqlAnswer, words: readonly string[], x: string): string | undefined {
  const sorted = [...words.filter((name) => WHOSE.test(name)), ...words.filter((name) => !WHOSE.test(name))];
  return sorted.find((name) => {
    const found = wordsOf(answer, name);
    const distinct = new Set(found).size;
    return name !== x && distinct > 1 && distinct <= LINES_AT_FIRST && distinct < found.length;
  });
}
