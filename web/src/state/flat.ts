/** Nested documents as rows, one a leaf, and what differs between several of them. */

import type { Json, JsonObject } from "../wire/json";
import { writeJson } from "../wire/json";

export type FlatRow = { readonly path: string; readonly value: Json };

/** The leaves of a document, in its order; an empty object and a list are leaves, and so is a value with a `_type`. */
export function flatten(document: JsonObject): FlatRow[] {
  const rows: FlatRow[] = [];
  const add = (prefix: string, value: Json): void => {
    const members = isPlainObject(value) ? Object.entries(value) : [];
    if (members.length === 0 || (prefix !== "" && isPlainObject(value) && "_type" in value)) {
      if (prefix !== "") {
        rows.push({ path: prefix, value });
      }
      return;
    }
    for (const [name, member] of members) {
      add(prefix === "" ? name : `${prefix}.${name}`, member);
    }
  };
  add("", document);
  return rows;
}

export type ComparedRow = { readonly path: string; readonly values: readonly (Json | undefined)[]; readonly isSame: boolean };

/** A row for each leaf that any of the documents has, by name; undefined where one has none. */
export function compare(documents: readonly JsonObject[]): ComparedRow[] {
  const columns = documents.map((one) => new Map(flatten(one).map(({ path, value }) => [path, value])));
  const paths = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
  return paths.map((path) => {
    const values = columns.map((column) => column.get(path));
    const texts = new Set(values.map((value) => (value === undefined ? "" : writeJson(value))));
    return { path, values, isSame: texts.size === 1 };
  });
}

/** Whether all words of `search` stand in the path or in the value. */
export function matches(search: string, path: string, values: readonly (Json | undefined)[]): boolean {
  const text = [path, ...values.map((value) => (value === undefined ? "" : writeJson(value)))].join(" ").toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function isPlainObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
