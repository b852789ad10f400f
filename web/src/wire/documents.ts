/** What the server answers, as types; the names are those of its documents. Times are seconds since 1970. */

import type { Json } from "./json";

export type Session = {
  readonly user: string | null;
  readonly is_signed_in: boolean;
  readonly is_admin: boolean;
  readonly default_entity: string | null;
  readonly has_people: boolean;
  readonly is_read_only: boolean;
  readonly version: string;
  readonly store: string | null;
};

export type ProjectInfo = {
  readonly entity: string;
  readonly name: string;
  readonly created_at: number;
  readonly run_count: number;
};

export type ColumnKind = "number" | "text" | "bool" | "time" | "list" | "object" | "null" | "mixed";
export type ColumnInfo = { readonly name: string; readonly kind: ColumnKind; readonly run_count: number };
export type ColumnList = { readonly version: string; readonly columns: readonly ColumnInfo[] };

export type ColumnsQuery = {
  readonly columns: readonly string[];
  readonly filters?: object | null;
  readonly order?: readonly string[];
  readonly offset?: number;
  readonly limit?: number;
  readonly version?: string | null;
  readonly run_ids?: readonly string[] | null;
  readonly group_by?: readonly string[] | null;
  readonly aggregates?: Readonly<Record<string, readonly string[]>> | null;
  readonly facets?: readonly string[] | null;
};

export type RunGroup = {
  readonly values: Readonly<Record<string, Json>>;
  readonly run_count: number;
  readonly aggregates: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
};
export type Facet = { readonly value: Json; readonly run_count: number };

export type ColumnsPage = {
  readonly version: string;
  readonly total_count: number;
  readonly run_ids: readonly string[];
  readonly columns: Readonly<Record<string, readonly Json[]>>;
  readonly groups: readonly RunGroup[] | null;
  readonly facets: Readonly<Record<string, readonly Facet[]>> | null;
  /** Why runs cannot be read, by their ids. */
  readonly problems?: Readonly<Record<string, string>>;
};

/** What of many runs was done, and what was not. */
export type BulkAnswer = {
  readonly done: readonly string[];
  readonly failed: readonly { readonly run: string; readonly error: string }[];
};

export type RunEdit = {
  readonly config_set?: Readonly<Record<string, Json>>;
  readonly info?: Readonly<{ name?: string; notes?: string; tags?: readonly string[]; group?: string; job_type?: string }>;
};

export type ViewInfo = {
  readonly entity: string;
  readonly project: string;
  readonly view_id: string;
  readonly type: string;
  readonly name: string;
  readonly display_name: string | null;
  readonly description: string | null;
  readonly spec: string;
  readonly user: string | null;
  readonly created_at: number;
  readonly updated_at: number;
};

export type ViewPut = Pick<ViewInfo, "type" | "name"> & Partial<Pick<ViewInfo, "display_name" | "description" | "spec">>;
