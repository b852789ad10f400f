import { expect, test } from "vitest";
import { layoutChart, type ChartFrame, type ChartLayout, type ChartLine } from "../src/drawing/line_chart";
import { SvgSurface } from "../src/drawing/svg";
import type { Theme } from "../src/drawing/surface";
import { handleKey, type KeyHandlers } from "../src/views/panels/chart_keys";

const THEME: Theme = {
  ground: "#fff", ink: "#111", soft: "#555", faint: "#777", grid: "#eee", line: "#ccc", accent: "#00f",
  crosshair: "#888", fontFamily: "sans-serif",
};
const FRAME: ChartFrame = {
  width: 400, height: 240, xKind: "linear", yKind: "linear", xQuantity: { kind: "step" }, xTitle: "step",
  xRange: null, yRange: null,
};
const LINE: ChartLine = {
  id: "a", name: "a", colour: "#123456", dash: [], x: Float64Array.from([0, 100]), y: Float64Array.from([0, 1]),
  raw: null, band: null, marks: { x: new Float64Array(0), kind: new Float64Array(0) },
};
const layout = layoutChart(new SvgSurface(400, 240, ""), [LINE], FRAME, THEME);

type Pressed = { readonly key: string; readonly shiftKey?: boolean; readonly ctrlKey?: boolean };

/** What a key did to a chart from 0 to 100 whose crosshair is at 50. */
function press(pressed: Pressed, drawn: ChartLayout | null = layout): [isOurs: boolean, ...done: string[]] {
  const done: string[] = [];
  const round = (value: number) => Math.round(value * 10) / 10;
  const handlers: KeyHandlers = {
    layout: () => drawn,
    pointed: () => layout.x.at(50),
    onPoint: (pixel) => done.push(pixel === null ? "away" : `at ${round(layout.x.valueAt(pixel))}`),
    onChoose: (by) => done.push(by < 0 ? "line above" : "line below"),
    onZoom: ({ low, high }) => done.push(`shows ${round(low)} to ${round(high)}`),
    onReset: () => done.push("all"),
    onTable: () => done.push("table"),
  };
  const event = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...pressed };
  return [handleKey(event as unknown as KeyboardEvent, handlers), ...done];
}

test.each<[Pressed, string]>([
  [{ key: "ArrowRight" }, "at 51"],
  [{ key: "ArrowLeft", shiftKey: true }, "at 40"],
  [{ key: "Home" }, "at 0"],
  [{ key: "End" }, "at 100"],
  [{ key: "ArrowUp" }, "line above"],
  [{ key: "ArrowDown" }, "line below"],
  [{ key: "+" }, "shows 25 to 75"],
  [{ key: "-" }, "shows -50 to 150"],
  [{ key: "]" }, "shows 25 to 125"],
  [{ key: "0" }, "all"],
  [{ key: "t" }, "table"],
  [{ key: "Escape" }, "away"],
])("the key %j on a chart does: %s", (pressed, expected) => {
  expect(press(pressed)).toEqual([true, expected]);
});

test("a chart that is not drawn yet has its table, and nothing to point at", () => {
  expect([press({ key: "t" }, null), press({ key: "Home" }, null)]).toEqual([[true, "table"], [false]]);
});

test.each([[{ key: "Tab" }], [{ key: "0", ctrlKey: true }], [{ key: "x" }]])("the key %j is not one of a chart", (pressed) => {
  expect(press(pressed)).toEqual([false]);
});
