/** The questions of the pages of sweeps. Times are seconds since 1970. */

import { apiAddress, getJson, patchJson, type Ask } from "./http";
import type { JsonObject } from "./json";

export type SweepPath = { readonly entity: string; readonly project: string; readonly sweepId: string };
export type SweepState = "PENDING" | "RUNNING" | "PAUSED" | "FINISHED" | "CANCELED";

export type AgentInfo = {
  readonly agent_id: string;
  readonly host: string | null;
  readonly state: string;
  readonly run_ids: readonly string[];
  readonly created_at: number;
  readonly heartbeat_at: number;
};

export type SweepInfo = {
  readonly sweep_id: string;
  readonly name: string;
  readonly state: SweepState;
  readonly config: JsonObject;
  readonly description: string | null;
  readonly user: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly run_count: number;
  readonly expected_run_count: number | null;
  readonly agents: readonly AgentInfo[];
  readonly seed: number;
  readonly reason: string;
};

export function fetchSweeps(project: { readonly entity: string; readonly project: string }, ask: Ask = {}): Promise<readonly SweepInfo[]> {
  return getJson(apiAddress("projects", project.entity, project.project, "sweeps"), ask);
}

export function fetchSweep({ entity, project, sweepId }: SweepPath, ask: Ask = {}): Promise<SweepInfo> {
  return getJson(apiAddress("sweeps", entity, project, sweepId), ask);
}

export function editSweep({ entity, project, sweepId }: SweepPath, edit: { readonly state: SweepState }): Promise<SweepInfo> {
  return patchJson(apiAddress("sweeps", entity, project, sweepId), edit);
}
