import { expect, test } from "vitest";
import { DEFAULT_VIEW, formatView, has, parseView, withPanels, type View } from "../src/state/view";
import { parseHash, formatHash } from "../src/state/address";
import { Chance } from "./random";

function someView(chance: Chance): View {
  const maybe = <T>(usual: T, make: () => T): T => (chance.next() < 0.5 ? usual : make());
  const names = () => chance.many(() => chance.text());
  return {
    filters: maybe<View["filters"]>(null, () => ({ [`config.${chance.text()}`]: { $gt: chance.next() }, state: chance.text() })),
    search: maybe("", () => chance.text()),
    order: maybe(DEFAULT_VIEW.order, names),
    columns: maybe<View["columns"]>(null, () => names().map((name) => ({ name, widthPx: maybe<number | null>(null, () => 40 + chance.below(900)) }))),
    nameWidthPx: maybe<number | null>(null, () => 80 + chance.below(500)),
    groupBy: maybe([] as string[], names),
    aggregate: chance.of(["mean", "min", "max", "std", "count"] as const),
    openGroups: maybe([] as string[], names),
    pinned: maybe([] as string[], names),
    baseline: maybe<string | null>(null, () => chance.text()),
    selected: { isAllBut: chance.next() < 0.5, ids: names() },
    hidden: maybe([] as string[], names),
    isSelectedOnly: chance.next() < 0.5,
    tablePercent: 10 + chance.below(81),
    pane: chance.of(["both", "table", "panels"] as const),
    following: chance.of(["paused", "live", "follow"] as const),
    panels: maybe<View["panels"]>(DEFAULT_VIEW.panels, () => ({ search: chance.text(), zooms: { [chance.text()]: [chance.next(), 2] } })),
    viewId: maybe<string | null>(null, () => chance.text()),
    unknown: maybe({}, () => ({ [`zz${chance.text()}`]: chance.text() })),
  };
}

test("the default view is an empty text", () => {
  expect(formatView(DEFAULT_VIEW)).toBe("");
  expect(parseView("")).toEqual({ view: DEFAULT_VIEW, problems: [] });
});

test("every view comes back from its address as it was", () => {
  const chance = new Chance(7);
  for (let i = 0; i < 500; i++) {
    const view = someView(chance);
    const { parts, query } = parseHash(formatHash(["a/b", "mnist 🙂"], formatView(view)));
    expect(parts).toEqual(["a/b", "mnist 🙂"]);
    expect(parseView(query).view).toEqual(view);
  }
});

test("an address can be read by people", () => {
  const view: View = {
    ...DEFAULT_VIEW,
    filters: { "config.lr": { $gte: 0.01 }, state: "running" },
    columns: [{ name: "state", widthPx: null }, { name: "summary.loss", widthPx: 120 }],
    order: ["-summary.loss", "+created_at"],
    selected: { isAllBut: true, ids: ["r7"] },
  };
  expect(formatView(view)).toBe(
    "f=config.lr+%3E=+0.01+and+state+=+%22running%22&o=-summary.loss,%2Bcreated_at&c=state,summary.loss@120&s=*,r7",
  );
});

test("no columns is another view than the usual columns", () => {
  const bare = { ...DEFAULT_VIEW, columns: [] };
  expect(formatView(bare)).toBe("c=");
  expect(parseView("c=").view).toEqual(bare);
});

test("parts of a newer page are kept and told", () => {
  const { view, problems } = parseView("hologram=3d&q=adam");
  expect(view).toEqual({ ...DEFAULT_VIEW, search: "adam", unknown: { hologram: "3d" } });
  expect(problems).toEqual(["This address has parts that this page does not know (hologram); they are kept."]);
  expect(formatView(view)).toBe("q=adam&hologram=3d");
});

test("a part that cannot be read is as by default, and told", () => {
  const { view, problems } = parseView("w=900&l=backwards&f=lr+%3E%3E+3&q=ok");
  expect(view).toEqual({ ...DEFAULT_VIEW, search: "ok" });
  expect(problems).toEqual([
    "The part “w” of this address is not understood: “900” is no number from 10 to 90.",
    "The part “l” of this address is not understood: “backwards” is none of paused, live, follow.",
    "The part “f” of this address is not understood: expected a value, not “>”.",
  ]);
});

test("a choice of runs is those named, or all but those", () => {
  expect([has({ isAllBut: false, ids: ["a"] }, "a"), has({ isAllBut: false, ids: ["a"] }, "b")]).toEqual([true, false]);
  expect([has({ isAllBut: true, ids: ["a"] }, "a"), has({ isAllBut: true, ids: ["a"] }, "b")]).toEqual([false, true]);
});

test("charts and table follow together: the address says it once, and a touch of a chart ends it", () => {
  const following: View = { ...DEFAULT_VIEW, following: "follow", panels: { isFollowing: true } };
  expect(formatView(following)).toBe("l=follow");
  expect(withPanels(following, { isFollowing: true, search: "loss" }).following).toBe("follow");
  expect(withPanels(following, { zooms: { "x _step": [0, 5] } })).toEqual({
    ...DEFAULT_VIEW, following: "live", panels: { zooms: { "x _step": [0, 5] } },
  });
  expect(withPanels({ ...DEFAULT_VIEW, following: "paused" }, { search: "loss" }).following).toBe("paused");
});
