import { expect, test } from "vitest";
import { counted, exactCell, formatAge, formatCell, formatDifference, formatDuration, formatNumber } from "../src/views/parts/format";
import { idFor } from "../src/state/saved_views";

test.each([
  [0, "0"],
  [-3, "−3"],
  [123456789, "123456789"],
  [0.1 + 0.2, "0.3"],
  [0.000123456, "1.235e-4"],
  [-1234.5678, "−1234.6"],
  [1e308, "1e308"],
  [5e-324, "4.941e-324"],
  [NaN, "NaN"],
  [Infinity, "∞"],
  [-Infinity, "−∞"],
  [12345678901234567890n, "12345678901234567890"],
])("%d is %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test("durations and ages have the units that people think in", () => {
  expect([0.25, 59, 61, 3_700, 200_000].map(formatDuration)).toEqual(["0.25 s", "59 s", "1 min 1 s", "1 h 1 min", "2 d 7 h"]);
  const now = 1_800_000_000;
  expect([3, 60, 300, 3_600, 86_400 * 3].map((s) => formatAge(now - s, now))).toEqual(["just now", "1 min ago", "5 min ago", "1 h ago", "3 d ago"]);
});

test("a cell shows its value in the measure of its column", () => {
  expect(formatCell("runtime_s", 61, 0)).toBe("1 min 1 s");
  expect(formatCell("tags", ["a", "b"], 0)).toBe("a, b");
  expect(formatCell("config.x", { a: [NaN] }, 0)).toBe('{"a":[{"$float":"NaN"}]}');
  expect([formatCell("config.x", null, 0), exactCell("config.x", 0.1 + 0.2), exactCell("name", "x")]).toEqual(["", "0.30000000000000004", "x"]);
});

test("a difference has a sign", () => {
  expect([formatDifference("config.x", 0.25), formatDifference("config.x", -2), formatDifference("runtime_s", -61)]).toEqual(["+0.25", "−2", "−1 min 1 s"]);
});

test("counts are said as people say them", () => {
  expect([counted(1, "run"), counted(1_000, "run"), counted(2, "match", "matches")]).toEqual(["1 run", "1,000 runs", "2 matches"]);
});

test("a saved view has an id that can be read, and that no other has", () => {
  const ids = [idFor("Été: best runs!", []), idFor("best", ["best", "best2"]), idFor("🙂", []), idFor("lr", ["viewlr"]), idFor("a b ".repeat(60), [])];
  expect(ids).toEqual(["etebestruns", "best3", "view", "viewlr2", "ab".repeat(20)]);
  expect(ids.every((id) => /^[a-z0-9]{4,64}$/.test(id))).toBe(true);
});
