import { expect, test } from "vitest";
import { readOrder, toggledOrder, writeOrder } from "../src/state/order";
import { filterOfGroup, keyOf, TableLines } from "../src/state/table_lines";
import { nearest, searchedName, titleOf, usualColumns } from "../src/state/usual_columns";
import { moved } from "../src/views/workspace/column_widths";
import { rowsInSight, scrollToRow } from "../src/views/parts/virtual_window";
import type { ColumnInfo, ColumnKind, RunGroup } from "../src/wire/documents";
import { Chance } from "./random";

test("the rows in sight are mounted, with some to spare and none that is not there", () => {
  expect(rowsInSight(0, 280, 28, 10_000, 6)).toEqual({ first: 0, end: 16 });
  expect(rowsInSight(2_800, 280, 28, 10_000, 6)).toEqual({ first: 94, end: 116 });
  expect(rowsInSight(279_720, 280, 28, 10_000, 6)).toEqual({ first: 9_984, end: 10_000 });
  expect(rowsInSight(0, 280, 28, 0, 6)).toEqual({ first: 0, end: 0 });
  expect(rowsInSight(50_000, 280, 28, 3, 6)).toEqual({ first: 3, end: 3 });
});

test("whatever is scrolled, each row on the screen is mounted", () => {
  const chance = new Chance(11);
  for (let i = 0; i < 1_000; i++) {
    const [rowPx, heightPx, rowCount] = [20 + chance.below(20), chance.below(900), chance.below(500)];
    const scrollPx = chance.next() * Math.max(0, rowCount * rowPx - heightPx);
    const { first, end } = rowsInSight(scrollPx, heightPx, rowPx, rowCount, chance.below(8));
    expect(first * rowPx).toBeLessThanOrEqual(scrollPx);
    expect(end === rowCount || end * rowPx >= scrollPx + heightPx).toBe(true);
    expect(first).toBeLessThanOrEqual(end);
  }
});

test("a row that is in sight moves nothing; another comes into sight by as little as can be", () => {
  expect(scrollToRow(3, 0, 300, 28, 28)).toBe(0);
  expect(scrollToRow(2, 100, 300, 28, 28)).toBe(56);
  expect(scrollToRow(20, 0, 300, 28, 28)).toBe(21 * 28 - 272);
});

const group = (optimizer: string | null, run_count: number): RunGroup => ({ values: { "config.optimizer": optimizer }, run_count, aggregates: {} });

test("groups stand between the runs of those that are open", () => {
  const groups = [group("adam", 3), group(null, 2), group("sgd", 4)];
  const lines = TableLines.ofGroups(groups, new Set([keyOf(groups[1] as RunGroup)]));
  const shown = Array.from({ length: lines.count }, (_, i) => {
    const line = lines.at(i);
    return line.kind === "group" ? `${line.isOpen ? "-" : "+"} ${line.groupKey}` : `${line.groupKey} ${line.index}`;
  });
  expect(shown).toEqual(['+ ["adam"]', "- [null]", "[null] 0", "[null] 1", '+ ["sgd"]']);
  expect([...lines.sight(2, 5)]).toEqual([["[null]", [0, 2]]]);
  expect(filterOfGroup(groups[1] as RunGroup)).toEqual({ $and: [{ "config.optimizer": { $eq: null } }] });
});

test("without groups each line is a run", () => {
  const lines = TableLines.ofRuns(3);
  expect([lines.count, lines.at(2)]).toEqual([3, { kind: "run", groupKey: null, index: 2 }]);
  expect([...lines.sight(1, 9)]).toEqual([[null, [1, 3]]]);
});

test("a click on a head orders, then the other way, then not; with Shift behind the others", () => {
  const first = toggledOrder(["-created_at"], "summary.loss", true, false);
  const second = toggledOrder(first, "summary.loss", true, false);
  expect([first, second, toggledOrder(second, "summary.loss", true, false)]).toEqual([["-summary.loss"], ["+summary.loss"], []]);
  expect(toggledOrder(["-created_at"], "name", false, true)).toEqual(["-created_at", "+name"]);
  expect(toggledOrder(["-created_at", "-name"], "name", false, true)).toEqual(["-created_at"]);
  expect(toggledOrder(["-created_at", "-name"], "name", false, false)).toEqual(["+name"]);
});

test("an order of a name with a comma comes back", () => {
  const parts = [{ name: "config.a,b", isDescending: true }];
  expect(writeOrder(parts)).toEqual(["-config.a\\,b"]);
  expect(readOrder(writeOrder(parts))).toEqual(parts);
});

test("the usual columns are fields, a few settings and a few results that most runs have", () => {
  const column = (name: string, kind: ColumnKind = "number", run_count = 10): ColumnInfo => ({ name, kind, run_count });
  const known = [
    column("state", "text"),
    column("created_at", "time"),
    column("tags", "list", 0),
    column("config._internal"),
    ...["a", "b", "c", "d", "e"].map((name, i) => column(`config.${name}`, "number", i === 1 ? 1 : 10)),
    column("summary.note", "text"),
    column("summary.loss"),
  ];
  expect(usualColumns(known).map(({ name }) => name)).toEqual(["state", "created_at", "config.a", "config.c", "config.d", "config.e", "summary.loss"]);
});

test("names are found by parts of them, and those that begin so come first", () => {
  const names = ["summary.val.loss", "loss", "config.loss_weight", "loss_scale", "accuracy"];
  expect(nearest("loss", names, (name) => name, 3)).toEqual(["loss", "loss_scale", "summary.val.loss"]);
  expect(nearest("loss val", names, (name) => name, 9)).toEqual(["summary.val.loss"]);
  const columns = ["config.a\\.b", "heartbeat_at", "summary.back\\\\slash"];
  const found = (text: string): string[] => nearest(text, columns, searchedName, 9);
  expect(["a.b", "a\\.b", "life", "heartbeat", "k\\s"].map(found)).toEqual([[columns[0]], [columns[0]], [columns[1]], [columns[1]], [columns[2]]]);
});

test("a column has a title that people read", () => {
  expect([titleOf("created_at"), titleOf("config.a\\.b"), titleOf("summary.val.loss")]).toEqual([
    { root: "", title: "Created" },
    { root: "config", title: "a.b" },
    { root: "summary", title: "val.loss" },
  ]);
});

test("a column goes to another place", () => {
  const columns = ["a", "b", "c"].map((name) => ({ name, widthPx: null }));
  expect(moved(columns, "a", 2).map(({ name }) => name)).toEqual(["b", "c", "a"]);
  expect(moved(columns, "c", 0).map(({ name }) => name)).toEqual(["c", "a", "b"]);
  expect(moved(columns, "x", 0)).toEqual(columns);
});
