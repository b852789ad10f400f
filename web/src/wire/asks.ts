/** The questions of the store's and the project's page, one function each. */

import { answerOf, askAhead } from "./ahead";
import type {
  BulkAnswer,
  ColumnList,
  ColumnsPage,
  ColumnsQuery,
  ProjectInfo,
  RunEdit,
  Session,
  ViewInfo,
  ViewPut,
} from "./documents";
import { addressOfKeys } from "./keys";
import { SESSION, apiAddress, deleteJson, getJson, postJson, putJson, type Ask } from "./http";

/** A project's place in the store. */
export type ProjectPath = { readonly entity: string; readonly project: string };

function ofProject({ entity, project }: ProjectPath, ...rest: readonly string[]): string {
  return apiAddress("projects", entity, project, ...rest);
}

export function fetchSession(ask: Ask = {}): Promise<Session> {
  return getJson<Session>(SESSION, ask);
}

/** Begin a session with the token of `runlake ui`, or with a key of a server. */
export function beginSession(proof: { readonly token: string } | { readonly key: string }): Promise<Session> {
  return postJson<Session>(SESSION, proof);
}

export function endSession(): Promise<void> {
  return deleteJson(SESSION);
}

export function fetchProjects(ask: Ask = {}): Promise<readonly ProjectInfo[]> {
  return getJson(apiAddress("projects"), ask);
}

export function fetchColumnList(path: ProjectPath, ask: Ask = {}): Promise<ColumnList> {
  const address = ofProject(path, "runs", "columns");
  return answerOf(address, () => getJson<ColumnList>(address, ask));
}

/** Ask for what a project's page begins with. */
export function askForProjectAhead(path: ProjectPath): void {
  const addresses = [addressOfKeys(path.entity, path.project, "history", 0), ofProject(path, "runs", "columns")];
  askAhead(Object.fromEntries(addresses.map((address) => [address, (ask) => getJson(address, ask)])));
}

export function fetchColumns(path: ProjectPath, query: ColumnsQuery, ask: Ask = {}): Promise<ColumnsPage> {
  return postJson(ofProject(path, "runs", "columns"), query, ask);
}

export function editRuns(path: ProjectPath, runIds: readonly string[], edit: RunEdit): Promise<BulkAnswer> {
  return postJson(ofProject(path, "runs", "edit"), { run_ids: runIds, edit });
}

export function deleteRuns(path: ProjectPath, runIds: readonly string[]): Promise<BulkAnswer> {
  return postJson(ofProject(path, "runs", "delete"), { run_ids: runIds });
}

export function restoreRuns(path: ProjectPath, runIds: readonly string[]): Promise<BulkAnswer> {
  return postJson(ofProject(path, "runs", "restore"), { run_ids: runIds });
}

export function fetchViews(path: ProjectPath, ask: Ask = {}): Promise<readonly ViewInfo[]> {
  return getJson(ofProject(path, "views"), ask);
}

export function putView(path: ProjectPath, viewId: string, view: ViewPut): Promise<ViewInfo> {
  return putJson(ofProject(path, "views", viewId), view);
}

export function deleteView(path: ProjectPath, viewId: string): Promise<void> {
  return deleteJson(ofProject(path, "views", viewId));
}
