import { afterEach, expect, test } from "vitest";
import { saveView } from "../src/state/saved_views";
import { DEFAULT_VIEW } from "../src/state/view";
import { fetchColumns } from "../src/wire/asks";
import { embeddedTransport, type Embedded } from "../src/wire/embedded";
import { answerFrom } from "../src/wire/http";
import { joinTiles } from "../src/wire/join_tiles";
import { decodeTiles, fetchTiles, type TilesQuery } from "../src/wire/tiles";

const PATH = { entity: "ada", project: "vision" };
const QUERY = { runs: null, filters: null, order: ["-created_at"], limit: null, stream: "history", x: "_step", window: null, x_scale: "linear", smoothing: null, group_by: null, aggregate: null };

/** An answer with one line of two points at (0, from) and (1, from + 1). */
function answerOf(key: string, from: number): ArrayBuffer {
  const series = { run: "a", group: null, key, line: [0, 2], raw: null, band: null, marks: [4, 1] };
  const header = new TextEncoder().encode(JSON.stringify({ window: [from, from + 9], run_count: 1, versions: {}, left_out: [], series: [series] }));
  const start = Math.ceil((4 + header.byteLength) / 8) * 8;
  const bytes = new Uint8Array(start + 48);
  new DataView(bytes.buffer).setUint32(0, header.byteLength, true);
  bytes.set(header, 4);
  bytes.set(new Uint8Array(Float64Array.of(0, 1, from, from + 1, 0.5, 2).buffer), start);
  return bytes.buffer;
}

async function packed(bytes: ArrayBuffer): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return btoa(String.fromCharCode(...new Uint8Array(await new Response(stream).arrayBuffer())));
}

async function embedded(): Promise<Embedded> {
  const page = { version: "1", total_count: 3, run_ids: ["a", "b", "c"], columns: { name: ["A", "B", "C"], "config.lr": [1, NaN, null] }, groups: null, facets: null, facet_value_counts: null, problems: {} };
  return {
    ...PATH,
    query: "",
    title: "",
    made_at: 0,
    session: {},
    keys: { stream: "history", page: {} },
    columns: {},
    runs: { filters: { state: "finished" }, order: ["-created_at"], page },
    group_by: [],
    groups: null,
    tiles: [{ query: QUERY, answers: { loss: await packed(answerOf("loss", 1)), acc: await packed(answerOf("acc", 5)) } }],
  };
}

afterEach(() => answerFrom(fetch));

test("answers about other keys are one answer, with each array where it is said to be", () => {
  const { series, window } = decodeTiles(joinTiles([answerOf("loss", 1), answerOf("acc", 5)]));
  expect(series.map(({ key, line, marks }) => [key, [...line.y], [...marks.x], [...marks.kind]])).toEqual([
    ["loss", [1, 2], [0.5], [2]],
    ["acc", [5, 6], [0.5], [2]],
  ]);
  expect(window).toEqual([1, 14]);
});

test("columns, parts and named runs are answered out of the document, in its order", async () => {
  answerFrom(embeddedTransport(await embedded()));
  const asked = { filters: { state: "finished" }, order: ["-created_at"] };
  const page = await fetchColumns(PATH, { ...asked, columns: ["config.lr"], offset: 1, limit: 1 });
  expect([page.run_ids, page.columns, page.total_count]).toEqual([["b"], { "config.lr": [NaN] }, 3]);
  expect((await fetchColumns(PATH, { columns: ["name"], filters: { run_id: { $in: ["c", "z"] } }, order: [] })).columns).toEqual({ name: ["C"] });
});

test.each([
  [{ columns: ["name"], filters: null }, "runs of another filter"],
  [{ columns: ["name"], filters: { state: "finished" }, order: ["name"] }, "its runs in another order"],
  [{ columns: ["summary.x"], filters: { state: "finished" } }, "the column summary.x"],
  [{ columns: [], filters: { state: "finished" }, group_by: ["user"] }, "these groups"],
  [{ columns: [], filters: { state: "finished" }, facets: ["user"] }, "counts of values"],
])("what is not in the document is said by name: %j", async (query, what) => {
  answerFrom(embeddedTransport(await embedded()));
  await expect(fetchColumns(PATH, query)).rejects.toThrow(`This file does not have ${what}`);
});

test("lines are answered by their question, a part of x by those of all of it", async () => {
  answerFrom(embeddedTransport(await embedded()));
  const query = { ...QUERY, keys: ["acc", "loss"], columns: 700, is_exact: false, known: null } as unknown as TilesQuery;
  expect((await fetchTiles("ada", "vision", query)).series.map(({ key, line }) => [key, [...line.y]])).toEqual([
    ["acc", [5, 6]],
    ["loss", [1, 2]],
  ]);
  expect((await fetchTiles("ada", "vision", { ...query, window: [0, 1], is_exact: true })).series).toHaveLength(2);
  await expect(fetchTiles("ada", "vision", { ...query, x: "_runtime" })).rejects.toThrow("lines drawn like this");
  await expect(fetchTiles("ada", "vision", { ...query, keys: ["other"] })).rejects.toThrow("the lines of other");
});

test("a saved view says its filter also as the server takes it", async () => {
  const sent: unknown[] = [];
  answerFrom(async (_, request) => {
    if (request.method === "PUT") {
      sent.push(JSON.parse(JSON.parse(String(request.body)).spec));
      return new Response(JSON.stringify({ view_id: "v", name: "v", spec: "{}" }));
    }
    return new Response("[]");
  });
  await saveView(PATH, "v", "V", { ...DEFAULT_VIEW, filters: { "config.lr": { $gt: 0.05 } } }, null);
  expect(sent).toEqual([{ version: 1, query: "f=config.lr+%3E+0.05", filters: { "config.lr": { $gt: 0.05 } } }]);
});
