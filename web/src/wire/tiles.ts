/**
 * Lines of many runs on one grid, as the server's `tiles` sends them.
 *
 * An answer is 4 bytes with the length of the header, the header as JSON, zeros up to a multiple of 8, and float64
 * values, all little-endian. A header's `[at, n]` says at which value an array begins, and of how many points it is.
 */

import type * as api from "./api";
import { apiAddress, postForBytes, type Ask } from "./http";
import type { JsonObject } from "./json";

export type { Smoothing } from "./api";
export type Aggregate = Required<api.Aggregate>;

/** A whole question: nothing is left to what is usual. */
export type TilesQuery = Required<Omit<api.TilesQuery, "filters" | "aggregate">> & {
  readonly filters: JsonObject | null;
  readonly aggregate: Aggregate | null;
};

type Place = readonly [at: number, pointCount: number];

type SeriesHeader = {
  readonly run: string | null;
  readonly group: Readonly<Record<string, unknown>> | null;
  readonly key: string;
  readonly is_unchanged: boolean;
  readonly is_exact: boolean;
  readonly row_count: number;
  readonly nan_count: number;
  readonly positive_infinity_count: number;
  readonly negative_infinity_count: number;
  /** Rows with a value and no place on the x axis: x is not finite, or not above 0 on a log axis. */
  readonly unplaced_count?: number;
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly last: number | null;
  readonly run_count: number;
  readonly line: Place;
  readonly raw: Place | null;
  readonly band: Place | null;
  readonly marks: Place | null;
  readonly run_counts?: Place | null;
};

type Header = {
  readonly columns: number;
  readonly window: readonly [number, number] | null;
  readonly run_count: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly left_out: readonly { readonly run: string; readonly error: string }[];
  readonly series: readonly SeriesHeader[];
};

/** A polyline; a NaN among `y` is a gap. */
export type Line = { readonly x: Float64Array; readonly y: Float64Array };
export type Band = { readonly x: Float64Array; readonly low: Float64Array; readonly high: Float64Array };
/** What has no place on a finite axis; `kind` is 0 for NaN, 1 for +inf, 2 for -inf. */
export type Marks = { readonly x: Float64Array; readonly kind: Float64Array };

export type TileSeries = Omit<SeriesHeader, "line" | "raw" | "band" | "marks" | "run_counts"> & {
  readonly line: Line;
  readonly raw: Line | null;
  readonly band: Band | null;
  readonly marks: Marks;
  /** Of a group: of how many runs each point of the line is made. */
  readonly run_counts?: Float64Array;
};

export type Tiles = Omit<Header, "series"> & { readonly series: readonly TileSeries[] };

/** Ask for lines. */
export async function fetchTiles(entity: string, project: string, query: TilesQuery, ask: Ask = {}): Promise<Tiles> {
  return decodeTiles(await postForBytes(apiAddress("projects", entity, project, "tiles"), query, ask));
}

/** What an answer says; its arrays are views of `bytes`, not copies. A `RangeError` when it was cut off. */
export function decodeTiles(bytes: ArrayBuffer): Tiles {
  if (bytes.byteLength < 4) {
    throw new RangeError(`tiles: an answer of ${bytes.byteLength} bytes has no header`);
  }
  const headerBytes = new DataView(bytes).getUint32(0, true);
  if (4 + headerBytes > bytes.byteLength) {
    throw new RangeError(`tiles: the header is of ${headerBytes} bytes, and ${bytes.byteLength - 4} came`);
  }
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, headerBytes))) as Header;
  const start = Math.ceil((4 + headerBytes) / 8) * 8;
  const valueCount = Math.max(0, Math.floor((bytes.byteLength - start) / 8));
  const values = valueCount > 0 ? new Float64Array(bytes, start, valueCount) : new Float64Array(0);
  return { ...header, series: header.series.map((series) => withArrays(series, values)) };
}

const NOTHING = new Float64Array(0);

function withArrays(series: SeriesHeader, values: Float64Array): TileSeries {
  const { run_counts: runCounts, ...rest } = series;
  const [x = NOTHING, y = NOTHING] = arrays(values, series.line, 2, series.key);
  const raw = series.raw && arrays(values, series.raw, 2, series.key);
  const band = series.band && arrays(values, series.band, 3, series.key);
  const [markX = NOTHING, kind = NOTHING] = arrays(values, series.marks ?? [0, 0], 2, series.key);
  return {
    ...rest,
    ...(runCounts && { run_counts: arrays(values, runCounts, 1, series.key)[0] ?? NOTHING }),
    line: { x, y },
    raw: raw && { x: raw[0] ?? NOTHING, y: raw[1] ?? NOTHING },
    band: band && { x: band[0] ?? NOTHING, low: band[1] ?? NOTHING, high: band[2] ?? NOTHING },
    marks: { x: markX, kind },
  };
}

function arrays(values: Float64Array, [at, pointCount]: Place, arrayCount: number, key: string): Float64Array[] {
  if (at + pointCount * arrayCount > values.length) {
    throw new RangeError(`tiles: ${key} needs values up to ${at + pointCount * arrayCount}, and ${values.length} came`);
  }
  return Array.from({ length: arrayCount }, (_, i) => values.subarray(at + i * pointCount, at + (i + 1) * pointCount));
}
