/** What a run said of its machine and of its source, in files of its own. */

import { isPlainObject } from "../../state/flat";
import type { Ask } from "../../wire/http";
import { readJson, type JsonObject } from "../../wire/json";
import { fetchFiles, fetchText, fileAddress, type RunPath } from "../../wire/run";

const METADATA_FILE = "wandb-metadata.json";
const DIFF_FILES = new Set(["diff.patch", "wandb-diff.patch"]);
const FILE_LIMIT_BYTES = 1_000_000;

export type Environment = { readonly metadata: JsonObject; readonly diff: string | null };

/** What the run said of its machine and of its source, out of two of its files; what is not there is null. */
export async function fetchEnvironment(path: RunPath, ask: Ask): Promise<Environment> {
  const files = await fetchFiles(path, ask);
  const read = async (name: string | undefined): Promise<string | null> =>
    name === undefined ? null : (await fetchText(fileAddress(path, name), FILE_LIMIT_BYTES, ask)).text;
  const [metadata, diff] = await Promise.all([
    read(files.find(({ name }) => name === METADATA_FILE)?.name),
    read(files.find(({ name }) => DIFF_FILES.has(name))?.name),
  ]);
  return { metadata: objectOf(metadata), diff };
}

/** A file that users may have written themselves, and written wrong. */
function objectOf(content: string | null): JsonObject {
  try {
    const found = content === null ? null : readJson(content);
    return isPlainObject(found ?? undefined) ? (found as JsonObject) : {};
  } catch {
    return {};
  }
}

/** How a line of a patch is drawn. */
export function lineClass(line: string): string {
  return /^\+(?!\+\+)/.test(line) ? "diff-added" : /^-(?!--)/.test(line) ? "diff-removed" : "";
}
