/** The questions of the pages of artifacts. Times are seconds since 1970. */

import { apiAddress, getJson, patchJson, withQuery, type Ask } from "./http";
import { readJson, type Json, type JsonObject } from "./json";

export type ProjectOf = { readonly entity: string; readonly project: string };
export type CollectionPath = ProjectOf & { readonly name: string };
export type ArtifactPath = CollectionPath & { readonly version: string };
/** Entity, project and id of a run, as a list. */
export type RunTriple = readonly [string, string, string];

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

export type ArtifactInfo = {
  readonly entity: string;
  readonly project: string;
  readonly name: string;
  readonly artifact_id: string;
  readonly type: string;
  readonly state: string;
  readonly version_number: number | null;
  readonly digest: string;
  readonly size_bytes: number;
  readonly file_count: number;
  readonly description: string | null;
  readonly metadata: JsonObject;
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  readonly created_by: RunTriple | null;
  readonly user: string | null;
  readonly created_at: number;
  readonly ttl_s: number | null;
  readonly history_step: number | null;
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
  edit: { readonly add_aliases?: readonly string[]; readonly remove_aliases?: readonly string[]; readonly description?: string },
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
