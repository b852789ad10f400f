import { expect, test } from "vitest";
import { filterOf, partsOf, searchFilter } from "../src/state/conditions";
import { FilterTextError, formatFilterText, literalOf, parseFilterText, quotedPattern } from "../src/state/filter_text";
import { writeJson, type Json, type JsonObject } from "../src/wire/json";
import texts from "./filter_texts.json";
import { Chance } from "./random";

const SAID: readonly (readonly [string, JsonObject | null])[] = [
  ["", null],
  ['state = "running"', { state: "running" }],
  ['config.lr > 0.01 and state = "running"', { "config.lr": { $gt: 0.01 }, state: "running" }],
  ["config.lr > 0.01 and config.lr <= 1", { $and: [{ "config.lr": { $gt: 0.01 } }, { "config.lr": { $lte: 1 } }] }],
  ['tags = "best" or (summary.acc >= 0.9 and state != "failed")', { $or: [{ tags: "best" }, { "summary.acc": { $gte: 0.9 }, state: { $ne: "failed" } }] }],
  ['state in ("finished", "crashed")', { state: { $in: ["finished", "crashed"] } }],
  ["config.n not in (1, 2)", { "config.n": { $nin: [1, 2] } }],
  ['name contains "re(s)"', { name: { $regex: "re\\(s\\)", $options: "i" } }],
  ['name ~ "^res.*"', { name: { $regex: "^res.*" } }],
  ['name !~ "old"', { name: { $not: { $regex: "old" } } }],
  ["config.lr exists", { "config.lr": { $exists: true } }],
  ["config.lr missing", { "config.lr": { $exists: false } }],
  ['not (state = "failed")', { $not: { state: "failed" } }],
  ['`config.a b` = null', { "config.a b": null }],
  ["`and` = true", { and: true }],
  ["`a``b` = Infinity", { "a`b": Infinity }],
  ["config.seed = 9007199254740993", { "config.seed": 9007199254740993n }],
];

// `tests/report/test_filter_text.py` holds the reader in Python against the same.
test.each(Object.entries(texts as Readonly<Record<string, Json>>))("%s says the same to all readers", (text, meant) => {
  if (typeof meant === "string") {
    expect(() => parseFilterText(text)).toThrow(meant);
  } else {
    expect(parseFilterText(text)).toEqual(meant);
  }
});

test.each(SAID)("%s", (text, filters) => {
  expect(parseFilterText(text)).toEqual(filters);
  expect(formatFilterText(filters)).toBe(text);
});

test("words may be written in other ways", () => {
  expect(parseFilterText("state == running AND config.opt = 'ad\"am'")).toEqual({ state: "running", "config.opt": 'ad"am' });
  expect(parseFilterText("config.n in [1,2]")).toEqual({ "config.n": { $in: [1, 2] } });
  expect(parseFilterText('{"config.lr": {"$gt": 1}}')).toEqual({ "config.lr": { $gt: 1 } });
});

test("what is not understood is told with its place", () => {
  const said = ["config.lr", "config.lr >", "= 3", "a = 1 b = 2", "(a = 1", 'a = "open', "{oops"].map((text) => {
    try {
      return parseFilterText(text);
    } catch (error) {
      return error instanceof FilterTextError ? `${error.at}: ${error.message}` : error;
    }
  });
  expect(said).toEqual([
    "9: expected one of = != < <= > >= ~ in, contains, exists, missing, not the end",
    "11: expected a value, not the end",
    "0: expected the name of a column, like config.lr, not “=”",
    "6: expected “and”, “or” or the end, not “b”",
    "6: expected “)”, not the end",
    '4: a quote that does not end: "open',
    expect.stringContaining("0: "),
  ]);
});

function someFilter(chance: Chance, depth = 0): JsonObject {
  const value = (): Json => chance.of<() => Json>([() => chance.text(), () => chance.next() * 1e9, () => chance.below(9), () => null, () => true, () => -Infinity])();
  const operand = chance.of<() => Json>([
    value,
    () => ({ [chance.of(["$gt", "$lt", "$ne", "$gte", "$lte", "$eq"])]: value() }),
    () => ({ [chance.of(["$in", "$nin", "$all"])]: chance.many(value) }),
    () => ({ $regex: chance.text(), ...(chance.next() < 0.5 ? { $options: chance.of(["i", "s"]) } : {}) }),
    () => ({ $exists: chance.next() < 0.5 }),
  ]);
  const inner = () => [someFilter(chance, depth + 1), someFilter(chance, depth + 1)];
  return depth > 2 || chance.next() < 0.6
    ? { [chance.text()]: operand(), [`config.${chance.text()}`]: operand() }
    : chance.of<() => JsonObject>([() => ({ $and: inner() }), () => ({ $or: inner() }), () => ({ $not: someFilter(chance, depth + 1) })])();
}

test("every filter comes back from its text as it was, and from its rows as one that says the same", () => {
  const chance = new Chance(3);
  for (let i = 0; i < 500; i++) {
    const filters = someFilter(chance);
    expect(parseFilterText(formatFilterText(filters))).toEqual(filters);
    const once = filterOf(partsOf(filters));
    expect(writeJson(filterOf(partsOf(once)))).toBe(writeJson(once));
  }
});

test("a filter has a row for each condition, and keeps what is more than that", () => {
  const filters = parseFilterText('config.lr > 0.01 and name contains "res" and config.n in (1, 2)');
  expect(partsOf(filters)).toEqual([
    { condition: { name: "config.lr", comparison: ">", value: 0.01 } },
    { condition: { name: "name", comparison: "contains", value: "res" } },
    { condition: { name: "config.n", comparison: "in", value: [1, 2] } },
  ]);
  expect(filterOf(partsOf(filters))).toEqual(filters);
  const more: JsonObject = { $or: [{ state: "running" }, { tags: "best" }] };
  expect(partsOf(more)).toEqual([{ filter: more }]);
  expect(filterOf([...partsOf(more), ...partsOf({ state: "failed" })])).toEqual({ $and: [more, { state: "failed" }] });
});

test("patterns of plain text are known again", () => {
  expect(literalOf(quotedPattern("a.b*(c)"))).toBe("a.b*(c)");
  expect(literalOf("a.b")).toBeNull();
});

test("a search looks at what people write of a run", () => {
  expect(searchFilter("  ")).toBeNull();
  expect(Object.keys(searchFilter("x") ?? {})).toEqual(["$or"]);
});
