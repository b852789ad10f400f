/**
 * Answers that lie in the document itself: a file that `runlake view` made asks no server.
 *
 * What the view needs is here: its runs in its order with their columns, its groups, its keys, and the lines of its
 * charts. All else is answered with a no that says so.
 */

import type { ColumnsPage, ColumnsQuery, RunGroup } from "./documents";
import { apiAddress, type Transport } from "./http";
import { readJson, writeJson, type Json, type JsonObject } from "./json";
import { joinTiles } from "./join_tiles";
import { plainName } from "./keys";
import type { TilesQuery } from "./tiles";

/** The document as `runlake view` writes it. */
export type Embedded = {
  readonly entity: string;
  readonly project: string;
  /** What stands behind the question mark of the view's address. */
  readonly query: string;
  readonly title: string;
  readonly made_at: number;
  readonly session: Json;
  readonly keys: { readonly stream: string; readonly page: Json };
  readonly columns: Json;
  readonly runs: { readonly filters: Json; readonly order: Json; readonly page: ColumnsPage };
  readonly group_by: Json;
  readonly groups: readonly RunGroup[] | null;
  /** The lines of each key, packed, as answers to a question without its keys and columns. */
  readonly tiles: readonly { readonly query: JsonObject; readonly answers: Readonly<Record<string, string>> }[];
};

class NotInFile extends Error {}

/** Answers every question out of `embedded`. */
export function embeddedTransport(embedded: Embedded): Transport {
  const { entity, project } = embedded;
  const ofProject = (...rest: readonly string[]): string => apiAddress("projects", entity, project, ...rest);
  const answers = new Map<string, (query: URLSearchParams, body: Json) => Json | Promise<ArrayBuffer>>([
    [`GET ${apiAddress("session")}`, () => embedded.session],
    [`GET ${ofProject("keys")}`, (query) => (query.get("stream") === embedded.keys.stream ? embedded.keys.page : notInFile("these keys"))],
    [`GET ${ofProject("runs", "columns")}`, () => embedded.columns],
    [`GET ${ofProject("views")}`, () => []],
    [`POST ${ofProject("runs", "columns")}`, (_, body) => columnsOf(embedded, body as unknown as ColumnsQuery)],
    [`POST ${ofProject("tiles")}`, (_, body) => tilesOf(embedded, body as unknown as TilesQuery)],
  ]);
  return async (address, request) => {
    const [path = "", query = ""] = address.split("?");
    try {
      const answer = answers.get(`${request.method} ${path}`) ?? (() => notInFile("this"));
      const said = answer(new URLSearchParams(query), request.body === undefined ? null : readJson(String(request.body)));
      return said instanceof Promise ? new Response(await said) : new Response(writeJson(said));
    } catch (error) {
      if (!(error instanceof NotInFile)) {
        throw error;
      }
      return new Response(JSON.stringify({ error: { type: "NotInFile", message: error.message } }), { status: 404 });
    }
  };
}

function notInFile(what: string): never {
  throw new NotInFile(`This file does not have ${what}: it has the runs and charts of one view, as they were when it was made.`);
}

function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return writeJson(sorted(readJson(writeJson(value ?? null))));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, part]) => [name, sorted(part as Json)]));
}

/** A part of the runs that are here: in the order that they have here, and of their columns. */
function columnsOf({ runs, groups, group_by }: Embedded, asked: ColumnsQuery): Json {
  const { page } = runs;
  if (asked.facets != null) {
    return notInFile("counts of values");
  }
  if (asked.group_by != null && !isSame(asked.group_by, group_by)) {
    return notInFile("these groups");
  }
  if (asked.limit !== 0 && asked.order !== undefined && asked.order.length > 0 && !isSame(asked.order, runs.order)) {
    return notInFile("its runs in another order");
  }
  const chosen = idsIn(asked.filters) ?? (isSame(asked.filters, runs.filters) ? null : notInFile("runs of another filter"));
  const wanted = [chosen, asked.run_ids ?? null].filter((ids) => ids !== null).map((ids) => new Set(ids));
  const places = page.run_ids.flatMap((runId, place) => (wanted.every((ids) => ids.has(runId)) ? [place] : []));
  const offset = asked.offset ?? 0;
  const shown = places.slice(offset, asked.limit == null ? undefined : offset + asked.limit);
  const plainNames = new Map(Object.keys(page.columns).map((name) => [plainName(name), name]));
  const columns: Record<string, readonly Json[]> = {};
  for (const name of asked.columns ?? []) {
    const values = page.columns[name] ?? page.columns[plainNames.get(plainName(name)) ?? ""] ?? notInFile(`the column ${name}`);
    columns[name] = shown.map((place) => values[place] ?? null);
  }
  return {
    version: page.version,
    total_count: places.length,
    run_ids: shown.map((place) => page.run_ids[place] ?? ""),
    columns,
    groups: asked.group_by == null ? null : (groups as unknown as Json),
    facets: null,
    problems: (page.problems ?? {}) as Json,
  };
}

/** The ids of a filter that names runs and nothing else, as that of those that are pinned. */
function idsIn(filters: object | null | undefined): readonly string[] | null {
  const found = (filters as { run_id?: { $in?: readonly string[] } } | null)?.run_id?.$in;
  return found !== undefined && isSame(filters, { run_id: { $in: found } }) ? found : null;
}

/** The lines of the keys; of a part of x that has none of its own, those of all of x. */
async function tilesOf({ tiles }: Embedded, asked: TilesQuery): Promise<ArrayBuffer> {
  const { keys, columns: _columns, known: _known, is_exact: _isExact, ...question } = asked;
  const found = tiles.find(({ query }) => isSame(query, question)) ?? tiles.find(({ query }) => isSame(query, { ...question, window: null }));
  const answers = found?.answers ?? notInFile("lines drawn like this");
  const parts = keys.map((key) => answers[key] ?? notInFile(`the lines of ${key}`));
  return joinTiles(await Promise.all(parts.map(unpacked)));
}

/** Bytes that are packed with gzip and written as base64. */
async function unpacked(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
