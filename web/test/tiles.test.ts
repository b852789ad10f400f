import { expect, test } from "vitest";
import { decodeTiles } from "../src/wire/tiles";

const SERIES = {
  run: "r1",
  group: null,
  key: "loss",
  is_unchanged: false,
  is_exact: true,
  row_count: 3,
  nan_count: 1,
  positive_infinity_count: 0,
  negative_infinity_count: 0,
  lowest: 0.5,
  highest: 2,
  last: 0.5,
  run_count: 1,
};

function encoded(header: object, values: readonly number[]): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((4 + text.length) / 8) * 8;
  const bytes = new ArrayBuffer(start + 8 * values.length);
  new DataView(bytes).setUint32(0, text.length, true);
  new Uint8Array(bytes, 4).set(text);
  values.forEach((value, i) => new DataView(bytes).setFloat64(start + 8 * i, value, true));
  return bytes;
}

const HEADER = { columns: 400, window: [0, 2], run_count: 1, versions: { r1: "v" }, left_out: [] };

test("lines, bands and marks lie where the header says", () => {
  const series = { ...SERIES, line: [0, 3], raw: [6, 1], band: [8, 1], marks: [11, 1] };
  const tiles = decodeTiles(encoded({ ...HEADER, series: [series] }, [0, 1, 2, 2, NaN, 0.5, 7, 8, 1, 2, 3, 1, 0]));
  expect(tiles).toEqual({
    ...HEADER,
    series: [
      {
        ...SERIES,
        line: { x: Float64Array.of(0, 1, 2), y: Float64Array.of(2, NaN, 0.5) },
        raw: { x: Float64Array.of(7), y: Float64Array.of(8) },
        band: { x: Float64Array.of(1), low: Float64Array.of(2), high: Float64Array.of(3) },
        marks: { x: Float64Array.of(1), kind: Float64Array.of(0) },
      },
    ],
  });
});

test("the points of a group say of how many runs they are", () => {
  const group = { ...SERIES, run: null, group: { "config.lr": 0.1 }, line: [0, 2], raw: null, band: null, marks: [0, 0], run_counts: [4, 2] };
  const [series] = decodeTiles(encoded({ ...HEADER, series: [group] }, [0, 1, 5, 6, 3, 2])).series;
  expect([...(series?.run_counts ?? [])]).toEqual([3, 2]);
});

test("a series without arrays, and an answer without series", () => {
  const unchanged = { ...SERIES, is_unchanged: true, line: [0, 0], raw: null, band: null, marks: [0, 0] };
  const [series] = decodeTiles(encoded({ ...HEADER, series: [unchanged] }, [])).series;
  expect([series?.line.x.length, series?.raw, series?.band, series?.marks.x.length]).toEqual([0, null, null, 0]);
  expect(decodeTiles(encoded({ ...HEADER, series: [] }, [])).series).toEqual([]);
});

test("an answer that was cut off says so", () => {
  const whole = encoded({ ...HEADER, series: [{ ...SERIES, line: [0, 3], raw: null, band: null, marks: [0, 0] }] }, [0, 1, 2, 3, 4, 5]);
  expect(() => decodeTiles(whole.slice(0, whole.byteLength - 8))).toThrow("tiles: loss needs values up to 6, and 5 came");
  expect(() => decodeTiles(whole.slice(0, 40))).toThrow(RangeError);
  expect(() => decodeTiles(new ArrayBuffer(2))).toThrow(RangeError);
});
