/**
 * JSON as runlake writes it: bare `NaN`, `Infinity`, `-Infinity`, and integers of any size.
 *
 * What is plain JSON goes through `JSON.parse`; the reader here is for the rest, and gives integers that a double
 * cannot hold as `bigint`.
 */

export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** An integer of 16 digits or more that stands where a value may stand; also finds some inside of texts. */
const LONG_INTEGER = /(?:^|[[:,\s])-?\d{16,}(?![\d.eE])/;

/** The value that `text` is; a `SyntaxError` says where it is none. */
export function readJson(text: string): Json {
  if (!LONG_INTEGER.test(text)) {
    try {
      return JSON.parse(text) as Json;
    } catch (error) {
      if (!/NaN|Infinity/.test(text)) {
        throw error;
      }
    }
  }
  return new Reader(text).whole();
}

/** `value` as JSON in the same dialect; what is undefined in an object is left out. */
export function writeJson(value: unknown): string {
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (typeof value === "number") {
    return Number.isFinite(value) ? JSON.stringify(value) : String(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((part) => writeJson(part ?? null)).join(",")}]`;
  }
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeJson(member)}`).join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}

const NUMBER = /-?(?:Infinity|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS: readonly (readonly [string, Json])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", NaN],
];

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): Json {
    const value = this.value();
    this.space();
    if (this.at !== this.text.length) {
      throw this.error("the end");
    }
    return value;
  }

  private value(): Json {
    this.space();
    const first = this.text[this.at];
    if (first === "{") {
      return this.object();
    }
    if (first === "[") {
      return this.list();
    }
    if (first === '"') {
      return this.string();
    }
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  private object(): JsonObject {
    const members: [string, Json][] = [];
    this.at += 1;
    while (!this.ends("}", members.length)) {
      this.space();
      const key = this.string();
      this.space();
      if (!this.takes(":")) {
        throw this.error("a colon");
      }
      members.push([key, this.value()]);
    }
    return Object.fromEntries(members); // also for a key like __proto__
  }

  private list(): Json[] {
    const found: Json[] = [];
    this.at += 1;
    while (!this.ends("]", found.length)) {
      found.push(this.value());
    }
    return found;
  }

  /** Whether the list or object ends here; takes the comma before its next part otherwise. */
  private ends(bracket: string, count: number): boolean {
    this.space();
    if (this.takes(bracket)) {
      return true;
    }
    if (count > 0 && !this.takes(",")) {
      throw this.error(`a comma or ${bracket}`);
    }
    return false;
  }

  private string(): string {
    const found = this.match(TEXT);
    if (found === null) {
      throw this.error("text in quotes");
    }
    return JSON.parse(found) as string;
  }

  private number(): number | bigint {
    const found = this.match(NUMBER);
    if (found === null) {
      throw this.error("a value");
    }
    const value = Number(found);
    return /^-?\d+$/.test(found) && !Number.isSafeInteger(value) ? BigInt(found) : value;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) {
      return null;
    }
    this.at += found[0].length;
    return found[0];
  }

  private space(): void {
    this.match(SPACE);
  }

  private takes(expected: string): boolean {
    const isThere = this.text[this.at] === expected;
    this.at += isThere ? 1 : 0;
    return isThere;
  }

  private error(expected: string): SyntaxError {
    const around = this.text.slice(this.at, this.at + 20);
    return new SyntaxError(`JSON: expected ${expected} at ${this.at}, not ${JSON.stringify(around)}`);
  }
}
