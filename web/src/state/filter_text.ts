/**
 * Filters as text: `config.lr > 0.01 and state = "running"`, and back.
 *
 * The text says what a filter of `runs()` says; whatever of that language has no words here is written as its JSON.
 * A name with blanks or signs in it stands in backquotes.
 */

import { readJson, writeJson, type Json, type JsonObject } from "../wire/json";

/** Why a text is no filter, and at which letter. */
export class FilterTextError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

type Token = { readonly kind: "name" | "text" | "sign" | "end"; readonly text: string; readonly at: number };

const TOKEN = /\s*(?:(`(?:[^`]|``)+`)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|==|<=|>=|!~|[=<>~(),[\]])|([^\s=<>!~(),[\]"'`]+))/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const BARE_NAME = /^[^\s=<>!~(),[\]"'`]+$/;
const WORDS = new Set(["and", "or", "not", "in", "exists", "missing", "contains", "true", "false", "null"]);
const OPERATOR_OF: Readonly<Record<string, string>> = { "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "~": "$regex" };
const SIGN_OF: Readonly<Record<string, string>> = { $ne: "!=", $lt: "<", $lte: "<=", $gt: ">", $gte: ">=", $regex: "~" };

/** The filter that `text` says, null for an empty one; a `FilterTextError` says what is not understood. */
export function parseFilterText(text: string): JsonObject | null {
  const trimmed = text.trim();
  if (trimmed === "") {
    return null;
  }
  if (trimmed.startsWith("{")) {
    try {
      return readJson(trimmed) as JsonObject;
    } catch (error) {
      throw new FilterTextError((error as Error).message, 0);
    }
  }
  return new Parser(tokensOf(text)).whole();
}

/** A filter as text; parsing it gives the same filter. */
export function formatFilterText(filters: JsonObject | null): string {
  if (filters === null || Object.keys(filters).length === 0) {
    return "";
  }
  const plain = writeJson(filters);
  try {
    const text = printed(filters, false);
    return writeJson(parseFilterText(text)) === plain ? text : plain;
  } catch {
    return plain;
  }
}

/** A pattern that finds `text` as it stands. */
export function quotedPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The text that a pattern finds as it stands, or null when it is more than that. */
export function literalOf(pattern: string): string | null {
  const text = pattern.replace(/\\([\\^$.*+?()[\]{}|])/g, "$1");
  return quotedPattern(text) === pattern ? text : null;
}

/** All parts at once; fields that are named once stand side by side. */
export function allOf(parts: readonly JsonObject[]): JsonObject {
  const flat = parts.filter((part) => Object.keys(part).length > 0);
  const names = flat.flatMap((part) => Object.keys(part));
  if (new Set(names).size === names.length && !(flat.length > 1 && names.some((name) => name.startsWith("$")))) {
    return Object.assign({}, ...flat) as JsonObject;
  }
  return { $and: flat };
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) {
      throw new FilterTextError(`a quote that does not end: ${text.slice(at).trim()}`, text.length - text.slice(at).trimStart().length);
    }
    const [whole, quotedName, quotedText, sign, word] = found;
    const begin = at + whole.length - whole.trimStart().length;
    if (quotedName !== undefined) {
      tokens.push({ kind: "name", text: `\`${quotedName.slice(1, -1).replaceAll("``", "`")}`, at: begin });
    } else if (quotedText !== undefined) {
      tokens.push({ kind: "text", text: unquoted(quotedText, begin), at: begin });
    } else {
      tokens.push({ kind: sign === undefined ? "name" : "sign", text: sign ?? word ?? "", at: begin });
    }
    at += whole.length;
  }
  return [...tokens, { kind: "end", text: "", at: text.length }];
}

function unquoted(text: string, at: number): string {
  const inner = text.startsWith("'") ? text.slice(1, -1).replaceAll("\\'", "'").replace(/(?<!\\)"/g, '\\"') : text.slice(1, -1);
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    throw new FilterTextError(`this is no text as JSON has it: ${text}`, at);
  }
}

class Parser {
  private at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): JsonObject {
    const found = this.any();
    if (this.now.kind !== "end") {
      throw this.error("“and”, “or” or the end");
    }
    return found;
  }

  private get now(): Token {
    return this.tokens[this.at] as Token;
  }

  private takes(word: string): boolean {
    const isThere = this.now.kind !== "text" && this.now.text.toLowerCase() === word;
    this.at += isThere ? 1 : 0;
    return isThere;
  }

  private any(): JsonObject {
    const parts = [this.all()];
    while (this.takes("or")) {
      parts.push(this.all());
    }
    return parts.length === 1 ? (parts[0] as JsonObject) : { $or: parts };
  }

  private all(): JsonObject {
    const parts = [this.one()];
    while (this.takes("and")) {
      parts.push(this.one());
    }
    return parts.length === 1 ? (parts[0] as JsonObject) : allOf(parts);
  }

  private one(): JsonObject {
    if (this.takes("not")) {
      return { $not: this.one() };
    }
    if (this.takes("(")) {
      const inner = this.any();
      this.expect(")");
      return inner;
    }
    return this.condition();
  }

  private condition(): JsonObject {
    if (this.now.kind !== "name" || WORDS.has(this.now.text.toLowerCase())) {
      throw this.error("the name of a column, like config.lr");
    }
    const name = this.now.text.replace(/^`/, "");
    this.at += 1;
    if (this.takes("exists")) {
      return { [name]: { $exists: true } };
    }
    if (this.takes("missing")) {
      return { [name]: { $exists: false } };
    }
    if (this.takes("contains")) {
      return { [name]: { $regex: quotedPattern(String(this.value())), $options: "i" } };
    }
    if (this.takes("in")) {
      return { [name]: { $in: this.values() } };
    }
    if (this.takes("not")) {
      this.expect("in");
      return { [name]: { $nin: this.values() } };
    }
    return this.comparison(name);
  }

  private comparison(name: string): JsonObject {
    if (this.takes("=") || this.takes("==")) {
      return { [name]: this.value() };
    }
    if (this.takes("!~")) {
      return { [name]: { $not: { $regex: String(this.value()) } } };
    }
    const operator = this.now.kind === "sign" ? OPERATOR_OF[this.now.text] : undefined;
    if (operator === undefined) {
      throw this.error("one of = != < <= > >= ~ in, contains, exists, missing");
    }
    this.at += 1;
    const value = this.value();
    return { [name]: { [operator]: operator === "$regex" ? String(value) : value } };
  }

  private values(): Json[] {
    const close = this.takes("[") ? "]" : ")";
    if (close === ")") {
      this.expect("(");
    }
    const found: Json[] = [];
    while (!this.takes(close)) {
      if (found.length > 0) {
        this.expect(",");
      }
      found.push(this.value());
    }
    return found;
  }

  private value(): Json {
    const { kind, text } = this.now;
    if (kind === "end" || kind === "sign") {
      throw this.error("a value");
    }
    this.at += 1;
    return kind === "text" ? text : valueOfWord(text);
  }

  private expect(word: string): void {
    if (!this.takes(word)) {
      throw this.error(`“${word}”`);
    }
  }

  private error(expected: string): FilterTextError {
    const { kind, text, at } = this.now;
    return new FilterTextError(`expected ${expected}, not ${kind === "end" ? "the end" : `“${text.replace(/^`/, "")}”`}`, at);
  }
}

/** What a word without quotes means as a value: a number, true, false, null, or itself. */
export function valueOfWord(word: string): Json {
  if (NUMBER.test(word)) {
    const value = Number(word);
    return /^[+-]?\d+$/.test(word) && !Number.isSafeInteger(value) ? BigInt(word) : value;
  }
  const words: Readonly<Record<string, Json>> = { true: true, false: false, null: null, Infinity, "-Infinity": -Infinity, NaN };
  return Object.hasOwn(words, word) ? (words[word] as Json) : word.replace(/^`/, "");
}

function printed(filters: JsonObject, isInside: boolean): string {
  const parts = Object.entries(filters).map(([name, operand]) => printedPart(name, operand));
  const text = parts.join(" and ");
  return isInside && (parts.length > 1 || "$or" in filters || "$and" in filters) ? `(${text})` : text;
}

function printedPart(name: string, operand: Json): string {
  if (name === "$and" || name === "$or") {
    return (operand as JsonObject[]).map((part) => printed(part, true)).join(name === "$and" ? " and " : " or ");
  }
  if (name === "$not") {
    return `not (${printed(operand as JsonObject, false)})`;
  }
  const head = BARE_NAME.test(name) && !WORDS.has(name.toLowerCase()) ? name : `\`${name.replaceAll("`", "``")}\``;
  if (operand === null || typeof operand !== "object" || Array.isArray(operand)) {
    return `${head} = ${printedValue(operand)}`;
  }
  const operators = Object.entries(operand as JsonObject);
  if (operators.length === 2 && operators[1]?.[0] === "$options") {
    return `${head} contains ${printedValue(literalOf(String(operators[0]?.[1])) ?? "")}`;
  }
  const [operator, value] = operators[0] as [string, Json];
  if (operator === "$exists") {
    return `${head} ${value === true ? "exists" : "missing"}`;
  }
  if (operator === "$in" || operator === "$nin") {
    return `${head} ${operator === "$in" ? "in" : "not in"} (${(value as Json[]).map(printedValue).join(", ")})`;
  }
  if (operator === "$not") {
    return `${head} !~ ${printedValue((value as JsonObject)["$regex"] ?? null)}`;
  }
  return `${head} ${SIGN_OF[operator] ?? "?"} ${printedValue(value)}`;
}

function printedValue(value: Json): string {
  return typeof value === "number" ? String(value) : writeJson(value);
}
