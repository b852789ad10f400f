/** The questions of the pages of artifacts. Times are seconds since 1970. */

import type { ArtifactEdit, ArtifactInfo as Answer, CollectionInfo } from "./api";
import { apiAddress, getJson, patchJson, withQuery, type Ask } from "./http";
import { readJson, type Json } from "./json";

export type { CollectionInfo } from "./api";

export type ProjectOf = { readonly entity: string; readonly project: string };
export type CollectionPath = ProjectOf & { readonly name: string };
export type ArtifactPath = CollectionPath & { readonly version: string };
/** Entity, project and id of a run, as a list. */
export type RunTriple = readonly [string, string, string];

/** A version; the document does not say what its lists of names are made of. */
export type ArtifactInfo = Omit<Answer, "created_by" | "source"> & {
  readonly created_by: RunTriple | null;
  readonly source: readonly [string, string, string, string] | null;
};

export type ManifestEntry = {
  readonly path: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly ref: string | null;
};

function ofCollection({ entity, project, name }: CollectionPath, ...rest: readonly string[]): string {
  return apiAddress("artifacts", entity, project, name, ...rest);
}

function ofVersion(path: ArtifactPath, ...rest: readonly string[]): string {
  return ofCollection(path, "versions", path.version, ...rest);
}

export function fetchCollections({ entity, project }: ProjectOf, ask: Ask = {}): Promise<readonly CollectionInfo[]> {
  return getJson(apiAddress("projects", entity, project, "artifacts"), ask);
}

/** The versions of a collection, the newest first. */
export function fetchVersions(path: CollectionPath, ask: Ask = {}): Promise<readonly ArtifactInfo[]> {
  return getJson(ofCollection(path, "versions"), ask);
}

/** One version, by its number, an alias or its id. */
export function fetchArtifact(path: ArtifactPath, ask: Ask = {}): Promise<ArtifactInfo> {
  return getJson(ofVersion(path), ask);
}

export function fetchUsers(path: ArtifactPath, ask: Ask = {}): Promise<readonly RunTriple[]> {
  return getJson(ofVersion(path, "users"), ask);
}

/** What a run logged, or what it used. */
export function fetchRunArtifacts(run: RunTriple, relation: "logged" | "used", ask: Ask = {}): Promise<readonly ArtifactInfo[]> {
  return getJson(withQuery(apiAddress("runs", ...run, "artifacts"), { relation }), ask);
}

export function editArtifact(
  path: ArtifactPath,
  edit: ArtifactEdit,
): Promise<ArtifactInfo> {
  return patchJson(ofVersion(path), edit);
}

/** Where the bytes of a file of a version are. */
export function artifactFileAddress(path: ArtifactPath, name: string): string {
  return `${ofVersion(path, "files")}/${name.split("/").map(encodeURIComponent).join("/")}`;
}

/** What a version is made of, in the order of the paths. */
export async function fetchManifest(path: ArtifactPath, ask: Ask = {}): Promise<readonly ManifestEntry[]> {
  const request: RequestInit = { credentials: "same-origin", ...(ask.signal === undefined ? {} : { signal: ask.signal }) };
  const answer = await fetch(ofVersion(path, "manifest"), request);
  if (!answer.ok) {
    throw new Error(`The manifest could not be read: the server answered ${answer.status}.`);
  }
  const lines = (await answer.text()).split("\n").filter(Boolean);
  return lines.map((line) => {
    const entry = readJson(line) as Readonly<Record<string, Json>>;
    return {
      path: String(entry["path"]),
      digest: String(entry["digest"] ?? ""),
      size_bytes: Number(entry["size_bytes"] ?? 0),
      ref: typeof entry["ref"] === "string" ? entry["ref"] : null,
    };
  });
}
