import { expect, test } from "vitest";
import { readJson, writeJson } from "../src/wire/json";

test("what no JSON of browsers has is read: NaN, infinities, long integers", () => {
  expect(readJson('{"a": NaN, "b": [Infinity, -Infinity, -0.5e-3], "c": 12345678901234567890, "d": "NaN \\"x\\" 12345678901234567890"}')).toEqual({
    a: NaN,
    b: [Infinity, -Infinity, -0.0005],
    c: 12345678901234567890n,
    d: 'NaN "x" 12345678901234567890',
  });
});

test("plain JSON is as JSON.parse has it", () => {
  const value = { a: [1, -2.5, "é\n", null, true], b: {}, c: [], long: 0.12345678901234567 };
  expect(readJson(JSON.stringify(value))).toEqual(value);
  expect(readJson(` { "a" : [ 1 , NaN ] } `)).toEqual({ a: [1, NaN] });
});

test.each(["", "{", "[1,", '{"a" NaN}', "NaN NaN", "[NaN,]", "nul", '"\n"', "[1 Infinity]"])("%j is refused", (text) => {
  expect(() => readJson(text)).toThrow(SyntaxError);
});

test("what is written is read as it was", () => {
  const value = { a: [NaN, Infinity, -Infinity, 1.5, 12345678901234567890n], "k\"": { text: "x", none: null, yes: true } };
  expect(readJson(writeJson(value))).toEqual(value);
  expect(writeJson({ left: undefined, kept: [undefined] })).toBe('{"kept":[null]}');
});

test("a key called __proto__ is a key", () => {
  expect(Object.keys(readJson('{"__proto__": NaN}') as object)).toEqual(["__proto__"]);
});
