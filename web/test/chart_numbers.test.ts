import { expect, test } from "vitest";
import { makeColumnAxis } from "../src/drawing/column_axis";
import { layoutChart, type ChartFrame, type ChartLine } from "../src/drawing/line_chart";
import { SvgSurface } from "../src/drawing/svg";
import type { Theme } from "../src/drawing/surface";
import { countsOf, countsText, drawnLines, withCoarse } from "../src/state/chart_lines";
import { importanceOf } from "../src/state/importance";
import { columnCount } from "../src/state/key_lines";
import type { KeyTiles } from "../src/state/tile_loader";
import { pythonCode, sqlCode } from "../src/views/panels/code_text";
import { HeldView } from "../src/views/panels/held_view";
import { readAt, rowsAbout } from "../src/views/panels/readout";
import { amountOf, sliderOf } from "../src/views/panels/smoothing_scale";
import type { TileSeries } from "../src/wire/tiles";

const THEME: Theme = {
  ground: "#fff", ink: "#111", soft: "#555", faint: "#777", grid: "#eee", line: "#ccc", accent: "#00f",
  crosshair: "#888", fontFamily: "sans-serif",
};
const FRAME: ChartFrame = {
  width: 400, height: 240, xKind: "linear", yKind: "linear", xQuantity: { kind: "step" }, xTitle: "step",
  xRange: null, yRange: null,
};
const NO_MARKS = { x: new Float64Array(0), kind: new Float64Array(0) };

function seriesOf(run: string, x: number[], y: number[], more: Partial<TileSeries> = {}): TileSeries {
  return {
    run, key: "loss", group: null, is_unchanged: false, is_exact: true, row_count: y.length, nan_count: 0,
    positive_infinity_count: 0, negative_infinity_count: 0, lowest: null, highest: null, last: null, run_count: 1,
    line: { x: Float64Array.from(x), y: Float64Array.from(y) }, raw: null, band: null, marks: NO_MARKS, ...more,
  };
}

function tilesOf(runCount: number, series: readonly TileSeries[], leftOut: KeyTiles["left_out"] = []): KeyTiles {
  return { window: null, run_count: runCount, versions: {}, left_out: leftOut, series };
}

function lineOf(id: string, x: number[], y: number[]): ChartLine {
  return { id, name: id, colour: "#123456", dash: [], x: Float64Array.from(x), y: Float64Array.from(y), raw: null, band: null, marks: NO_MARKS };
}

test("a chart says how many runs it shows, and why not the others", () => {
  const tiles = tilesOf(7, [seriesOf("a", [], [], { nan_count: 3 }), seriesOf("b", [], []), seriesOf("c", [], [])], [{ run: "d", error: "damaged" }]);
  const lines = drawnLines(tiles, new Set(["b"]), new Map([["a", "first"]]));
  expect(lines.map(({ id, name }) => [id, name])).toEqual([["a", "first"], ["c", "c"]]);
  const counts = countsOf(tiles, lines);
  expect([countsText(counts), counts.nanCount]).toEqual(["2 of 7 runs, 3 without this key, 1 hidden, 1 could not be read", 3]);
});

test("all runs shown are said without more", () => {
  const tiles = tilesOf(1, [seriesOf("a", [], [])]);
  expect(countsText(countsOf(tiles, drawnLines(tiles, new Set(), new Map())))).toBe("1 run");
});

test("groups are named by their values and count the runs they are made of", () => {
  const tiles = tilesOf(9, [seriesOf("", [], [], { run: null, group: { "config.lr": 0.1, "config.optimizer": "sgd" }, run_count: 6 })]);
  const lines = drawnLines(tiles, new Set(), new Map());
  expect([lines[0]?.name, countsText(countsOf(tiles, lines))]).toEqual(["lr = 0.1, optimizer = sgd", "6 of 9 runs, 3 without this key"]);
});

test("a group is hidden as a whole, and its runs are counted", () => {
  const group = (lr: number | null, run_count: number) => seriesOf("", [], [], { run: null, group: { "config.lr": lr }, run_count });
  const tiles = tilesOf(9, [group(0.1, 6), group(null, 3)]);
  const lines = drawnLines(tiles, new Set(['{"config.lr":0.1}']), new Map());
  expect([lines.map(({ name }) => name), countsText(countsOf(tiles, lines))]).toEqual([["lr = not set"], "3 of 9 runs, 6 hidden"]);
});

test("few runs have a column a pixel, and many are asked for in fewer columns, but all of them", () => {
  expect([1, 50, 250, 1000, 10_000, 1e9].map((runCount) => columnCount(412, runCount))).toEqual([400, 400, 256, 64, 25, 25]);
  expect(columnCount(0, 5)).toBe(0);
});

test("an exact part of a line goes on beyond its ends with the coarse points", () => {
  const line = (x: number[], y: number[]) => drawnLines(tilesOf(1, [seriesOf("a", x, y)]), new Set(), new Map());
  const [joined] = withCoarse(line([3, 4, 5], [30, 40, 50]), line([0, 2, 4, 6, 8], [0, 20, 41, 60, 80]));
  expect([[...joined!.x], [...joined!.y]]).toEqual([[0, 2, 3, 4, 5, 6, 8], [0, 20, 30, 40, 50, 60, 80]]);
});

test("the values of a group at the pointer say of how many runs they are, within an exact part and beyond it", () => {
  const line = (x: number[], counts: number[]) =>
    drawnLines(tilesOf(5, [seriesOf("", x, x, { run: null, group: { a: 1 }, run_counts: Float64Array.from(counts) })]), new Set(), new Map());
  const joined = withCoarse(line([3, 4, 5], [3, 2, 2]), line([0, 2, 4, 6, 8], [5, 5, 2, 1, 1]));
  const layout = layoutChart(new SvgSurface(400, 240, ""), joined, FRAME, THEME);
  const countAt = (x: number) => readAt(joined, layout, layout.x.at(x), null).rows[0]?.runCount;
  expect([[0, 3, 5, 8].map(countAt), readAt([lineOf("a", [0, 8], [1, 2])], layout, layout.x.at(8), null).rows[0]?.runCount]).toEqual([
    [5, 3, 2, 1], null,
  ]);
});

test("axes stay where they are while data comes, and it is told that there is more", () => {
  const view = new HeldView();
  const surface = new SvgSurface(400, 240, "");
  const layoutOf = (lines: ChartLine[], name: string | null) => {
    const { layout, hasMore } = view.layout(surface, { lines, frame: FRAME, name }, THEME);
    return [layout.x.high, hasMore];
  };
  const short = [lineOf("a", [0, 10], [1, 2])];
  const long = [lineOf("a", [0, 10, 20], [1, 2, 1.5])];
  expect([layoutOf(short, "one"), layoutOf(long, "one"), layoutOf(long, "another"), layoutOf(short, null), layoutOf(long, null)]).toEqual([
    [10, false], [10, true], [20, false], [10, false], [20, false],
  ]);
});

test("a value that is higher than all before is told as well, within the same part of x", () => {
  const view = new HeldView();
  const surface = new SvgSurface(400, 240, "");
  const hasMore = (y: number[]) => view.layout(surface, { lines: [lineOf("a", [0, 5, 10], y)], frame: FRAME, name: "one" }, THEME).hasMore;
  expect([hasMore([1, 2, 1]), hasMore([1, 1.5, 1]), hasMore([1, 99, 1])]).toEqual([false, false, true]);
});

test("the values at the pointer are sorted, and those about the line that is meant are shown", () => {
  const lines = Array.from({ length: 30 }, (_, i) => lineOf(`run${i}`, [0, 10], [i, i]));
  lines.push(lineOf("short", [0, 1], [5, 5]));
  const layout = layoutChart(new SvgSurface(400, 240, ""), lines, FRAME, THEME);
  const readout = readAt(lines, layout, layout.x.at(9), "run3");
  const { rows, above, below } = rowsAbout(readout, 5);
  expect([rows.map(({ value }) => value), above, below, readout.absentCount]).toEqual([[5, 4, 3, 2, 1], 24, 1, 1]);
});

test.each([["ema", 0.9], ["ema", 0.999], ["gaussian", 10], ["mean", 250]] as const)(
  "the slider of %s comes back to %s",
  (kind, amount) => {
    expect(amountOf(kind, sliderOf({ kind, amount }))).toBeCloseTo(amount, kind === "ema" ? 3 : -1);
  },
);

test("a column of numbers over many decades has a log axis, one of words has their places", () => {
  const rates = makeColumnAxis("config.lr", [0.1, 1e-5, null, NaN]);
  const words = makeColumnAxis("config.optimizer", ["sgd", "adam", null, true]);
  expect([rates.kind, [...rates.numbers], words.words, [...words.numbers]]).toEqual([
    "log", [0.1, 1e-5, NaN, NaN], ["adam", "sgd", "true"], [1, 0, NaN, 2],
  ]);
});

test("what moves the metric is the most important, with its direction; what is the same in all runs is left out", () => {
  const lr = Array.from({ length: 40 }, (_, i) => i / 40);
  const width = lr.map((_, i) => [16, 32, 64][(i * 7) % 3]!);
  const parameters = [
    { name: "config.width", values: width },
    { name: "config.lr", values: lr },
    { name: "config.seed", values: lr.map(() => 1) },
    { name: "config.optimizer", values: lr.map((_, i) => (i % 2 ? "sgd" : "adam")) },
  ];
  const found = importanceOf(parameters, lr.map((rate) => 1 - rate));
  const [first] = found;
  expect(found.map(({ name }) => name).sort()).toEqual(["config.lr", "config.optimizer", "config.width"]);
  expect([first?.name, first!.importance > 0.8, first?.correlation?.toFixed(3), first?.runCount]).toEqual(["config.lr", true, "-1.000", 40]);
  expect(found.reduce((sum, { importance }) => sum + importance, 0)).toBeCloseTo(1, 9);
  expect(found.find(({ name }) => name === "config.optimizer")?.correlation).toBe(null);
});

test("fewer than two runs with the metric have nothing that is important", () => {
  expect(importanceOf([{ name: "config.lr", values: [1, 2] }], [0.5, null])).toEqual([]);
});

const CODE = { entity: "ada", project: "digits", key: 'it\'s "x"', stream: "history", runs: null, filters: { state: "finished", "config.a": { $in: [true, null] } } } as const;

test("the code of a panel quotes names, and chooses the runs it shows", () => {
  expect(pythonCode(CODE)).toBe(
    [
      "import runlake",
      "",
      'runs = runlake.Api().runs("ada/digits", filters={"state": "finished", "config.a": {"$in": [True, None]}})',
      "# an Arrow table: run_id, _step, and the key",
      'rows = runs.scan(["it\'s \\"x\\""])',
      "print(rows.to_pandas())",
    ].join("\n"),
  );
  expect(sqlCode({ ...CODE, runs: ["a'b", "c"] })).toContain(`WHERE key = 'it''s "x"' AND lane IN ('f64', 'i64')\n  AND run_id IN ('a''b', 'c')`);
});
