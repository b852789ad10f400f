import { expect, test } from "vitest";
import { extentOf, fitRange, symlogThreshold } from "../src/drawing/extent";
import { formatClock, formatDuration, formatValue, zoneName } from "../src/drawing/format";
import { makeScale, pannedRange, zoomedRange, type ScaleKind } from "../src/drawing/scale";
import { clockTicks, durationTicks } from "../src/drawing/time_ticks";
import { logTicks, numberTicks, scaleTicks, symlogTicks } from "../src/drawing/ticks";

const range = (low: number, high: number) => ({ low, high });
const labels = (ticks: readonly { label: string }[]) => ticks.map(({ label }) => label);
const named = (ticks: readonly { label: string }[]) => labels(ticks).filter((label) => label !== "");

test.each<[string, number, number, string[]]>([
  ["shares", 0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]],
  ["losses", 2.31, 2.49, ["2.35", "2.40", "2.45"]],
  ["both signs", -50, 50, ["−40", "−20", "0", "20", "40"]],
  ["thousands", 0, 50_000, ["0", "10k", "20k", "30k", "40k", "50k"]],
  ["millions", 0, 2.5e6, ["0", "0.5M", "1M", "1.5M", "2M", "2.5M"]],
  ["the smallest", 0, 5e-324, ["0", "5e−324"]],
  ["small ones", 0, 1e-5, ["0", "2e−6", "4e−6", "6e−6", "8e−6", "1e−5"]],
  ["the largest", -1.7e308, 1.7e308, ["−1.5e308", "−1e308", "−5e307", "0", "5e307", "1e308", "1.5e308"]],
  ["far from nought", 1_000_000.1, 1_000_000.2, ["1000000.10", "1000000.12", "1000000.14", "1000000.16", "1000000.18", "1000000.20"]],
])("ticks of %s are round numbers, written short", (_, low, high, expected) => {
  const ticks = numberTicks(range(low, high), 5);
  expect(labels(ticks)).toEqual(expected);
});

test("steps have whole ticks only", () => {
  expect(labels(numberTicks(range(0, 3), 10, true))).toEqual(["0", "1", "2", "3"]);
});

test("ticks are the doubles that their labels say", () => {
  expect(numberTicks(range(0, 1), 10).map(({ value }) => value)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
});

test("a log axis names its decades, and leaves some out when there are many", () => {
  expect(named(logTicks(range(0.001, 1000), 8))).toEqual(["0.001", "0.01", "0.1", "1", "10", "100", "1000"]);
  expect(named(logTicks(range(1e-300, 1e300), 4))).toEqual(["1e−300", "1e−150", "1", "1e150", "1e300"]);
});

test("a log axis of less than a decade has round numbers", () => {
  expect(named(logTicks(range(2, 3), 4))).toEqual(["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]);
});

test("a symlog axis names decades on both sides of nought", () => {
  const scale = makeScale("symlog", range(-100, 1000), [0, 400], 1);
  expect(labels(symlogTicks(scale, 20))).toEqual(["−100", "−10", "−1", "0", "1", "10", "100", "1000"]);
});

test.each<[string, number, number, string[]]>([
  ["seconds", 0, 50, ["0", "10s", "20s", "30s", "40s", "50s"]],
  ["minutes", 0, 600, ["0", "2m", "4m", "6m", "8m", "10m"]],
  ["hours", 0, 5 * 3600, ["0", "1h", "2h", "3h", "4h", "5h"]],
  ["days", 0, 5 * 86_400, ["0", "1d", "2d", "3d", "4d", "5d"]],
  ["milliseconds", 0, 0.5, ["0", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"]],
  ["years", 0, 2000 * 86_400, ["0d", "500d", "1000d", "1500d", "2000d"]],
])("durations of %s are labelled in them", (_, low, high, expected) => {
  expect(labels(durationTicks(range(low, high), 5))).toEqual(expected);
});

const at = (text: string) => Date.parse(text) / 1000;

test.each<[string, string, string, string[]]>([
  ["minutes", "2026-03-01T10:58:00Z", "2026-03-01T11:08:00Z", ["10:58", "11:00", "11:02", "11:04", "11:06", "11:08"]],
  ["hours", "2026-02-28T20:00:00Z", "2026-03-01T10:00:00Z", ["21:00", "1 Mar", "03:00", "06:00", "09:00"]],
  ["days", "2026-02-27T12:00:00Z", "2026-03-03T12:00:00Z", ["28 Feb", "1 Mar", "2 Mar", "3 Mar"]],
  ["months", "2025-11-15T00:00:00Z", "2026-03-15T00:00:00Z", ["Dec 2025", "2026", "Feb 2026", "Mar 2026"]],
  ["years", "2015-06-01T00:00:00Z", "2026-03-15T00:00:00Z", ["2020", "2025"]],
  ["parts of a second", "2026-03-01T10:58:00Z", "2026-03-01T10:58:01Z", ["58:00.000", "58:00.200", "58:00.400", "58:00.600", "58:00.800", "58:01.000"]],
])("wall clock of %s is labelled so that the day is told", (_, low, high, expected) => {
  expect(labels(clockTicks(range(at(low), at(high)), 5, "UTC"))).toEqual(expected);
});

test("times are written with their zone named", () => {
  expect([formatClock(at("2026-03-01T10:58:03Z"), "UTC"), zoneName(0, "UTC")]).toEqual(["2026-03-01 10:58:03", "UTC"]);
});

test.each([
  [NaN, "NaN"], [Infinity, "+∞"], [-Infinity, "−∞"], [0, "0"], [123456, "123456"], [0.123456789, "0.12346"],
  [1e308, "1e308"], [5e-324, "5e−324"], [-1234.5678, "−1234.6"], [2.5e9, "2.5e9"], [0.5, "0.5"],
])("the value %s is read as %s", (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test.each([[0.0123, "12.3 ms"], [12.5, "12.5 s"], [75, "1:15"], [3723, "1:02:03"], [190_000, "2d 04:46:40"]])(
  "the duration of %s s is read as %s",
  (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  },
);

test.each<[ScaleKind, number, number]>([
  ["linear", 0, 1], ["linear", -1e308, 1e308], ["linear", 0, 1e-323], ["linear", 1.7e9, 1.7e9 + 1],
  ["log", 1e-300, 1e300], ["log", 5e-324, 1], ["symlog", -1e308, 1e308], ["symlog", -5, 1000],
])("a %s scale from %s to %s has its ends at the edges and comes back", (kind, low, high) => {
  const scale = makeScale(kind, range(low, high), [10, 410], 1e-3);
  expect([scale.at(low), scale.at(high)].map(Math.round)).toEqual([10, 410]);
  const middle = scale.valueAt(210);
  expect(Number.isFinite(middle)).toBe(true);
  expect(scale.at(middle)).toBeCloseTo(210, -1.3);
});

test("what a log axis cannot show lies at its edge, and NaN nowhere", () => {
  const scale = makeScale("log", range(1, 100), [100, 0]);
  expect([scale.at(0), scale.at(-5), scale.at(NaN)]).toEqual([100, 100, NaN]);
});

test("a range is panned and zoomed on its scale", () => {
  const scale = makeScale("log", range(1, 100), [0, 100]);
  const panned = pannedRange(scale, 50);
  expect([panned.low, panned.high].map((value) => Number(value.toFixed(6)))).toEqual([0.1, 10]);
  const zoomed = zoomedRange(scale, 0, 0.5);
  expect([zoomed.low, zoomed.high].map((value) => Number(value.toFixed(6)))).toEqual([1, 10]);
});

test.each<[string, number[], ScaleKind, [number, number]]>([
  ["a constant", [3, 3], "linear", [2.7, 3.3]],
  ["nought", [0], "linear", [-1, 1]],
  ["nothing", [NaN], "linear", [0, 1]],
  ["the largest", [1.7e308, -1.7e308], "linear", [-Number.MAX_VALUE, Number.MAX_VALUE]],
  ["the smallest", [5e-324], "linear", [0, 1e-323]],
  ["nothing above nought", [-1, 0], "log", [0.1, 10]],
  ["one number above nought", [-1, 10], "log", [1, 100]],
])("the range of %s can be drawn", (_, values, kind, expected) => {
  const fitted = fitRange(extentOf(values), kind, 0.05);
  expect(fitted.low).toBeCloseTo(expected[0], 10);
  expect(fitted.high).toBeCloseTo(expected[1], 10);
  expect(scaleTicks(makeScale(kind, fitted, [0, 100]), 5).length).toBeGreaterThan(0);
});

test("the linear middle of a symlog axis is as wide as the smallest value", () => {
  expect(symlogThreshold(extentOf([-2000, 0, 0.03]))).toBe(0.01);
});

test.each<ScaleKind>(["linear", "log", "symlog"])("many values on a %s axis lie where each of them lies", (kind) => {
  for (const [low, high] of [[1, 100], [-1.7e308, 1.7e308], [0, 5e-324], [1e9, 1e9 + 1]] as const) {
    if (kind === "log" && low <= 0) continue;
    const scale = makeScale(kind, range(low, high), [10, 410], 1e-3);
    const values = Float64Array.of(-1e308, low, low / 2 + high / 2, high, 0, -3, 1e308, Infinity, NaN);
    const pixels = new Float64Array(values.length - 1);
    scale.place(values, 1, values.length, pixels);
    expect([...pixels]).toEqual([...values.subarray(1)].map((value) => scale.at(value)));
  }
});
