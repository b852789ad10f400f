/** One query at a time: what is written, what was asked, what came, and how long it takes. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { isAborted } from "../wire/http";
import { askSql, type SqlAnswer, type SqlPlace } from "../wire/sql";

export type Asked =
  | { readonly is: "nothing" }
  | { readonly is: "asking"; readonly beganAt: number }
  | { readonly is: "answered"; readonly query: string; readonly answer: SqlAnswer }
  | { readonly is: "failed"; readonly error: Error };

export class SqlModel {
  readonly text = signal("");
  private readonly now = signal<Asked>({ is: "nothing" });
  private abort: AbortController | null = null;
  /** The query that was asked last, or is being asked. */
  ran = "";

  constructor(private readonly place: SqlPlace) {}

  get asked(): ReadonlySignal<Asked> {
    return this.now;
  }

  /** Ask what is written; what is asked already is not waited for any more. */
  async run(): Promise<void> {
    const query = this.text.peek().trim();
    this.cancel();
    this.ran = this.text.peek();
    if (query === "") {
      this.now.value = { is: "nothing" };
      return;
    }
    const abort = (this.abort = new AbortController());
    this.now.value = { is: "asking", beganAt: performance.now() };
    try {
      const answer = await askSql(query, this.place, { signal: abort.signal });
      if (this.abort === abort) {
        this.now.value = { is: "answered", query, answer };
      }
    } catch (error) {
      if (this.abort === abort) {
        this.now.value = isAborted(error) ? { is: "nothing" } : { is: "failed", error: error as Error };
      }
    }
  }

  /** Wait no more: the server ends the query then. */
  cancel(): void {
    this.abort?.abort();
    this.abort = null;
    if (this.now.peek().is === "asking") {
      this.now.value = { is: "nothing" };
    }
  }
}

export type Example = { readonly title: string; readonly query: string };

/** Queries that answer what people ask first; each runs on any store. */
export const EXAMPLES: readonly Example[] = [
  {
    title: "Newest runs",
    query: "SELECT project, run_id, name, state, runtime_s, row_count\nFROM runs\nORDER BY created_at DESC\nLIMIT 100",
  },
  {
    title: "Which metrics there are",
    query: "SELECT key, count(*) AS runs, min(value) AS lowest, max(value) AS highest\nFROM summary\nWHERE value IS NOT NULL\nGROUP BY key\nORDER BY runs DESC, key",
  },
  {
    title: "A metric beside a setting",
    query:
      "SELECT s.run_id, c.key AS setting, coalesce(c.text, c.value::TEXT) AS setting_value, s.key AS metric, s.value\nFROM summary s JOIN config c USING (entity, project, run_id)\nWHERE s.value IS NOT NULL\nORDER BY s.key, s.value\nLIMIT 1000",
  },
  {
    title: "Hours of work a day",
    query: "SELECT to_timestamp(created_at)::DATE AS day, sum(runtime_s) / 3600 AS hours\nFROM runs\nGROUP BY day\nORDER BY day",
  },
];

/** The query that draws a key of all runs. */
export function curvesOf(key: string): string {
  return `SELECT run_id, step, value\nFROM history\nWHERE key = '${key.replace(/'/g, "''")}'\nORDER BY run_id, step`;
}
