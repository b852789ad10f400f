import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PAGE_RUNS, RunPages } from "../src/state/run_pages";

/** A server that has runs r0, r1, … whose loss is their number plus `drift`, and that notes what it is asked. */
type Asked = { readonly offset?: number; readonly limit?: number; readonly order?: string[]; readonly run_ids?: string[]; readonly version?: string | null };

let server: Server;
let asked: Asked[] = [];
let runCount = 0;
let drift = 0;
let isRefusing = false;
/** Answers are made when they are asked for, and sent when this is done. */
let held: Promise<void> = Promise.resolve();
const fetchOfNode = globalThis.fetch;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      const query = JSON.parse(body) as Asked;
      asked.push(query);
      const all = Array.from({ length: runCount }, (_, i) => `r${i}`);
      const ordered = query.order?.[0] === "-number" ? all.reverse() : all;
      const from = query.offset ?? 0;
      const ids = query.run_ids ?? ordered.slice(from, from + (query.limit ?? runCount));
      const columns = { name: ids, loss: ids.map((id) => Number(id.slice(1)) + drift) };
      const status = isRefusing ? 400 : 200;
      const answer = isRefusing
        ? JSON.stringify({ error: { type: "FilterError", message: "there is no field 'x'" } })
        : JSON.stringify({ version: "7", total_count: runCount, run_ids: ids, columns, groups: null, facets: null });
      void held.then(() => response.writeHead(status).end(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  // A browser takes an address from where the page is; here the page is at the server's root.
  globalThis.fetch = (address, request) => fetchOfNode(new URL(String(address), `http://127.0.0.1:${port}/`), request);
});

afterAll(() => {
  globalThis.fetch = fetchOfNode;
  server.close();
});

beforeEach(() => {
  [asked, runCount, drift, isRefusing, held] = [[], 1_000, 0, false, Promise.resolve()];
});

const QUESTION = { filters: null, order: ["-created_at"], columns: ["name", "loss"] };

async function settled(pages: RunPages, isSo: () => boolean): Promise<void> {
  const before = Date.now();
  while (!isSo()) {
    if (Date.now() - before > 10_000) {
      throw new Error(`nothing came: ${JSON.stringify(asked)} ${pages.error.peek()?.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function filled(): Promise<RunPages> {
  const pages = new RunPages({ entity: "ada", project: "p" });
  pages.ask(QUESTION);
  pages.want(0, 40);
  await settled(pages, () => pages.row(0) !== null);
  return pages;
}

test("only the pages in sight are asked for, those behind the first as they were in its state", async () => {
  const pages = await filled();
  pages.want(390, 430);
  await settled(pages, () => pages.row(430) !== null && pages.row(390) !== null);
  const inOrder = asked.toSorted((one, other) => (one.offset ?? 0) - (other.offset ?? 0)); // those in sight go side by side
  expect(inOrder.map(({ offset, limit, version }) => [offset, limit, version])).toEqual([
    [0, PAGE_RUNS, null],
    [200, PAGE_RUNS, "7"],
    [400, PAGE_RUNS, "7"],
  ]);
  expect([pages.totalCount.peek(), pages.row(400)?.runId, pages.row(400)?.value("loss"), pages.row(999)]).toEqual([1_000, "r400", 400, null]);
});

test("the old answer stays in sight until there is a new one", async () => {
  const pages = await filled();
  pages.ask({ ...QUESTION, order: ["-number"] });
  expect([pages.row(0)?.runId, pages.isAsking.peek()]).toEqual(["r0", true]);
  await settled(pages, () => !pages.isAsking.peek());
  expect(pages.row(0)?.runId).toBe("r999");
});

test("with other columns the same runs stay where they are, and none that began since comes among them", async () => {
  const pages = await filled();
  [asked, runCount, drift] = [[], 1_001, 0.5];
  expect(pages.ask({ ...QUESTION, columns: ["name", "loss", "lr"] })).toBe(true);
  await settled(pages, () => !pages.isAsking.peek());
  expect([asked.length, asked[0]?.run_ids?.length, pages.totalCount.peek()]).toEqual([1, PAGE_RUNS, 1_000]);
  expect([pages.row(7)?.runId, pages.row(7)?.value("loss")]).toEqual(["r7", 7.5]);
  expect(pages.ask({ ...QUESTION, columns: ["name", "loss", "lr"] })).toBe(false);
  await settled(pages, () => !pages.isAsking.peek());
  expect(pages.totalCount.peek()).toBe(1_001);
});

test("a question that was overtaken by another has no answer", async () => {
  const pages = await filled();
  pages.ask({ ...QUESTION, order: ["-number"] });
  pages.ask(QUESTION);
  await settled(pages, () => !pages.isAsking.peek());
  expect(pages.row(0)?.runId).toBe("r0");
});

test("values are asked again where they stand, of runs that changed and are in sight", async () => {
  const pages = await filled();
  const untouched = pages.row(5);
  asked = [];
  [drift, runCount] = [0.5, 2_000];
  await pages.refresh(["r3", "r150", "r700"]);
  expect(asked.map(({ run_ids }) => run_ids)).toEqual([["r3"]]);
  expect([pages.row(3)?.value("loss"), pages.row(4)?.value("loss"), pages.totalCount.peek()]).toEqual([3.5, 4, 1_000]);
  expect(untouched?.value("loss")).toBe(5);
});

test("values that moved while an answer was on its way are asked again behind it", async () => {
  const pages = new RunPages({ entity: "ada", project: "p" });
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  pages.ask(QUESTION);
  pages.want(0, 40);
  await settled(pages, () => asked.length === 1);
  drift = 0.5;
  const refreshed = pages.refresh(["r3"]);
  resolve();
  await refreshed;
  expect([pages.row(3)?.value("loss"), pages.row(4)?.value("loss")]).toEqual([3.5, 4]);
});

test("values that moved while they were asked again are asked once more", async () => {
  const pages = await filled();
  asked = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  drift = 0.5;
  const refreshed = pages.refresh(["r3"]);
  await settled(pages, () => asked.length === 1);
  drift = 0.7;
  await pages.refresh(["r4"]);
  await pages.refresh(["r3"]);
  resolve();
  await refreshed;
  expect(asked.map(({ run_ids }) => run_ids)).toEqual([["r3"], ["r3", "r4"]]);
  expect([pages.row(3)?.value("loss"), pages.row(4)?.value("loss")]).toEqual([3.7, 4.7]);
});

test("a value can be another before the server has said so", async () => {
  const pages = await filled();
  pages.set(["r2"], "name", "better name");
  expect([pages.row(2)?.value("name"), pages.row(1)?.value("name")]).toEqual(["better name", "r1"]);
});

test("what the server refuses is told, and the next question is asked all the same", async () => {
  const pages = await filled();
  isRefusing = true;
  pages.ask({ ...QUESTION, order: ["-number"] });
  await settled(pages, () => pages.error.peek() !== null);
  expect([pages.error.peek()?.message, pages.row(0)?.runId, pages.isAsking.peek()]).toEqual(["there is no field 'x'", "r0", false]);
  isRefusing = false;
  pages.ask(QUESTION);
  await settled(pages, () => pages.error.peek() === null);
});

test("a project without runs is known to have none", async () => {
  runCount = 0;
  const pages = new RunPages({ entity: "ada", project: "p" });
  pages.ask(QUESTION);
  await settled(pages, () => pages.totalCount.peek() !== null);
  expect([pages.totalCount.peek(), pages.row(0)]).toEqual([0, null]);
});
