/**
 * What the server is asked and what it answers, made from its OpenAPI document by `make docs`. Times are seconds since
 * 1970.
 */

import type { Json } from "./json";

export type AgentInfo = {
  readonly agent_id: string;
  readonly host: string | null;
  readonly state: "running" | "finished" | "crashed";
  readonly run_ids: readonly string[];
  readonly created_at: number;
  readonly heartbeat_at: number;
};

export type Aggregate = {
  readonly line?: "mean" | "median" | "min" | "max";
  readonly band?: "std" | "stderr" | "minmax" | "quantiles" | null;
};

export type Alert = {
  readonly title: string;
  readonly text: string;
  readonly level: "INFO" | "WARN" | "ERROR";
  readonly timestamp: number;
};

export type ArtifactEdit = {
  readonly description?: string | null;
  readonly metadata?: Readonly<Record<string, Json>> | null;
  readonly ttl_s?: number | null;
  readonly add_aliases?: readonly string[];
  readonly remove_aliases?: readonly string[];
  readonly add_tags?: readonly string[];
  readonly remove_tags?: readonly string[];
};

export type ArtifactInfo = {
  readonly entity: string;
  readonly project: string;
  readonly name: string;
  readonly artifact_id: string;
  readonly type: string;
  readonly state: "PENDING" | "COMMITTED" | "DELETED";
  readonly version_number: number | null;
  readonly digest: string;
  readonly size_bytes: number;
  readonly file_count: number;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  readonly created_by: Json | null;
  readonly user: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly linked_at: number | null;
  readonly ttl_s: number | null;
  readonly history_step: number | null;
  readonly source: Json | null;
};

export type BulkAnswer = {
  readonly done: readonly string[];
  readonly failed: readonly BulkFailure[];
};

export type BulkFailure = {
  readonly run: string;
  readonly error: string;
};

export type CollectionInfo = {
  readonly entity: string;
  readonly project: string;
  readonly name: string;
  readonly type: string;
  readonly kind: "sequence" | "portfolio";
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly version_count: number;
  readonly size_bytes: number;
  readonly created_at: number;
  readonly updated_at: number;
};

export type ConsolePage = {
  readonly total_count: number;
  readonly offset: number;
  readonly lines: readonly PlacedLine[];
};

export type FacetValue = {
  readonly value: Json;
  readonly run_count: number;
};

export type FileInfo = {
  readonly name: string;
  readonly size_bytes: number;
  readonly mimetype: string;
  readonly updated_at: number;
  readonly md5: string;
  readonly url: string;
};

export type GenerationInfo = {
  readonly generation: string;
  readonly created_at: number;
  readonly row_count: number;
};

export type KeyInfo = {
  readonly key_id: string;
  readonly user: string;
  readonly description: string;
  readonly created_at: number;
  readonly is_current: boolean;
};

export type Keys = {
  readonly keys: readonly string[];
};

export type LoggedValue = {
  readonly step: number;
  readonly timestamp: number;
  readonly value: Json;
};

export type MetricRule = {
  readonly name: string;
  readonly step_metric: string | null;
  readonly summary: readonly string[];
  readonly goal: string | null;
  readonly hidden: boolean;
  readonly step_sync: boolean;
};

export type NewKey = {
  readonly user: string;
  readonly key_id: string;
  readonly key: string;
};

export type PastEdit = {
  readonly part: "run" | "config" | "summary";
  readonly key: string;
  readonly timestamp: number;
  readonly before: Json;
  readonly after: Json;
  readonly was_there: boolean | null;
  readonly is_there: boolean;
};

export type PersonInfo = {
  readonly user: string;
  readonly is_admin: boolean;
  readonly email: string | null;
  readonly teams: Readonly<Record<string, "admin" | "member" | "viewer">>;
  readonly created_at: number;
};

export type PlacedLine = {
  readonly line: number;
  readonly stream: "stdout" | "stderr";
  readonly timestamp: number;
  readonly text: string;
  readonly source: string | null;
};

export type ProjectInfo = {
  readonly entity: string;
  readonly name: string;
  readonly created_at: number;
  readonly run_count: number;
};

export type ProjectKey = {
  readonly key: string;
  readonly kind: "number" | "text" | "media" | "other";
  readonly media_type: string | null;
  readonly run_count: number;
};

export type ProjectKeys = {
  readonly version: string;
  readonly total_count: number;
  readonly keys: readonly ProjectKey[];
};

export type ProjectNews = {
  readonly version: string;
  readonly changed: readonly string[] | null;
};

export type RunColumn = {
  readonly name: string;
  readonly kind: "number" | "text" | "bool" | "time" | "list" | "object" | "null" | "mixed";
  readonly run_count: number;
};

export type RunColumnList = {
  readonly version: string;
  readonly columns: readonly RunColumn[];
};

export type RunColumnsPage = {
  readonly version: string;
  readonly total_count: number;
  readonly run_ids: readonly string[];
  readonly columns: Readonly<Record<string, readonly Json[]>>;
  readonly groups: readonly RunGroup[] | null;
  readonly facets: Readonly<Record<string, readonly FacetValue[]>> | null;
  readonly facet_value_counts: Readonly<Record<string, number>> | null;
  readonly problems: Readonly<Record<string, string>>;
};

export type RunColumnsQuery = {
  readonly columns?: readonly string[];
  readonly filters?: Readonly<Record<string, Json>> | null;
  readonly order?: readonly string[];
  readonly offset?: number;
  readonly limit?: number | null;
  readonly version?: string | null;
  readonly run_ids?: readonly string[] | null;
  readonly group_by?: readonly string[] | null;
  readonly aggregates?: Readonly<Record<string, readonly string[]>> | null;
  readonly facets?: readonly string[] | null;
};

export type RunEdit = {
  readonly config_set?: Readonly<Record<string, Json>>;
  readonly config_unset?: readonly string[];
  readonly summary_set?: Readonly<Record<string, Json>>;
  readonly summary_unset?: readonly string[];
  readonly info?: Readonly<Record<string, Json>>;
  readonly state?: "running" | "finished" | "failed" | "killed" | "crashed" | "preempting" | "preempted" | "pending" | null;
};

export type RunGroup = {
  readonly values: Readonly<Record<string, Json>>;
  readonly run_count: number;
  readonly aggregates: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
};

export type RunInfo = {
  readonly entity: string;
  readonly project: string;
  readonly run_id: string;
  readonly incarnation: string;
  readonly generation: string;
  readonly name: string;
  readonly state: "running" | "finished" | "failed" | "killed" | "crashed" | "preempting" | "preempted" | "pending";
  readonly config: Readonly<Record<string, Json>>;
  readonly summary: Readonly<Record<string, Json>>;
  readonly system_metrics: Readonly<Record<string, Json>>;
  readonly tags: readonly string[];
  readonly notes: string | null;
  readonly group: string | null;
  readonly job_type: string | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly program: string | null;
  readonly sweep: string | null;
  readonly created_at: number;
  readonly heartbeat_at: number;
  readonly last_row_at: number;
  readonly runtime_s: number;
  readonly exit_code: number | null;
  readonly last_step: number;
  readonly row_count: number;
  readonly event_count: number;
  readonly console_line_count: number;
  readonly metric_rules: readonly MetricRule[];
  readonly alerts: readonly Alert[];
  readonly stop_requested: boolean;
  readonly forked_from: string | null;
};

export type SessionInfo = {
  readonly is_signed_in: boolean;
  readonly has_people: boolean;
  readonly version: string;
  readonly user: string | null;
  readonly is_admin: boolean;
  readonly default_entity: string | null;
  readonly is_read_only: boolean;
  readonly store: string | null;
};

export type Share = {
  readonly entity: string;
  readonly project: string;
  readonly access: "private" | "read" | "write";
};

export type Smoothing = {
  readonly kind: "ema" | "gaussian" | "mean";
  readonly amount: number;
};

export type SweepEdit = {
  readonly state?: "PENDING" | "RUNNING" | "PAUSED" | "FINISHED" | "CANCELED" | null;
  readonly name?: string | null;
  readonly description?: string | null;
};

export type SweepInfo = {
  readonly entity: string;
  readonly project: string;
  readonly sweep_id: string;
  readonly name: string;
  readonly state: "PENDING" | "RUNNING" | "PAUSED" | "FINISHED" | "CANCELED";
  readonly config: Readonly<Record<string, Json>>;
  readonly description: string | null;
  readonly user: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly run_count: number;
  readonly expected_run_count: number | null;
  readonly prior_run_ids: readonly string[];
  readonly agents: readonly AgentInfo[];
  readonly seed: number;
  readonly reason: string;
};

export type TeamInfo = {
  readonly team: string;
  readonly members: Readonly<Record<string, "admin" | "member" | "viewer">>;
  readonly created_at: number;
};

export type TilesQuery = {
  readonly keys: readonly string[];
  readonly runs?: readonly string[] | null;
  readonly filters?: Readonly<Record<string, Json>> | null;
  readonly order?: readonly string[];
  readonly limit?: number | null;
  readonly stream?: "history" | "events";
  readonly x?: string;
  readonly window?: readonly [number | null, number | null] | null;
  readonly columns?: number;
  readonly x_scale?: "linear" | "log";
  readonly smoothing?: Smoothing | null;
  readonly group_by?: readonly string[] | null;
  readonly aggregate?: Aggregate | null;
  readonly is_exact?: boolean;
  readonly known?: Readonly<Record<string, string>> | null;
};

export type ValuesPage = {
  readonly total_count: number;
  readonly offset: number;
  readonly rows: readonly LoggedValue[];
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

export type ViewPut = {
  readonly type: string;
  readonly name: string;
  readonly display_name?: string | null;
  readonly description?: string | null;
  readonly spec?: string;
  readonly user?: string | null;
};
