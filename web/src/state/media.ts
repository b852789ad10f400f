/** Values of data types as what is shown of them: one key at one step is a list of items. */

import type { Json, JsonObject } from "../wire/json";
import { isPlainObject } from "./flat";

export type MediaItem =
  | { readonly kind: "image" | "audio" | "video" | "html" | "table" | "file"; readonly file: string; readonly caption: string | null; readonly type: string }
  | { readonly kind: "other"; readonly type: string };

const KIND_OF_FILE_TYPE: Readonly<Record<string, "image" | "audio" | "video" | "html" | "table">> = {
  "image-file": "image",
  "audio-file": "audio",
  "video-file": "video",
  "html-file": "html",
  "table-file": "table",
  "incremental-table-file": "table",
};

/** Names of the keys of a document whose values are of a data type, with that type, by name. */
export function mediaKeys(summary: JsonObject): { readonly key: string; readonly type: string }[] {
  const found: { key: string; type: string }[] = [];
  const look = (prefix: string, document: JsonObject): void => {
    for (const [name, value] of Object.entries(document)) {
      const key = prefix === "" ? name : `${prefix}.${name}`;
      if (isPlainObject(value)) {
        if (typeof value["_type"] === "string") {
          found.push({ key, type: value["_type"] });
        } else if (key !== "_wandb") {
          look(key, value);
        }
      }
    }
  };
  look("", summary);
  return found.sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** What is shown of a value: a file, several of one kind, or the name of a type that has no small viewer. */
export function mediaItems(value: Json): MediaItem[] {
  if (!isPlainObject(value)) {
    return [];
  }
  const type = String(value["_type"] ?? "");
  if (type === "images/separated") {
    const captions = Array.isArray(value["captions"]) ? value["captions"] : [];
    const names = Array.isArray(value["filenames"]) ? value["filenames"] : [];
    return names.map((name, i) => ({ kind: "image", file: String(name), caption: text(captions[i]), type: "image-file" }));
  }
  const several = Object.values(value).find((one) => Array.isArray(one) && one.length > 0 && one.every(isPlainObject));
  if (several !== undefined && typeof value["count"] === "number") {
    return (several as readonly Json[]).flatMap(mediaItems);
  }
  const file = text(value["path"]);
  if (file === null) {
    return [{ kind: "other", type }];
  }
  return [{ kind: KIND_OF_FILE_TYPE[type] ?? kindOfName(file), file, caption: text(value["caption"]), type }];
}

/** Which of rows is shown at a step: the newest up to it, or the first where all are later; null: the last of all. */
export function placeOfStep(rows: readonly { readonly step: number }[], step: number | null): number {
  const place = step === null ? rows.length - 1 : rows.findLastIndex((row) => row.step <= step);
  return place === -1 && rows.length > 0 ? 0 : place;
}

/** Counts of values between neighbours of `bins`, which are one more. */
export type Histogram = { readonly step: number; readonly values: readonly number[]; readonly bins: readonly number[] };

/** A histogram at a step, or null for any other value. */
export function histogramOf(step: number, value: Json): Histogram | null {
  if (!isPlainObject(value) || value["_type"] !== "histogram" || !Array.isArray(value["values"])) {
    return null;
  }
  const values = value["values"].map(Number);
  if (Array.isArray(value["bins"])) {
    return { step, values, bins: value["bins"].map(Number) };
  }
  const packed = value["packedBins"];
  if (!isPlainObject(packed)) {
    return null;
  }
  const [min, size] = [Number(packed["min"]), Number(packed["size"])];
  return { step, values, bins: Array.from({ length: values.length + 1 }, (_, i) => min + i * size) };
}

function kindOfName(file: string): "image" | "html" | "file" {
  return /\.(png|jpe?g|gif|webp|bmp)$/i.test(file) ? "image" : /\.html?$/i.test(file) ? "html" : "file";
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
