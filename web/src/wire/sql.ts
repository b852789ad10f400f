/** Queries in SQL over what may be seen, and the tables that they can name. */

import { apiAddress, getJson, postForBytes, postJson, type Ask } from "./http";
import type { Json } from "./json";

/** A column: `type` is the name that Arrow has for it. */
export type SqlColumn = { readonly name: string; readonly type: string };
export type SqlTable = { readonly name: string; readonly columns: readonly SqlColumn[] };

export type SqlTables = {
  readonly tables: readonly SqlTable[];
  readonly time_s: number;
  readonly memory_bytes: number;
  readonly is_available: boolean;
};

/** Rows of an answer from its begin, column by column; `row_count` is of the whole answer. */
export type SqlAnswer = {
  readonly columns: readonly SqlColumn[];
  readonly values: readonly (readonly Json[])[];
  readonly row_count: number;
  readonly took_s: number;
};

/** Where a query reads: one project, or all of them. */
export type SqlPlace = { readonly entity: string; readonly project: string } | null;

/** So many rows of an answer are shown; a file has all of them. */
export const SHOWN_ROWS = 10_000;

export function fetchSqlTables(ask: Ask = {}): Promise<SqlTables> {
  return getJson(apiAddress("sql"), ask);
}

export function askSql(query: string, place: SqlPlace, ask: Ask = {}): Promise<SqlAnswer> {
  return postJson(apiAddress("sql"), { query, ...place, format: "json", limit: SHOWN_ROWS }, ask);
}

/** The whole answer as a file of CSV. */
export function fetchSqlCsv(query: string, place: SqlPlace, ask: Ask = {}): Promise<ArrayBuffer> {
  return postForBytes(apiAddress("sql"), { query, ...place, format: "csv" }, ask);
}
