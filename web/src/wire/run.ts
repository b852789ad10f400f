/** The questions of one run's page, one function each, and what is answered. Times are seconds since 1970. */

import type { ConsolePage, FileInfo, GenerationInfo, PastEdit, RunEdit, RunInfo, ValuesPage } from "./api";
import { apiAddress, deleteJson, getJson, patchJson, postJson, withQuery, type Ask } from "./http";

export type { Alert, ConsolePage, FileInfo, GenerationInfo, LoggedValue as ValueRow, PastEdit, PlacedLine as ConsoleLine, RunInfo, ValuesPage } from "./api";

export type RunState = RunInfo["state"];

export type RunPath = { readonly entity: string; readonly project: string; readonly runId: string };

function ofRun({ entity, project, runId }: RunPath, ...rest: readonly string[]): string {
  return apiAddress("runs", entity, project, runId, ...rest);
}

/** One run; `generation` names an older history of it. */
export function fetchRun(path: RunPath, generation: string | null = null, ask: Ask = {}): Promise<RunInfo> {
  return getJson(withQuery(ofRun(path), { generation }), ask);
}

export function fetchGenerations(path: RunPath, ask: Ask = {}): Promise<readonly GenerationInfo[]> {
  return getJson(ofRun(path, "generations"), ask);
}

/** What was changed in a run from outside of its process, oldest first. */
export function fetchEdits(path: RunPath, generation: string, ask: Ask = {}): Promise<readonly PastEdit[]> {
  return getJson(withQuery(ofRun(path, "edits"), { generation }), ask);
}

export function editRun(path: RunPath, edit: RunEdit): Promise<RunInfo> {
  return patchJson(ofRun(path), edit);
}

export function stopRun(path: RunPath): Promise<void> {
  return postJson(ofRun(path, "stop"), undefined);
}

export function deleteRun(path: RunPath): Promise<void> {
  return deleteJson(ofRun(path));
}

export function fetchFiles(path: RunPath, ask: Ask = {}): Promise<readonly FileInfo[]> {
  return getJson(ofRun(path, "files"), ask);
}

/** Where the bytes of a file are. */
export function fileAddress(path: RunPath, name: string): string {
  return `${ofRun(path, "files")}/${name.split("/").map(encodeURIComponent).join("/")}`;
}

/** The beginning of a file as text; `isCut` says that there is more. */
export async function fetchText(address: string, limitBytes: number, ask: Ask = {}): Promise<{ text: string; isCut: boolean }> {
  const request: RequestInit = { credentials: "same-origin", headers: { Range: `bytes=0-${limitBytes}` } };
  const answer = await fetch(address, ask.signal === undefined ? request : { ...request, signal: ask.signal });
  if (answer.status === 416) {
    return { text: "", isCut: false }; // an empty file has no first byte
  }
  if (!answer.ok) {
    throw new Error(`The file could not be read: the server answered ${answer.status}.`);
  }
  const bytes = await answer.arrayBuffer();
  const text = new TextDecoder().decode(bytes.slice(0, limitBytes));
  return { text, isCut: bytes.byteLength > limitBytes };
}

export function fetchConsole(
  path: RunPath,
  query: { readonly offset: number; readonly limit: number; readonly search?: string | null },
  ask: Ask = {},
): Promise<ConsolePage> {
  return getJson(withQuery(ofRun(path, "console", "lines"), { ...query, search: query.search || null }), ask);
}

/** The values of one key, whatever they are, in the order of the rows. */
export function fetchValues(
  path: RunPath,
  query: { readonly key: string; readonly offset?: number; readonly limit?: number },
  ask: Ask = {},
): Promise<ValuesPage> {
  return getJson(withQuery(ofRun(path, "values"), query), ask);
}
