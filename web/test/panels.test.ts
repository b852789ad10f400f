import { expect, test } from "vitest";
import { checkedPanels } from "../src/state/checked_panels";
import * as panels from "../src/state/panels";
import { parseView } from "../src/state/view";

const { DEFAULT_PANELS } = panels;

test("what is default is not in the state, so that the address is short", () => {
  const changed = panels.withSettings(panels.withSettings({}, null, { x: "_runtime" }), "loss", { yScale: "log" });
  expect(changed).toEqual({ all: { x: "_runtime" }, panels: { loss: { yScale: "log" } } });
  const back = panels.withSettings(panels.withoutOwnSettings(changed, "loss"), null, { x: undefined });
  expect(back).toEqual(DEFAULT_PANELS);
});

test("a panel is drawn by its own settings, where it has some, and by those of all else", () => {
  const state = panels.withSettings({ all: { x: "_runtime", yScale: "log" } }, "loss", { yScale: "linear" });
  const { x, yScale, xScale } = panels.settingsOf(state, "loss");
  expect({ x, yScale, xScale }).toEqual({ x: "_runtime", yScale: "linear", xScale: "linear" });
});

test("system metrics are drawn by runtime unless somebody chose otherwise", () => {
  expect(panels.commonSettings({ stream: "events" }).x).toBe("_runtime");
  expect(panels.commonSettings({ stream: "events", all: { x: "_timestamp" } }).x).toBe("_timestamp");
});

test("a zoom is that of all panels with the same x, and following ends with it", () => {
  const state = panels.withZoom({ isFollowing: true, panels: { other: { x: "_runtime" } } }, "loss", [10, 20]);
  expect([state.isFollowing, panels.zoomOf(state, "accuracy"), panels.zoomOf(state, "other")]).toEqual([undefined, [10, 20], null]);
});

test("where zooms are not shared each panel has its own", () => {
  const state = panels.withZoom(panels.withSharedZoom({}, false), "loss", [10, 20]);
  expect([panels.zoomOf(state, "loss"), panels.zoomOf(state, "accuracy")]).toEqual([[10, 20], null]);
});

test("a zoom is kept with as many digits as a screen shows, outwards", () => {
  expect(panels.shortWindow([680.1073146038977, 1457.3728170083525])).toEqual([680.1, 1457.38]);
  expect(panels.shortWindow([1_780_000_000.123456, 1_780_000_000.987654])).toEqual([1780000000.12345, 1780000000.98766]);
  expect(panels.shortWindow([-1e308, 1e308])).toEqual([-1e308, 1e308]);
});

test("keys are in sections by what stands before the first slash, in the order of their names", () => {
  const sections = panels.sectionsOf(["val/loss", "loss", "layer10/w", "layer2/w", "a/b/c", "/odd"], {});
  expect(sections.map(({ name, keys, isOpen }) => [name, keys, isOpen])).toEqual([
    ["", ["/odd", "loss"], true],
    ["a", ["a/b/c"], true],
    ["layer2", ["layer2/w"], true],
    ["layer10", ["layer10/w"], true],
    ["val", ["val/loss"], true],
  ]);
});

test("system metrics are in sections by the part of the machine", () => {
  const keys = [
    "system.cpu", "system.gpu.0.memory", "system.disk./.usagePercent", "system.gpu.1.memory", "custom/io", "system.cpu.3.percent",
    "system.gpu.10.temp",
  ];
  const sections = panels.sectionsOf(keys, { stream: "events" });
  expect(sections.map(({ name, keys: own }) => [name, own.map((key) => panels.titleInSection(key, "events"))])).toEqual([
    ["", ["cpu"]],
    ["cpu", ["3.percent"]],
    ["custom", ["io"]],
    ["disk", ["/.usagePercent"]],
    ["gpu 0", ["memory"]],
    ["gpu 1", ["memory"]],
    ["gpu 10", ["temp"]],
  ]);
});

test("past 200 keys nothing is drawn by itself, and a section that is opened is", () => {
  const keys = Array.from({ length: 201 }, (_, i) => `group${i % 2}/key${i}`);
  const sections = panels.sectionsOf(keys, panels.withSectionTurned({}, "group1"));
  expect(sections.map(({ name, isOpen }) => [name, isOpen])).toEqual([["group0", false], ["group1", true]]);
});

test.each<[string, readonly string[] | null]>([
  ["", ["train/Loss", "val/loss", "accuracy"]],
  ["LOSS", ["train/Loss", "val/loss"]],
  ["loss val", ["val/loss"]],
  ["/^(train|acc)/", ["train/Loss", "accuracy"]],
  ["/(/", null],
])("a search for %j finds %j", (search, expected) => {
  expect(panels.foundKeys(["train/Loss", "val/loss", "accuracy"], search)).toEqual(expected);
});

test("what an address says wrongly of panels is as by default and told, and what a newer page says is kept", () => {
  const { state, unread } = checkedPanels({
    all: { x: 7 },
    pinned: ["loss"],
    zooms: { "x _step": [20, 10] },
    added: [{ kind: "pie" }],
    panels: { loss: { smoothing: { kind: "ema", amount: 0.9 }, glow: 3 } },
    hologram: true,
  });
  expect(state).toEqual({ pinned: ["loss"], panels: { loss: { smoothing: { kind: "ema", amount: 0.9 }, glow: 3 } }, hologram: true });
  expect(unread).toEqual(["all", "zooms", "added"]);
});

test("an address keeps what can be read of its charts and tells what cannot", () => {
  const { view, problems } = parseView(`P=${encodeURIComponent('{"pinned":["loss"],"size":7}')}`);
  expect([view.panels, problems]).toEqual([
    { pinned: ["loss"] },
    ["What this address says of the charts’ “size” is not understood."],
  ]);
});

test.each([[null, []], [undefined, []], [5, ["panels"]], [[], ["panels"]], [{}, []]])("a state of %j is the default one", (value, told) => {
  expect(checkedPanels(value)).toEqual({ state: {}, unread: told });
});
