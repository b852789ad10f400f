import { expect, test } from "vitest";
import { plotBox } from "../src/drawing/axes";
import { columnCount } from "../src/state/key_lines";
import { barSpans, barsHeight, drawBars } from "../src/drawing/bars";
import { chartCsv } from "../src/drawing/csv";
import { figureSvg } from "../src/drawing/figure";
import { nearestLine, nearestPoint } from "../src/drawing/hit";
import { layoutChart, placeLine, rangesBetween, type ChartFrame, type ChartLine } from "../src/drawing/line_chart";
import { nonPositiveMarks, placedMarks } from "../src/drawing/marks";
import { projectLine } from "../src/drawing/polyline";
import { makeScale } from "../src/drawing/scale";
import { SvgSurface } from "../src/drawing/svg";
import { drawChart } from "../src/drawing/strokes";
import type { Theme } from "../src/drawing/surface";

const THEME: Theme = {
  ground: "#fff", ink: "#111", soft: "#555", faint: "#777", grid: "#eee", line: "#ccc", accent: "#00f",
  crosshair: "#888", fontFamily: "sans-serif",
};
const FRAME: ChartFrame = {
  width: 400, height: 240, xKind: "linear", yKind: "linear", xQuantity: { kind: "step" }, xTitle: "step",
  xRange: null, yRange: null,
};

function lineOf(id: string, x: number[], y: number[], more: Partial<ChartLine> = {}): ChartLine {
  const marks = { x: new Float64Array(0), kind: new Float64Array(0) };
  const arrays = { x: Float64Array.from(x), y: Float64Array.from(y) };
  return { id, name: id, colour: "#123456", dash: [], raw: null, band: null, marks, ...arrays, ...more };
}

const unit = makeScale("linear", { low: 0, high: 100 }, [0, 100]);
const points = (line: { x: Float32Array; y: Float32Array; count: number }) =>
  Array.from({ length: line.count }, (_, i) => [line.x[i], line.y[i]]);

test("many points in one pixel column are a stroke between the lowest and the highest, from the one that is nearer", () => {
  const x = Float64Array.from([5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7]);
  const y = Float64Array.from([10, 20, 90, 30, 2, 20, 15]);
  const drawn = points(projectLine(x, y, unit, unit)).map((point) => point.map((value) => Number(value!.toFixed(3))));
  expect(drawn).toEqual([[5.1, 10], [5.25, 2], [5.75, 90], [5.75, 15]]);
});

test("of dense columns beside each other only the lowest and highest are drawn, and the line comes and goes as it was", () => {
  const x = Float64Array.from({ length: 12 }, (_, i) => (i < 10 ? i / 4 : i - 7));
  const y = Float64Array.from([5, 9, 1, 5, 6, 2, 8, 6, 7, 3, 4, 5]);
  const drawn = points(projectLine(x, y, unit, makeScale("linear", { low: 0, high: 10 }, [0, 100])));
  expect(drawn.map(([at, value]) => [at, Math.round(value!)])).toEqual([
    [0, 50], [0.25, 10], [0.75, 90], [1.25, 80], [1.75, 20], [1.75, 60], [2, 70], [2.25, 30], [3, 40], [4, 50],
  ]);
});

test("a spike of one row among a million is drawn", () => {
  const count = 1_000_000;
  const x = Float64Array.from({ length: count }, (_, i) => i);
  const y = new Float64Array(count).fill(1);
  y[654_321] = 77;
  const drawn = projectLine(x, y, makeScale("linear", { low: 0, high: count }, [0, 400]), unit);
  expect([Math.max(...drawn.y.subarray(0, drawn.count)), drawn.count <= 2 * 401]).toEqual([77, true]);
});

test("NaN is a gap, and a point between two gaps is a dot", () => {
  const line = projectLine(Float64Array.from([10, 20, 30, 40, 50]), Float64Array.from([1, NaN, 3, NaN, 5]), unit, unit);
  expect([points(line).map(([, y]) => y), line.lone]).toEqual([[1, NaN, 3, NaN, 5], [0, 2, 4]]);
});

test("of a line only what is in sight is placed, and one point beyond each edge", () => {
  const x = Float64Array.from({ length: 100 }, (_, i) => i * 10);
  const line = projectLine(x, x, makeScale("linear", { low: 95, high: 125 }, [0, 300]), unit);
  expect(points(line).map(([, y]) => y)).toEqual([90, 100, 110, 120, 130]);
});

test("marks that would cover each other are placed once, each kind by itself", () => {
  const marks = { x: Float64Array.from([10, 11, 12, 40]), kind: Float64Array.from([0, 0, 1, 0]) };
  expect(placedMarks(marks, unit)).toEqual([{ x: 10, kind: 0 }, { x: 12, kind: 1 }, { x: 40, kind: 0 }]);
});

test("on a log axis what is not above nought is marked, and the line goes down to the edge", () => {
  const log = makeScale("log", { low: 1, high: 100 }, [100, 0]);
  const x = Float64Array.from([10, 30, 50]);
  const y = Float64Array.from([100, 0, 10]);
  expect(nonPositiveMarks(x, y, unit)).toEqual([{ x: 30, kind: 3 }]);
  expect(points(projectLine(x, y, unit, log)).map(([, pixel]) => pixel)).toEqual([0, 100, 50]);
});

test("the nearest line is that whose stroke is nearest, also between its points", () => {
  const layout = layoutChart(new SvgSurface(400, 240, ""), [lineOf("a", [0, 100], [0, 100])], FRAME, THEME);
  const placed = [lineOf("a", [0, 100], [0, 100]), lineOf("b", [0, 100], [100, 0])].map((line) => placeLine(line, layout));
  const at = (x: number, y: number) => nearestLine(placed, layout.x.at(x), layout.y.at(y), 20)?.index;
  expect([at(20, 22), at(20, 78), at(80, 20), at(50, 0)]).toEqual([0, 1, 1, undefined]);
});

test("the value at the pointer is that of the nearest point, none of a gap, and none beyond the ends of a line", () => {
  const line = lineOf("a", [10, 20, 30], [1, NaN, 3]);
  const at = (pixel: number) => nearestPoint(line, unit, pixel, 5);
  expect([at(11), at(19), at(22), at(34), at(36), at(4)]).toEqual([0, 0, 2, 2, null, null]);
});

test("two corners are a part of both axes, whichever way they were drawn", () => {
  const layout = layoutChart(new SvgSurface(400, 240, ""), [lineOf("a", [0, 100], [0, 100])], FRAME, THEME);
  const corner = (x: number, y: number) => ({ x: layout.x.at(x), y: layout.y.at(y) });
  const { x, y } = rangesBetween(layout, corner(80, 10), corner(20, 60));
  expect([x.low, x.high, y.low, y.high].map(Math.round)).toEqual([20, 80, 10, 60]);
});

function pathsOf(lines: readonly ChartLine[], frame: Partial<ChartFrame> = {}): { d: string; stroke: string }[] {
  const surface = new SvgSurface(400, 240, "");
  const layout = layoutChart(surface, lines, { ...FRAME, ...frame }, THEME);
  drawChart(surface, lines.map((line) => placeLine(line, layout)), layout, THEME);
  const found = surface.finish().matchAll(/<path d="([^"]*)" fill="[^"]*"(?: stroke="([^"]*)")?/g);
  return [...found].map(([, d = "", stroke = ""]) => ({ d, stroke }));
}

test("lines of one colour and dash are one stroke", () => {
  const strokes = pathsOf([lineOf("a", [0, 1], [0, 1]), lineOf("b", [0, 1], [1, 0])]).filter(({ stroke }) => stroke === "#123456");
  expect(strokes.map(({ d }) => d.match(/M/g)?.length)).toEqual([2]);
});

test.each<[string, number[], number[], Partial<ChartFrame>]>([
  ["one point", [5], [3], {}],
  ["a constant", [0, 1, 2], [7, 7, 7], {}],
  ["1e308 and its opposite", [0, 1], [1e308, -1e308], {}],
  ["5e-324", [0, 1], [0, 5e-324], {}],
  ["all NaN", [0, 1], [NaN, NaN], {}],
  ["nothing", [], [], {}],
  ["a log axis without anything above nought", [0, 1], [0, -1], { yKind: "log" }],
  ["a log axis from the smallest to the largest", [0, 1], [5e-324, 1.7e308], { yKind: "log" }],
  ["a symlog axis from end to end", [0, 1], [-1.7e308, 1.7e308], { yKind: "symlog" }],
  ["a log axis over a range that was chosen on a linear one", [0, 1], [-1, 5], { yKind: "log", yRange: { low: -2, high: 6 } }],
  ["a log axis over a range below nought", [0, 1], [-1, 5], { yKind: "log", yRange: { low: -2, high: -1 } }],
  ["a log x axis over a zoom from nought", [0, 1, 10], [1, 2, 3], { xKind: "log", xRange: { low: 0, high: 6 } }],
  ["a wall clock", [1.7e9, 1.7e9 + 100], [0, 1], { xQuantity: { kind: "clock", zone: "UTC" } }],
])("a chart of %s can be drawn", (_, x, y, frame) => {
  const text = pathsOf([lineOf("a", x, y)], frame).map(({ d }) => d).join(" ");
  expect(text).not.toMatch(/NaN|Infinity|undefined/);
});

test("a figure is an SVG document with title and legend, in which names are only text", () => {
  const line = lineOf("a", [0, 1], [0, 1], { name: '<script>alert("x")</script>' });
  const svg = figureSvg({ title: "loss & <b>", lines: [line], frame: FRAME }, THEME);
  expect([svg.includes("<script"), svg.includes("loss &#38; &#60;b&#62;"), svg.startsWith("<svg xmlns=")]).toEqual([false, true, true]);
  expect(svg.match(/<g[ >]/g)?.length).toBe(svg.match(/<\/g>/g)?.length);
});

test("the CSV of a chart has what is drawn, within what is shown, and nothing a spreadsheet would run", () => {
  const line = lineOf("a", [0, 1, 2, 3], [0.5, NaN, 0.25, 9], {
    name: "=1+1",
    raw: { x: Float64Array.from([1]), y: Float64Array.from([7]) },
    band: { x: Float64Array.from([2]), low: Float64Array.from([0]), high: Float64Array.from([1]) },
    marks: { x: Float64Array.from([1]), kind: Float64Array.from([0]) },
  });
  expect(chartCsv([line], { x: "_step", y: "a,b" }, { low: 0, high: 2 })).toBe(
    `run,name,drawn,_step,"a,b",low,high\n` +
      "a,'=1+1,line,0,0.5,,\na,'=1+1,line,1,,,\na,'=1+1,line,2,0.25,,\n" +
      "a,'=1+1,raw,1,7,,\na,'=1+1,band,2,,0,1\na,'=1+1,mark,1,nan,,\n",
  );
});

test("bars begin at nought, those of values below it on its other side", () => {
  expect(barSpans([4, 1, 0, null])).toEqual([[0, 1], [0, 0.25], [0, 0], [0, 0]]);
  expect(barSpans([3, -1, NaN])).toEqual([[0.25, 1], [0, 0.25], [0.25, 0.25]]);
  expect(barSpans([-2, -8])).toEqual([[0.75, 1], [0, 1]]);
  expect(barSpans([1e308, -1e308, Infinity])).toEqual([[0.5, 1], [0, 0.5], [0.5, 0.5]]);
  expect(barSpans([0, null])).toEqual([[0, 0], [0, 0]]);
});

test("bars are drawn from the largest, and what has no value has no bar", () => {
  const surface = new SvgSurface(400, barsHeight(3), "best");
  const row = (name: string, value: number | null) => ({ name, colour: "#123456", value });
  drawBars(surface, [row("one", 2), row("<two>", -1), row("three", null)], 400, THEME);
  const text = surface.finish();
  const widths = [...text.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths.map((width) => width / widths[0]!)).toEqual([1, 0.5]);
  expect([...text.matchAll(/<text [^>]*>([^<]*)</g)].map(([, letters]) => letters)).toEqual(["one", "2", "&#60;two&#62;", "\u22121", "three"]);
});

test("a line has a column for each pixel of the plot, however narrow its labels are", () => {
  const widths = Array.from({ length: 2_000 }, (_, i) => 80 + i);
  const tooFew = widths.filter((width) => {
    const box = plotBox(new SvgSurface(width, 200, ""), { width, height: 200 }, [], THEME);
    return box.right - box.left > columnCount(width, 1);
  });
  expect(tooFew).toEqual([]);
});

test("of very many lines no colour is drawn over all others", () => {
  const strokesOf = (count: number): string[] => {
    const lines = Array.from({ length: count }, (_, i) => lineOf(`${i}`, [0, 1], [0, i], { colour: i % 2 === 0 ? "#aa0000" : "#0000bb" }));
    const surface = new SvgSurface(400, 240, "");
    const layout = layoutChart(surface, lines, FRAME, THEME);
    drawChart(surface, lines.map((line) => placeLine(line, layout)), layout, THEME);
    return [...surface.finish().matchAll(/stroke="(#aa0000|#0000bb)"/g)].map(([, colour]) => colour!);
  };
  expect(strokesOf(100)).toEqual(["#aa0000", "#0000bb"]);
  expect(strokesOf(101)).toEqual(["#aa0000", "#0000bb", "#aa0000", "#0000bb", "#aa0000", "#0000bb", "#aa0000", "#0000bb"]);
});
