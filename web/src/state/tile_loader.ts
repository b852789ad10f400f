/**
 * The lines of all panels in sight: asked for together, again only of runs that changed, and not at all for panels
 * that scrolled away before the answer came.
 */

import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Tiles, TileSeries, TilesQuery } from "../wire/tiles";
import { expectDrawing } from "./charts_first";
import { soon } from "./soon";

/** What all keys of a request have in common. */
export type LinesQuery = Omit<TilesQuery, "keys" | "known">;

/** The lines of one key. */
export type KeyTiles = Omit<Tiles, "series" | "columns"> & { readonly series: readonly TileSeries[] };

/** How the lines of a panel do: what there is may be of before, while newer ones are on their way. */
export type Lines = {
  readonly tiles: KeyTiles | null;
  readonly isLoading: boolean;
  readonly error: Error | null;
};

export type FetchTiles = (query: TilesQuery, ask: { signal: AbortSignal }) => Promise<Tiles>;

/** Somebody who wants the lines of a key. */
export type Wish = { readonly lines: ReadonlySignal<Lines>; release(): void };

/**
 * So many lines are asked for at once, where that is more than one key: opening the files of a run costs more than
 * another key of it. Of more, the first panels are drawn while the others are on their way.
 */
const LINES_A_REQUEST = 1_500;
/** What the server answers in one request. */
const MOST_KEYS = 32;
const KEYS_AT_FIRST = 4;
/** Answers that nobody looks at are kept up to this size, for the way back. */
const KEPT_BYTES = 64 * 2 ** 20;
/** Live runs: what is in sight is asked for again no more often than this. */
const REFRESH_MS = 1000;
/** A server that is busy or away is asked again; it is told when that went on for so long. */
const TOLD_AFTER_FAILURES = 2;
const RETRY_MS: readonly number[] = [1000, 2000, 5000, 10_000, 30_000];

type Entry = {
  readonly key: string;
  readonly queryName: string;
  readonly query: LinesQuery;
  readonly lines: Signal<Lines>;
  wishCount: number;
  /** The version of the data that was asked for last; null: never, or in vain. */
  askedVersion: string | null;
  request: AbortController | null;
  byteCount: number;
};

export class TileLoader {
  private readonly entries = new Map<string, Entry>();
  private isPlanned = false;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private moveTimer: ReturnType<typeof setTimeout> | null = null;
  private movedAtMs = -Infinity;
  private version = "";
  private nextVersion = "";
  private failureCount = 0;

  /** `runCountOf` says of how many runs the lines of a key may be. */
  constructor(
    private readonly fetchTiles: FetchTiles,
    private readonly runCountOf: (key: string) => number = () => 1,
  ) {}

  /** Want the lines of a key until released. */
  want(key: string, query: LinesQuery): Wish {
    const entry = this.entryOf(key, query);
    entry.wishCount++;
    this.plan();
    let isReleased = false;
    return {
      lines: entry.lines,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        entry.wishCount--;
        if (entry.wishCount === 0) this.plan();
      },
    };
  }

  /** The data moved: what is in sight is asked for again, at most once in a while. */
  moveTo(version: string): void {
    this.nextVersion = version;
    if (version === this.version || this.moveTimer !== null) return;
    const delayMs = Math.max(0, this.movedAtMs + REFRESH_MS - Date.now());
    this.moveTimer = setTimeout(() => {
      this.moveTimer = null;
      this.movedAtMs = Date.now();
      this.version = this.nextVersion;
      this.plan();
    }, delayMs);
  }

  /** Ask again for what could not be had. */
  retry(): void {
    for (const entry of this.entries.values()) {
      const { error, isLoading } = entry.lines.peek();
      if (error !== null || (isLoading && entry.request === null)) entry.askedVersion = null;
    }
    this.plan();
  }

  /** Stop all requests. */
  close(): void {
    if (this.moveTimer !== null) clearTimeout(this.moveTimer);
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    for (const entry of this.entries.values()) {
      entry.wishCount = 0;
      entry.request?.abort();
    }
    this.entries.clear();
  }

  private entryOf(key: string, query: LinesQuery): Entry {
    const queryName = JSON.stringify(query);
    const name = `${queryName}\n${key}`;
    let entry = this.entries.get(name);
    if (entry === undefined) {
      const lines = signal<Lines>({ tiles: null, isLoading: true, error: null });
      entry = { key, queryName, query, lines, wishCount: 0, askedVersion: null, request: null, byteCount: 0 };
    }
    // Put behind the others: the first one is the one that was not wanted for longest.
    this.entries.delete(name);
    this.entries.set(name, entry);
    return entry;
  }

  /** Ask soon: panels that come into sight together are asked for together. */
  private plan(): void {
    if (this.isPlanned) return;
    this.isPlanned = true;
    soon(() => {
      this.isPlanned = false;
      this.abandon();
      this.ask();
      this.forget();
    });
  }

  /** End the requests nobody waits for. */
  private abandon(): void {
    const wanted = new Set<AbortController>();
    for (const entry of this.entries.values()) {
      if (entry.wishCount > 0 && entry.request !== null) wanted.add(entry.request);
    }
    for (const entry of this.entries.values()) {
      if (entry.request === null || wanted.has(entry.request)) continue;
      entry.request.abort();
      entry.request = null;
      entry.askedVersion = null;
    }
  }

  private ask(): void {
    const batches = new Map<string, Entry[]>();
    for (const entry of this.entries.values()) {
      if (entry.wishCount === 0 || entry.request !== null || entry.askedVersion === this.version) continue;
      const known = knownOf(entry);
      const name = `${entry.queryName}\n${known === null ? "" : JSON.stringify(known)}`;
      const batch = batches.get(name);
      if (batch === undefined) batches.set(name, [entry]);
      else batch.push(entry);
    }
    for (const batch of batches.values()) {
      const runCount = Math.max(1, ...batch.map(({ key }) => this.runCountOf(key)));
      const keyCount = Math.min(MOST_KEYS, Math.max(KEYS_AT_FIRST, Math.floor(LINES_A_REQUEST / runCount)));
      const isFirst = batch[0]!.lines.peek().tiles === null && batch.length > keyCount;
      if (isFirst) void this.request(batch.splice(0, KEYS_AT_FIRST));
      for (let i = 0; i < batch.length; i += keyCount) void this.request(batch.slice(i, i + keyCount));
    }
  }

  private async request(batch: readonly Entry[]): Promise<void> {
    const controller = new AbortController();
    const first = batch[0]!;
    const version = this.version;
    if (batch.some(({ lines }) => lines.peek().tiles === null)) expectDrawing();
    for (const entry of batch) {
      entry.request = controller;
      entry.askedVersion = version;
      entry.lines.value = { ...entry.lines.peek(), isLoading: true };
    }
    const query: TilesQuery = { ...first.query, keys: batch.map(({ key }) => key), known: knownOf(first) };
    try {
      const tiles = await this.fetchTiles(query, { signal: controller.signal });
      this.failureCount = 0;
      for (const entry of batch) if (entry.request === controller) this.take(entry, tiles);
    } catch (error) {
      if (controller.signal.aborted) return;
      this.fail(batch.filter((entry) => entry.request === controller), error as Error);
    }
    this.plan();
  }

  private take(entry: Entry, tiles: Tiles): void {
    const before = entry.lines.peek().tiles;
    const mine = tilesOfKey(tiles, entry.key, before);
    entry.request = null;
    entry.byteCount = bytesOf(mine);
    entry.lines.value = { tiles: mine, isLoading: false, error: null };
  }

  private fail(batch: readonly Entry[], error: Error): void {
    const { isConnection = false, retryAfterS = null } = error as { isConnection?: boolean; retryAfterS?: number | null };
    const isPassing = isConnection || retryAfterS !== null;
    const isTold = !isPassing || this.failureCount >= TOLD_AFTER_FAILURES;
    for (const entry of batch) {
      entry.request = null;
      entry.lines.value = { ...entry.lines.peek(), isLoading: isPassing, error: isTold ? error : null };
    }
    if (!isPassing) return;
    const delayMs = Math.max(RETRY_MS[Math.min(this.failureCount++, RETRY_MS.length - 1)]!, (retryAfterS ?? 0) * 1000);
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = null;
      this.retry();
    }, delayMs);
  }

  /** Drop the oldest answers that nobody looks at, beyond what is kept. */
  private forget(): void {
    let byteCount = 0;
    for (const entry of this.entries.values()) byteCount += entry.byteCount;
    for (const [name, entry] of this.entries) {
      if (entry.wishCount > 0) continue;
      if (byteCount <= KEPT_BYTES && entry.lines.peek().tiles !== null) continue;
      byteCount -= entry.byteCount;
      this.entries.delete(name);
    }
  }
}

/** The versions of the runs whose lines need not come again; null: all must. */
function knownOf(entry: Entry): Readonly<Record<string, string>> | null {
  const { tiles } = entry.lines.peek();
  return tiles === null || Object.keys(tiles.versions).length === 0 ? null : tiles.versions;
}

const nameOf = ({ run, group }: TileSeries): string => run ?? JSON.stringify(group);

/**
 * What of an answer is of a key, with the lines of before where they did not change. An unchanged run without a line of
 * before has none.
 */
export function tilesOfKey(tiles: Tiles, key: string, before: KeyTiles | null): KeyTiles {
  const old = new Map(before?.series.map((series) => [nameOf(series), series]));
  const series: TileSeries[] = [];
  for (const one of tiles.series) {
    if (one.key !== key) continue;
    const kept = one.is_unchanged ? old.get(nameOf(one)) : one;
    if (kept !== undefined) series.push(kept);
  }
  const { window, run_count, versions, left_out } = tiles;
  const mine = { window, run_count, versions, left_out, series };
  return before !== null && isSame(mine, before) ? before : mine;
}

/** Whether there is nothing in one that is not in the other: the same arrays, and all else by what it says. */
function isSame(one: KeyTiles, other: KeyTiles): boolean {
  const said = ({ window, run_count, versions, left_out }: KeyTiles): string => JSON.stringify([window, run_count, versions, left_out]);
  const isSeries = one.series.length === other.series.length && one.series.every((series, i) => series === other.series[i]);
  return isSeries && said(one) === said(other);
}

function bytesOf(tiles: KeyTiles): number {
  let count = 0;
  for (const { line, raw, band, marks } of tiles.series) {
    count += 2 * line.x.length + 2 * (raw?.x.length ?? 0) + 3 * (band?.x.length ?? 0) + 2 * marks.x.length;
  }
  return 8 * count;
}
