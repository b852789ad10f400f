import { expect, test } from "vitest";
import { lastTableOf, neighbours, rememberTable } from "../src/state/last_table";
import { tagsOf } from "../src/state/tags";
import { ansiPieces, plainText, PLAIN } from "../src/drawing/ansi";
import { heatMap, heatMapPixels } from "../src/drawing/heat_map";
import { readCsv } from "../src/drawing/read_csv";
import { compare, flatten, matches } from "../src/state/flat";
import { histogramOf, mediaItems, mediaKeys, placeOfStep } from "../src/state/media";
import { manifestChanges } from "../src/state/manifests";
import type { ManifestEntry } from "../src/wire/artifacts";
import { besideEachOther } from "../src/state/patches";
import { bestFirst, bestSoFar, metricOf, searchedParameters } from "../src/state/sweep";

test("colours of a terminal become pieces, and what moves its cursor leaves nothing", () => {
  const line = "\x1b[1;31mred\x1b[0m plain \x1b[38;5;196mcube\x1b[48;2;1;2;3mground\x1b[m\x1b[2K\x1b]0;title\x07end\x1b(B";
  expect(ansiPieces(line)).toEqual([
    { text: "red", style: { ...PLAIN, isBold: true, ink: 1 } },
    { text: " plain ", style: PLAIN },
    { text: "cube", style: { ...PLAIN, ink: "#ff0000" } },
    { text: "ground", style: { ...PLAIN, ink: "#ff0000", ground: "#010203" } },
    { text: "end", style: PLAIN },
  ]);
  expect(plainText(line)).toBe("red plain cubegroundend");
});

test("a sequence that is cut off, and one that says nothing known, do no harm", () => {
  expect(plainText("a\x1b[3")).toBe("a3");
  expect(ansiPieces("\x1b[999mx\x1b[38mz")).toEqual([
    { text: "x", style: PLAIN },
    { text: "z", style: PLAIN },
  ]);
});

test("histograms of unequal bins come onto one grid, and each column sums to one", () => {
  const map = heatMap(
    [
      { step: 0, values: [1, 3], bins: [0, 1, 2] },
      { step: 5, values: [4], bins: [0, 4] },
      { step: 6, values: [1], bins: [0] },
    ],
    4,
  );
  expect(map?.steps).toEqual([0, 5]);
  expect([map?.low, map?.high]).toEqual([0, 4]);
  expect([...(map?.shares ?? [])]).toEqual([0.25, 0.75, 0, 0, 0.25, 0.25, 0.25, 0.25]);
  const pixels = heatMapPixels(map as NonNullable<typeof map>, [1, 2, 3]);
  expect([...pixels.slice(-8, -4)]).toEqual([1, 2, 3, Math.round(255 * Math.sqrt(1 / 3))]);
  expect(heatMap([{ step: 0, values: [], bins: [] }], 4)).toBeNull();
});

test("a histogram whose bins are all one place is one full cell", () => {
  expect([...(heatMap([{ step: 0, values: [7], bins: [2, 2] }], 3)?.shares ?? [])]).toEqual([1, 0, 0]);
});

test("tables of text are read with quotes, line ends of both kinds, and no more rows than asked", () => {
  expect(readCsv('a,b\r\n"x, ""y""\nz",2\n,\n', 10)).toEqual([
    ["a", "b"],
    ['x, "y"\nz', "2"],
    ["", ""],
  ]);
  expect(readCsv("a\tb\n1\t2\n", 10)).toEqual([
    ["a", "b"],
    ["1", "2"],
  ]);
  expect(readCsv('a\n"never ends', 10)).toEqual([["a"], ["never ends"]]);
  expect(readCsv("1\n2\n3\n4", 2)).toEqual([["1"], ["2"]]);
  expect(readCsv("", 5)).toEqual([]);
});

test("leaves of a document are rows, and a value of a data type is one", () => {
  const document = { lr: 0.1, model: { depth: 3, sizes: [1, 2], none: {} }, picture: { _type: "image-file", path: "x.png" } };
  expect(flatten(document)).toEqual([
    { path: "lr", value: 0.1 },
    { path: "model.depth", value: 3 },
    { path: "model.sizes", value: [1, 2] },
    { path: "model.none", value: {} },
    { path: "picture", value: { _type: "image-file", path: "x.png" } },
  ]);
});

test("documents are compared leaf by leaf, by name", () => {
  expect(compare([{ b: NaN, a: 1 }, { b: NaN, c: null }])).toEqual([
    { path: "a", values: [1, undefined], isSame: false },
    { path: "b", values: [NaN, NaN], isSame: true },
    { path: "c", values: [undefined, null], isSame: false },
  ]);
  expect(matches("LR 0.1", "opt.lr", [0.1])).toBe(true);
  expect(matches("lr 0.2", "opt.lr", [0.1])).toBe(false);
});

test("keys whose values are media are found in a summary, also below others", () => {
  const image = { _type: "image-file", path: "media/a.png" };
  expect(mediaKeys({ loss: 1, val: { picture: image }, audio: { _type: "audio-file", path: "b.wav" }, _wandb: { x: image } })).toEqual([
    { key: "audio", type: "audio-file" },
    { key: "val.picture", type: "image-file" },
  ]);
});

test("a value is shown as what it is: one file, several, or a name of a type", () => {
  expect(mediaItems({ _type: "image-file", path: "a.png", caption: "a" })).toEqual([
    { kind: "image", file: "a.png", caption: "a", type: "image-file" },
  ]);
  expect(mediaItems({ _type: "images/separated", count: 2, filenames: ["a.png", "b.png"], captions: ["x"] })).toEqual([
    { kind: "image", file: "a.png", caption: "x", type: "image-file" },
    { kind: "image", file: "b.png", caption: null, type: "image-file" },
  ]);
  const several = { _type: "html", count: 1, html: [{ _type: "html-file", path: "p.html" }] };
  expect(mediaItems(several)).toEqual([{ kind: "html", file: "p.html", caption: null, type: "html-file" }]);
  expect(mediaItems({ _type: "object3D-file", path: "m.glb" })).toEqual([
    { kind: "file", file: "m.glb", caption: null, type: "object3D-file" },
  ]);
  expect(mediaItems({ _type: "something" })).toEqual([{ kind: "other", type: "something" }]);
  expect(mediaItems(3)).toEqual([]);
});

test("at a step the newest up to it is shown, and without one the last", () => {
  const rows = [{ step: 2 }, { step: 4 }, { step: 4 }, { step: 9 }];
  expect([null, 0, 2, 5, 100].map((step) => placeOfStep(rows, step))).toEqual([3, 0, 0, 2, 3]);
  expect(placeOfStep([], 3)).toBe(-1);
});

test("histograms come with their bins, or with the first and the size of them", () => {
  const packed = { _type: "histogram", values: [1, 2], packedBins: { min: 1, size: 0.5, count: 2 } };
  expect(histogramOf(3, packed)).toEqual({ step: 3, values: [1, 2], bins: [1, 1.5, 2] });
  expect(histogramOf(3, { _type: "histogram", values: [1], bins: [0, 1] })).toEqual({ step: 3, values: [1], bins: [0, 1] });
  expect(histogramOf(3, { _type: "histogram", values: [1] })).toBeNull();
  expect(histogramOf(3, 5)).toBeNull();
});

test("of a sweep are known what it searches, and the best of its runs", () => {
  const config = {
    metric: { name: "loss", goal: "minimize" },
    parameters: {
      lr: { min: 0, max: 1 },
      epochs: { value: 3 },
      opt: { parameters: { name: { values: ["sgd", "adam"] }, fixed: { value: 1 } } },
    },
  };
  expect(searchedParameters(config)).toEqual(["lr", "opt.name"]);
  expect(metricOf(config)).toEqual({ name: "loss", isLessBetter: true });
  expect(metricOf({})).toBeNull();
  expect(bestSoFar([null, 3, NaN, 1, 2], true)).toEqual([null, 3, 3, 1, 1]);
  expect(bestFirst([null, 3, NaN, 1, 2], true)).toEqual([3, 4, 1, 0, 2]);
  expect(bestFirst([1, 1, 2], false)).toEqual([2, 0, 1]);
});

test("two manifests differ in what was added, removed and changed, by path", () => {
  const entry = (path: string, digest: string, size_bytes = 1): ManifestEntry => ({ path, digest, size_bytes, ref: null });
  expect(manifestChanges([entry("a", "1"), entry("b", "1"), entry("d", "1", 5)], [entry("c", "9", 2), entry("a", "1"), entry("b", "2", 3)])).toEqual([
    { path: "b", kind: "changed", beforeBytes: 1, afterBytes: 3 },
    { path: "c", kind: "added", beforeBytes: 0, afterBytes: 2 },
    { path: "d", kind: "removed", beforeBytes: 5, afterBytes: 0 },
  ]);
});

test("the page of a run leads to those beside it in the table that was looked at, as far as that was loaded", () => {
  const path = { entity: "ada", project: "vision" };
  expect(lastTableOf(path)).toBeNull();
  const table = { path, query: "o=%2Bname", runIds: ["a", "b", null, "c"] };
  rememberTable(table);
  expect([lastTableOf(path), lastTableOf({ ...path, project: "other" })]).toEqual([table, null]);
  expect(["a", "b", "c", "elsewhere"].map((runId) => neighbours(table, runId))).toEqual([
    { previous: null, next: "b" }, { previous: "a", next: null }, { previous: null, next: null }, { previous: null, next: null },
  ]);
});

test("tags are what stands between commas, each once", () => {
  expect(tagsOf(" best, baseline,,best ,two words")).toEqual(["best", "baseline", "two words"]);
});

test("of patches beside each other it is said which lines only one of them has", () => {
  const marked = (patches: (string | null)[]) => besideEachOther(patches).map((lines) => lines.map(({ text, isOnlyHere }) => (isOnlyHere ? `! ${text}` : text)));
  expect(marked(["+a\n b\n", "+a\n+c", null])).toEqual([["+a", "!  b"], ["+a", "! +c"], []]);
  expect(marked(["", null])).toEqual([[], []]);
});
