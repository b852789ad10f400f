import { expect, test } from "vitest";
import { readJson, writeJson } from "../src/wire/json";

test("marks are what they mean: NaN, infinities, bytes, and dicts that look like marks", () => {
  expect(readJson('{"a": {"$float": "NaN"}, "b": [{"$float": "Infinity"}, {"$float": "-Infinity"}, -0.5e-3], "c": {"$bytes": "AP8="}}')).toEqual({
    a: NaN,
    b: [Infinity, -Infinity, -0.0005],
    c: Uint8Array.of(0, 255),
  });
  expect(readJson('{"$dict": [["$float", {"$float": "NaN"}]]}')).toEqual({ $float: NaN });
  expect(readJson('{"$float": "NaN", "other": 1}')).toEqual({ $float: "NaN", other: 1 });
});

test("integers that a double cannot hold are read whole, and digits in texts and fractions are left alone", () => {
  expect(readJson('{"a": 12345678901234567890, "b": [-9007199254740993, 9007199254740991], "c": 1234567890123456.5, "d": 0.12345678901234567}')).toEqual({
    a: 12345678901234567890n,
    b: [-9007199254740993n, 9007199254740991],
    c: 1234567890123456.5,
    d: 0.12345678901234567,
  });
  expect(readJson('"a \\" 12345678901234567890"')).toBe('a " 12345678901234567890');
  expect(readJson("12345678901234567890e3")).toBe(12345678901234567890e3);
});

test("plain JSON is as JSON.parse has it", () => {
  const value = { a: [1, -2.5, "é\n", null, true], b: {}, c: [], long: 0.12345678901234567 };
  expect(readJson(JSON.stringify(value))).toEqual(value);
});

test.each(["", "{", "[1,", "NaN", "[12345678901234567890,]", "nul", '"\n"'])("%j is refused", (text) => {
  expect(() => readJson(text)).toThrow(SyntaxError);
});

test("what is written is read as it was", () => {
  const value = {
    a: [NaN, Infinity, -Infinity, 1.5, 12345678901234567890n],
    'k"': { text: "x", none: null, yes: true },
    bytes: Uint8Array.of(1, 2),
    marks: [{ $float: "NaN" }, { $dict: [] }, { $bytes: { $float: 3 } }],
  };
  expect(readJson(writeJson(value))).toEqual(value);
  expect(writeJson({ left: undefined, kept: [undefined] })).toBe('{"kept":[null]}');
});

test("a key called __proto__ is a key", () => {
  expect(Object.keys(readJson('{"__proto__": {"$float": "NaN"}}') as object)).toEqual(["__proto__"]);
});
