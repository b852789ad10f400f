/** A filter as rows of conditions, each a column, a comparison and a value; what is more than that stays a filter. */

import type { Json, JsonObject } from "../wire/json";
import { allOf, literalOf, quotedPattern } from "./filter_text";

export const COMPARISONS = ["=", "≠", "<", "≤", ">", "≥", "in", "not in", "contains", "matches", "exists", "missing"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** One row. `value` is a list for `in` and `not in`, text for `contains` and `matches`, null for the last two. */
export type Condition = { readonly name: string; readonly comparison: Comparison; readonly value: Json };

/** A row, or a part of a filter that has no row. */
export type FilterPart = { readonly condition: Condition } | { readonly filter: JsonObject };

const BY_OPERATOR: Readonly<Record<string, Comparison>> = {
  $eq: "=",
  $ne: "≠",
  $lt: "<",
  $lte: "≤",
  $gt: ">",
  $gte: "≥",
  $in: "in",
  $nin: "not in",
};
const OPERATOR: Readonly<Partial<Record<Comparison, string>>> = {
  "≠": "$ne",
  "<": "$lt",
  "≤": "$lte",
  ">": "$gt",
  "≥": "$gte",
  in: "$in",
  "not in": "$nin",
  matches: "$regex",
};

/** The parts that must all hold. */
export function partsOf(filters: JsonObject | null): FilterPart[] {
  return Object.entries(filters ?? {}).flatMap(([name, operand]): FilterPart[] => {
    if (name === "$and") {
      return (operand as JsonObject[]).flatMap(partsOf);
    }
    const condition = name.startsWith("$") ? null : conditionOf(name, operand);
    return [condition === null ? { filter: { [name]: operand } } : { condition }];
  });
}

/** The filter that holds where all parts do; null when there are none. */
export function filterOf(parts: readonly FilterPart[]): JsonObject | null {
  if (parts.length === 0) {
    return null;
  }
  return allOf(parts.map((part) => ("filter" in part ? part.filter : filterOfCondition(part.condition))));
}

export function filterOfCondition({ name, comparison, value }: Condition): JsonObject {
  switch (comparison) {
    case "=":
      return { [name]: value };
    case "exists":
    case "missing":
      return { [name]: { $exists: comparison === "exists" } };
    case "contains":
      return { [name]: { $regex: quotedPattern(String(value)), $options: "i" } };
    default:
      return { [name]: { [OPERATOR[comparison] ?? "$eq"]: value } };
  }
}

function conditionOf(name: string, operand: Json): Condition | null {
  if (operand === null || typeof operand !== "object" || Array.isArray(operand)) {
    return { name, comparison: "=", value: operand };
  }
  const operators = Object.entries(operand as JsonObject);
  const [operator, value] = operators[0] ?? ["", null];
  if (operators.length === 1 && operator in BY_OPERATOR) {
    return { name, comparison: BY_OPERATOR[operator] as Comparison, value };
  }
  if (operators.length === 1 && operator === "$exists") {
    return { name, comparison: value === true ? "exists" : "missing", value: null };
  }
  if (operators.length === 1 && operator === "$regex") {
    return { name, comparison: "matches", value };
  }
  const { $regex, $options } = operand as JsonObject;
  const literal = operators.length === 2 && $options === "i" && typeof $regex === "string" ? literalOf($regex) : null;
  return literal === null ? null : { name, comparison: "contains", value: literal };
}

/** What finds runs that have `text` in their name, notes, tags, group, kind of job or user; null for no text. */
export function searchFilter(text: string): JsonObject | null {
  const trimmed = text.trim();
  if (trimmed === "") {
    return null;
  }
  const pattern = { $regex: quotedPattern(trimmed), $options: "i" };
  return { $or: ["name", "notes", "tags", "group", "job_type", "user"].map((name) => ({ [name]: pattern })) };
}

/** Both filters at once. */
export function both(left: JsonObject | null, right: JsonObject | null): JsonObject | null {
  return left === null || right === null ? (left ?? right) : { $and: [left, right] };
}
