/** Several answers of `tiles` to the same question, of other keys each, as one. */

type Place = readonly [at: number, count: number] | null;
type Header = {
  readonly window: readonly [number, number] | null;
  readonly series: readonly (Readonly<Record<"line" | "raw" | "band" | "marks" | "run_counts", Place>> & object)[];
};

const PLACES = ["line", "raw", "band", "marks", "run_counts"] as const;

/** All of them in one: the runs are those of the first, the window reaches as far as any. */
export function joinTiles(parts: readonly ArrayBuffer[]): ArrayBuffer {
  const read = parts.map(split);
  let before = 0;
  const series = read.flatMap(({ header, values }) => {
    const shift = before;
    before += values.byteLength / 8;
    return header.series.map((one) => ({ ...one, ...Object.fromEntries(PLACES.map((name) => [name, moved(one[name] ?? null, shift)])) }));
  });
  const windows = read.flatMap(({ header }) => (header.window === null ? [] : [header.window]));
  const window = windows.length === 0 ? null : [Math.min(...windows.map(([low]) => low)), Math.max(...windows.map(([, high]) => high))];
  const text = new TextEncoder().encode(JSON.stringify({ ...read[0]?.header, window, series }));
  const start = Math.ceil((4 + text.byteLength) / 8) * 8;
  const joined = new Uint8Array(start + 8 * before);
  new DataView(joined.buffer).setUint32(0, text.byteLength, true);
  joined.set(text, 4);
  let at = start;
  for (const { values } of read) {
    joined.set(values, at);
    at += values.byteLength;
  }
  return joined.buffer;
}

function moved(place: Place, shift: number): Place {
  return place === null ? null : [place[0] + shift, place[1]];
}

function split(bytes: ArrayBuffer): { readonly header: Header; readonly values: Uint8Array } {
  const headerBytes = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, headerBytes))) as Header;
  return { header, values: new Uint8Array(bytes, Math.ceil((4 + headerBytes) / 8) * 8) };
}
