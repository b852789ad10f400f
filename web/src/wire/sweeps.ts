/** The questions of the pages of sweeps. Times are seconds since 1970. */

import type { SweepEdit, SweepInfo } from "./api";
import { apiAddress, getJson, patchJson, type Ask } from "./http";

export type { AgentInfo, SweepInfo } from "./api";

export type SweepState = SweepInfo["state"];

export type SweepPath = { readonly entity: string; readonly project: string; readonly sweepId: string };
export function fetchSweeps(project: { readonly entity: string; readonly project: string }, ask: Ask = {}): Promise<readonly SweepInfo[]> {
  return getJson(apiAddress("projects", project.entity, project.project, "sweeps"), ask);
}

export function fetchSweep({ entity, project, sweepId }: SweepPath, ask: Ask = {}): Promise<SweepInfo> {
  return getJson(apiAddress("sweeps", entity, project, sweepId), ask);
}

export function editSweep({ entity, project, sweepId }: SweepPath, edit: SweepEdit): Promise<SweepInfo> {
  return patchJson(apiAddress("sweeps", entity, project, sweepId), edit);
}
