/** Which columns a table has before anybody chose any, and what is known of columns by their names. */

import type { ColumnInfo, ColumnKind } from "../wire/documents";
import type { Column } from "./view";

const MOST_CONFIG = 4;
const MOST_SUMMARY = 5;
const FIELDS = ["state", "created_at", "runtime_s"];

/** A few columns of each kind: what most runs have, and numbers first. */
export function usualColumns(known: readonly ColumnInfo[]): Column[] {
  const names = new Set(known.map(({ name }) => name));
  const fields = FIELDS.filter((name) => names.has(name));
  if (known.some(({ name, run_count }) => name === "tags" && run_count > 0)) {
    fields.push("tags");
  }
  const chosen = [...fields, ...mostCommon(known, "config.", MOST_CONFIG), ...mostCommon(known, "summary.", MOST_SUMMARY)];
  return chosen.map((name) => ({ name, widthPx: null }));
}

const WORTH_SHOWING: readonly ColumnKind[] = ["number", "text", "bool", "mixed"];

function mostCommon(known: readonly ColumnInfo[], prefix: string, most: number): string[] {
  const candidates = known.filter(
    ({ name, kind }) =>
      name.startsWith(prefix) &&
      !name.startsWith(`${prefix}_`) &&
      (prefix === "summary." ? kind === "number" : WORTH_SHOWING.includes(kind)),
  );
  const usual = candidates.toSorted((one, other) => other.run_count - one.run_count).slice(0, most);
  return candidates.filter((column) => usual.includes(column)).map(({ name }) => name);
}

const TITLES: Readonly<Record<string, string>> = {
  name: "Name",
  run_id: "ID",
  state: "State",
  created_at: "Created",
  heartbeat_at: "Last sign of life",
  runtime_s: "Runtime",
  last_step: "Last step",
  row_count: "Rows",
  exit_code: "Exit code",
  user: "User",
  tags: "Tags",
  notes: "Notes",
  group: "Group",
  job_type: "Job type",
  host: "Host",
  program: "Program",
  sweep: "Sweep",
};

/** A column's name in two parts: where it comes from, and what people call it. */
export function titleOf(name: string): { readonly root: string; readonly title: string } {
  const found = /^(config|summary)\.(.+)$/s.exec(name);
  if (found === null) {
    return { root: "", title: TITLES[name] ?? name };
  }
  return { root: found[1] ?? "", title: (found[2] ?? "").replace(/\\(.)/gs, "$1") };
}

/** By what a column is found: its name, and what it is called where that is something else. */
export function searchedName(name: string): string {
  const { root, title } = titleOf(name);
  const shown = root === "" ? title : `${root}.${title}`;
  return shown === name ? name : `${name}\n${shown}`;
}

/** Names that hold all words of `text`, the best first: those that begin with it, then those with a part that does. */
export function nearest<T>(text: string, candidates: readonly T[], nameOf: (one: T) => string, most: number): T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked: [rank: number, candidate: T][] = [];
  for (const candidate of candidates) {
    const name = nameOf(candidate).toLowerCase();
    if (words.every((word) => name.includes(word))) {
      ranked.push([rankOf(name, words[0] ?? ""), candidate]);
    }
  }
  return ranked
    .sort(([one], [other]) => one - other)
    .slice(0, most)
    .map(([, candidate]) => candidate);
}

function rankOf(name: string, word: string): number {
  const at = name.indexOf(word);
  if (at === 0) {
    return name.length === word.length ? 0 : 1;
  }
  return at > 0 && /[._/\- ]/.test(name[at - 1] ?? "") ? 2 : 3;
}
