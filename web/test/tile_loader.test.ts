import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TileLoader, type LinesQuery } from "../src/state/tile_loader";
import type { Tiles, TileSeries, TilesQuery } from "../src/wire/tiles";

const QUERY: LinesQuery = {
  runs: null, filters: null, order: [], limit: null, stream: "history", x: "_step", window: null, columns: 400,
  x_scale: "linear", smoothing: null, group_by: null, aggregate: null, is_exact: false,
};

function seriesOf(run: string, key: string, value: number, isUnchanged: boolean): TileSeries {
  const points = isUnchanged ? [] : [value];
  return {
    run, key, group: null, is_unchanged: isUnchanged, is_exact: true, row_count: 1, nan_count: 0,
    positive_infinity_count: 0, negative_infinity_count: 0, lowest: value, highest: value, last: value, run_count: 1,
    line: { x: Float64Array.from(points), y: Float64Array.from(points) }, raw: null, band: null,
    marks: { x: new Float64Array(0), kind: new Float64Array(0) },
  };
}

/** A server of two runs, which waits to answer until it is let, and keeps what it was asked. */
class Server {
  readonly asked: TilesQuery[] = [];
  readonly aborted: (readonly string[])[] = [];
  versions: Record<string, string> = { a: "1", b: "1" };
  values: Record<string, number> = { a: 1, b: 2 };
  private waiting: (() => void)[] = [];

  readonly fetch = (query: TilesQuery, { signal }: { signal: AbortSignal }): Promise<Tiles> => {
    this.asked.push(query);
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborted.push(query.keys);
        reject(new DOMException("ended", "AbortError"));
      });
      this.waiting.push(() => resolve(this.answer(query)));
    });
  };

  async letAnswer(): Promise<void> {
    const waiting = this.waiting;
    this.waiting = [];
    for (const answer of waiting) answer();
    await vi.advanceTimersByTimeAsync(1);
  }

  private answer(query: TilesQuery): Tiles {
    const series = query.keys.flatMap((key) =>
      Object.entries(this.versions).map(([run, version]) =>
        seriesOf(run, key, this.values[run]!, query.known?.[run] === version),
      ),
    );
    return { columns: query.columns, window: [0, 1], run_count: 2, versions: { ...this.versions }, left_out: [], series };
  }
}

let server: Server;
let loader: TileLoader;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  loader = new TileLoader(server.fetch);
});
afterEach(() => {
  loader.close();
  vi.useRealTimers();
});

const tick = (ms = 1) => vi.advanceTimersByTimeAsync(ms);
const keysAsked = () => server.asked.map(({ keys }) => keys);

test("panels that come into sight together are asked for in one request", async () => {
  for (const key of ["a", "b", "c"]) loader.want(key, QUERY);
  await tick();
  expect(keysAsked()).toEqual([["a", "b", "c"]]);
});

test("panels with other settings are asked for by themselves", async () => {
  loader.want("a", QUERY);
  loader.want("b", { ...QUERY, x: "_runtime" });
  await tick();
  expect(keysAsked()).toEqual([["a"], ["b"]]);
});

test.each([
  [50, 24, [24]],
  [1, 70, [4, 32, 32, 2]],
  [300, 12, [4, 5, 3]],
  [5_000, 10, [4, 4, 2]],
])("of %i runs %i panels are asked for in as few requests as answers are not too large", async (runCount, keyCount, sizes) => {
  const large = new TileLoader(server.fetch, () => runCount);
  for (let i = 0; i < keyCount; i++) large.want(`key${i}`, QUERY);
  await tick();
  expect(keysAsked().map((keys) => keys.length)).toEqual(sizes);
  large.close();
});

test("a request ends when nobody waits for any of its keys", async () => {
  const wishes = ["a", "b"].map((key) => loader.want(key, QUERY));
  await tick();
  wishes[0]!.release();
  await tick();
  expect(server.aborted).toEqual([]);
  wishes[1]!.release();
  await tick();
  expect(server.aborted).toEqual([["a", "b"]]);
});

test("after data moved only runs that changed come again, and the others keep their lines", async () => {
  const wish = loader.want("loss", QUERY);
  await tick();
  await server.letAnswer();
  server.versions["b"] = "2";
  server.values["b"] = 5;
  loader.moveTo("next");
  await tick();
  expect(server.asked[1]!.known).toEqual({ a: "1", b: "1" });
  await server.letAnswer();
  const lines = wish.lines.value.tiles!.series.map(({ run, line }) => [run, [...line.y]]);
  expect(lines).toEqual([["a", [1]], ["b", [5]]]);
});

test("an answer in which nothing moved leaves the lines as they are, and nothing is drawn for it", async () => {
  const wish = loader.want("loss", QUERY);
  await tick();
  await server.letAnswer();
  const before = wish.lines.value.tiles;
  loader.moveTo("next");
  await tick();
  await server.letAnswer();
  expect([server.asked.length, wish.lines.value.tiles === before]).toEqual([2, true]);
});

test("data that moves all the time is asked for once a second", async () => {
  loader.want("loss", QUERY);
  await tick();
  await server.letAnswer();
  for (let i = 0; i < 28; i++) {
    loader.moveTo(`version ${i}`);
    await tick(100);
    await server.letAnswer();
  }
  expect(server.asked.length).toBe(4);
});

test("a panel that comes back into sight has its lines at once and asks nothing", async () => {
  const wish = loader.want("loss", QUERY);
  await tick();
  await server.letAnswer();
  wish.release();
  await tick();
  const again = loader.want("loss", QUERY);
  await tick();
  expect([again.lines.value.tiles?.series.length, server.asked.length]).toEqual([2, 1]);
});

test("an error is told, the lines of before stay, and newer data is asked for again", async () => {
  const wish = loader.want("loss", QUERY);
  await tick();
  await server.letAnswer();
  const broken = new TileLoader(() => Promise.reject(new Error("no such project")));
  const unlucky = broken.want("loss", QUERY);
  await tick(5);
  expect([wish.lines.value.error, unlucky.lines.value.error?.message, unlucky.lines.value.isLoading]).toEqual([
    null, "no such project", false,
  ]);
  broken.close();
});

test("a server that cannot be reached is asked again until it answers", async () => {
  let isThere = false;
  const unreachable = Object.assign(new Error("The server does not answer."), { isConnection: true });
  const patient = new TileLoader((query, ask) => (isThere ? server.fetch(query, ask) : Promise.reject(unreachable)));
  const wish = patient.want("loss", QUERY);
  await tick(1500);
  expect([wish.lines.value.error, wish.lines.value.isLoading]).toEqual([null, true]);
  await tick(3000);
  expect(wish.lines.value.error?.message).toBe("The server does not answer.");
  isThere = true;
  await tick(10_000);
  await server.letAnswer();
  expect([wish.lines.value.error, wish.lines.value.tiles?.run_count]).toEqual([null, 2]);
  patient.close();
});
