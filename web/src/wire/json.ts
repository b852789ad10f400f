/**
 * JSON as runlake writes it: `{"$float": "NaN"}`, `{"$bytes": …}` and `{"$dict": …}` for what JSON cannot say, and
 * integers of any size, which become `bigint` where a double cannot hold them.
 */

export type Json = null | boolean | number | bigint | string | Uint8Array | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const FLOATS: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };
const MARKS = new Set(["$float", "$bytes", "$dict"]);
/** Stands for a long integer while the rest is read; no text of a user's begins with it. */
const INTEGER = "\u0000integer";
const MARKED = /"(?:\$float|\$bytes|\$dict|\\u0000integer)"/;
/** Texts, so that digits in them are passed over, and integers of 16 digits or more. */
const TEXT_OR_INTEGER = /"(?:[^"\\]|\\.)*"|(?<![\d.eE])-?\d{16,}(?![\d.eE])/g;
const LONG_INTEGER = /\d{16}/;

/** The value that `text` is; a `SyntaxError` says where it is none. */
export function readJson(text: string): Json {
  const safe = LONG_INTEGER.test(text) ? text.replace(TEXT_OR_INTEGER, withoutLongInteger) : text;
  const value = JSON.parse(safe) as Json;
  return MARKED.test(safe) ? unmarked(value) : value;
}

/** `value` as JSON in the same dialect; what is undefined in an object is left out. */
export function writeJson(value: unknown): string {
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    return `{"$float":"${value}"}`;
  }
  if (value instanceof Uint8Array) {
    return `{"$bytes":"${btoa(String.fromCharCode(...value))}"}`;
  }
  if (Array.isArray(value)) {
    return `[${value.map((part) => writeJson(part ?? null)).join(",")}]`;
  }
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (members.length === 1 && MARKS.has(members[0]?.[0] ?? "")) {
      return `{"$dict":${writeJson(members)}}`;
    }
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeJson(member)}`).join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}

function withoutLongInteger(found: string): string {
  return found.startsWith('"') || Number.isSafeInteger(Number(found)) ? found : `{${JSON.stringify(INTEGER)}:"${found}"}`;
}

/** The value with what its marks mean, from the inside out: what a mark holds is not looked at again. */
function unmarked(value: Json): Json {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(unmarked);
  }
  const members = Object.entries(value).map(([key, member]) => [key, unmarked(member)] as const);
  const [mark, inner] = members.length === 1 ? (members[0] as readonly [string, Json]) : ["", null];
  switch (mark) {
    case "$float":
      return FLOATS[String(inner)] ?? NaN;
    case "$bytes":
      return Uint8Array.from(atob(String(inner)), (letter) => letter.charCodeAt(0));
    case "$dict":
      return Object.fromEntries(inner as unknown as [string, Json][]);
    case INTEGER:
      return BigInt(String(inner));
    default:
      return Object.fromEntries(members);
  }
}
