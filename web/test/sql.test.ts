import { expect, test } from "vitest";
import { barsOfColumns, linesOfColumns, MOST_LINES } from "../src/drawing/columns_chart";
import { curvesOf } from "../src/state/sql";
import { chartOf, numbersOf } from "../src/state/sql_chart";
import type { Json } from "../src/wire/json";
import type { SqlAnswer } from "../src/wire/sql";

function answerOf(columns: Readonly<Record<string, readonly [type: string, ...values: Json[]]>>): SqlAnswer {
  const entries = Object.entries(columns);
  const values = entries.map(([, [, ...rows]]) => rows);
  return { columns: entries.map(([name, [type]]) => ({ name, type })), values, row_count: values[0]?.length ?? 0, took_s: 0 };
}

const look = (name: string) => ({ colour: `colour of ${name}`, dash: [] });
const points = ({ x, y }: { x: Float64Array; y: Float64Array }) => [[...x], [...y]];

const CURVES = answerOf({
  run_id: ["string", "a", "b", "a", "b"],
  step: ["int64", 1, 0, 0, 1],
  value: ["double", 0.5, 3, 1, null],
});

test("curves of runs are lines over the step, one a run", () => {
  expect(chartOf(CURVES, {})).toEqual({ kind: "line", x: "step", y: "value", by: "run_id" });
});

test("a number beside names is bars, and what was chosen goes first", () => {
  const answer = answerOf({ key: ["string", "loss", "acc"], lowest: ["double", 1, 2], highest: ["double", 3, 4] });
  expect(chartOf(answer, {})).toEqual({ kind: "bars", x: "key", y: "highest", by: "" });
  expect(chartOf(answer, { y: "lowest" })).toEqual({ kind: "bars", x: "key", y: "lowest", by: "" });
  expect(chartOf(answer, { kind: "line", x: "lowest", y: "key" })).toEqual({ kind: "line", x: "lowest", y: "highest", by: "" });
  expect(chartOf(answer, { kind: "none" }).kind).toBe("none");
});

test("what has no numbers, or one row, has no chart", () => {
  expect(chartOf(answerOf({ name: ["string", "a", "b"] }), {}).kind).toBe("none");
  expect(chartOf(answerOf({ count: ["int64", 7] }), { kind: "line" }).kind).toBe("none");
});

test("times are seconds, those without a zone of UTC; integers of any size are numbers", () => {
  const answer = answerOf({
    day: ["date32[day]", "1970-01-02", null],
    at: ["timestamp[us]", "1970-01-01T00:01:00", "1970-01-01T01:00:00+01:00"],
    large: ["decimal128(38, 0)", 2n ** 60n, 1],
  });
  expect(numbersOf(answer, "day")).toEqual([86_400, null]);
  expect(numbersOf(answer, "at")).toEqual([60, 0]);
  expect(numbersOf(answer, "large")).toEqual([2 ** 60, 1]);
  expect(chartOf(answer, {})).toEqual({ kind: "line", x: "day", y: "large", by: "" });
});

test("lines are in the order of x; what has no value is a gap, what has no place is left out", () => {
  const { lines, leftOutCount } = linesOfColumns([1, 0, 0, 1, null], [0.5, 3, 1, null, 9], ["a", "b", "a", "b", "b"], "value", look);
  expect(lines.map((line) => [line.id, line.colour, ...points(line)])).toEqual([
    ["a", "colour of a", [0, 1], [1, 0.5]],
    ["b", "colour of b", [0, 1], [3, NaN]],
  ]);
  expect(leftOutCount).toBe(0);
});

test("more lines than can be told apart are counted", () => {
  const rows = Array.from({ length: MOST_LINES + 5 }, (_, i) => i);
  expect(linesOfColumns(rows, rows, rows.map(String), "", look).leftOutCount).toBe(5);
});

test("bars come as the rows do", () => {
  expect(barsOfColumns(["a", "b"], [1, null], look)).toEqual([
    { name: "a", colour: "colour of a", value: 1 },
    { name: "b", colour: "colour of b", value: null },
  ]);
});

test("a key with an apostrophe is quoted", () => {
  expect(curvesOf("a'b")).toContain("WHERE key = 'a''b'");
});
