/** What the panels of one project know together: which keys there are, whose lines are wanted, where the pointer is. */

import { batch, computed, effect, signal, type Signal } from "@preact/signals";
import { isAborted, type Ask } from "../wire/http";
import type { JsonObject } from "../wire/json";
import { fetchProjectKeys, fetchRunKeys, type ProjectKey } from "../wire/keys";
import { fetchTiles } from "../wire/tiles";
import { followTheme, showTogether } from "./colours";
import {
  foundKeys, sectionsOf, settingsOf, sharesZoom, streamOf, withZoom, zoomOf, type ChartSettings, type PanelsState, type Window,
} from "./panels";
import { LastValues } from "./last_values";
import type { PanelsSource } from "./panels_source";
import { TileLoader, type KeyTiles, type LinesQuery } from "./tile_loader";

/** A place on the axis `x`, as a pointer or a key chose it in the panel of `key`. */
export type PointedAt = { readonly x: string; readonly value: number; readonly key: string };

export type KeyList = {
  readonly keys: readonly ProjectKey[];
  readonly isLoading: boolean;
  readonly error: Error | null;
};

/** How often a project with live runs is asked whether it has other keys. */
const KEYS_AGAIN_MS = 10_000;

export class PanelsModel {
  /** The keys that are listed; others that came since wait in `newKeys`, so that no panel moves by itself. */
  readonly keyList: Signal<KeyList> = signal({ keys: [], isLoading: true, error: null });
  readonly newKeys = signal<readonly ProjectKey[] | null>(null);
  readonly pointedAt = signal<PointedAt | null>(null);
  /** A zoom that a hand is still moving; what it ends at is kept in the settings. */
  private readonly movingZoom = signal<{ readonly key: string; readonly window: Window } | null>(null);
  readonly loader = new TileLoader(
    (query, ask) => fetchTiles(this.source.entity, this.source.project, query, ask),
    (key) => this.likelyRunCount(key),
  );
  readonly lastValues: LastValues;
  readonly numberKeys = computed(() => this.keyList.value.keys.filter(({ kind }) => kind === "number").map(({ key }) => key));
  private readonly runCounts = computed(() => new Map(this.keyList.value.keys.map(({ key, run_count }) => [key, run_count])));
  private readonly loweredKeys = computed(() => this.numberKeys.value.map((key) => key.toLowerCase()));
  readonly search = computed(() => this.source.settings.value.search ?? "");
  /** The keys that the search finds; null when it cannot be read. */
  readonly found = computed(() => foundKeys(this.numberKeys.value, this.search.value, this.loweredKeys.value));
  readonly sections = computed(() => sectionsOf(this.found.value ?? [], this.source.settings.value));

  private readonly ends: (() => void)[] = [];
  private keysRequest: AbortController | null = null;
  private keysAskedAtMs = 0;
  private keysTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly source: PanelsSource) {
    this.lastValues = new LastValues(source);
  }

  /** Begin to load and to follow; `stop` ends it. */
  start(): void {
    this.ends.push(followTheme());
    const stream = computed(() => streamOf(this.source.settings.value));
    // Of one run other keys are listed than of several.
    const loneRun = computed(() => (this.source.runIds.value?.length === 1 ? this.source.runIds.value[0] : null));
    this.ends.push(effect(() => void (loneRun.value, this.loadKeys(stream.value))));
    this.ends.push(this.followData());
    this.ends.push(effect(() => this.showGiven()));
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
    if (this.keysTimer !== null) clearTimeout(this.keysTimer);
    this.keysTimer = null;
    this.keysRequest?.abort();
    this.loader.close();
    this.lastValues.stop();
  }

  /** Change what is shown. */
  change(edit: (state: PanelsState) => PanelsState): void {
    this.source.settings.value = edit(this.source.settings.peek());
  }

  settingsOf(key: string): ChartSettings {
    return settingsOf(this.source.settings.value, key);
  }

  /** What part of x the panel of a key shows; null: all. */
  shownZoom(key: string): Window | null {
    const moving = this.movingZoom.value;
    const state = this.source.settings.value;
    return moving !== null && sharesZoom(state, moving.key, key) ? moving.window : zoomOf(state, key);
  }

  /** Move the zoom of a panel and of those that share it, for as long as a hand does. */
  moveZoom(key: string, window: Window): void {
    this.movingZoom.value = { key, window };
  }

  endMove(): void {
    const moving = this.movingZoom.peek();
    if (moving === null) return;
    batch(() => {
      this.movingZoom.value = null;
      this.change((state) => withZoom(state, moving.key, moving.window));
    });
  }

  /** List the keys that came since. */
  takeNewKeys(): void {
    const keys = this.newKeys.peek();
    if (keys !== null) this.keyList.value = { keys, isLoading: false, error: null };
    this.newKeys.value = null;
  }

  reloadKeys(): void {
    void this.loadKeys(streamOf(this.source.settings.peek()));
  }

  /** What to ask for the lines of a key. */
  queryOf(key: string, columns: number, window: Window | null): LinesQuery {
    const settings = settingsOf(this.source.settings.value, key);
    const groupBy = this.source.groupBy.value;
    const isGrouped = groupBy.length > 0;
    return {
      ...(isGrouped ? this.runsWithoutHidden() : { runs: this.source.runIds.value, filters: this.source.filters.value }),
      order: ["-created_at"],
      limit: null,
      stream: streamOf(this.source.settings.value),
      x: settings.x,
      window,
      columns,
      x_scale: settings.xScale,
      smoothing: settings.smoothing,
      group_by: isGrouped ? groupBy : null,
      aggregate: isGrouped ? settings.aggregate : null,
      is_exact: window !== null,
    };
  }

  /** Load what is new as data moves; while nobody looks, not at all. */
  private followData(): () => void {
    const look = (): void => {
      const version = this.source.version.value;
      if (document.hidden) return;
      this.loader.moveTo(version);
      this.askKeysAgain();
    };
    const end = effect(look);
    document.addEventListener("visibilitychange", look);
    return () => {
      end();
      document.removeEventListener("visibilitychange", look);
    };
  }

  /** How many runs the panel of a key has at most: those that were chosen, and in the project have it; 1: not known. */
  likelyRunCount(key: string): number {
    const chosenCount = this.source.runIds.value?.length ?? Infinity;
    const runCount = Math.min(chosenCount, this.runCounts.value.get(key) ?? Infinity);
    return Number.isFinite(runCount) ? runCount : 1;
  }

  /** These lines are shown side by side now. */
  noteLines(tiles: KeyTiles): void {
    const isGrouped = this.source.groupBy.peek().length > 0;
    if (isGrouped) showTogether(tiles.series.map((series) => lineIdOf(series)));
    else if (this.source.runIds.peek() === null) this.show(Object.keys(tiles.versions));
  }

  private showGiven(): void {
    const runIds = this.source.runIds.value;
    if (runIds !== null && this.source.groupBy.value.length === 0) this.show(runIds);
  }

  private show(runIds: readonly string[]): void {
    const hidden = this.source.hiddenRuns.value;
    showTogether(hidden.size === 0 ? runIds : runIds.filter((id) => !hidden.has(id)));
  }

  /** A group is made of the runs that are not hidden. */
  private runsWithoutHidden(): { runs: readonly string[] | null; filters: JsonObject | null } {
    const hidden = new Set([...this.source.hiddenRuns.value].filter((id) => !isGroup(id)));
    const runs = this.source.runIds.value;
    const filters = this.source.filters.value;
    if (hidden.size === 0) return { runs, filters };
    if (runs !== null) return { runs: runs.filter((id) => !hidden.has(id)), filters };
    const isShown = { run_id: { $nin: [...hidden].sort() } };
    return { runs, filters: filters === null ? isShown : { $and: [filters, isShown] } };
  }

  private async loadKeys(stream: "history" | "events"): Promise<void> {
    this.keysRequest?.abort();
    const request = new AbortController();
    this.keysRequest = request;
    this.keysAskedAtMs = Date.now();
    this.newKeys.value = null;
    this.keyList.value = { ...this.keyList.peek(), isLoading: true };
    try {
      const keys = await this.fetchKeys(stream, { signal: request.signal });
      if (!request.signal.aborted) this.keyList.value = { keys, isLoading: false, error: null };
    } catch (error) {
      if (isAborted(error)) return;
      this.keyList.value = { ...this.keyList.peek(), isLoading: false, error: error as Error };
    }
  }

  /** The keys of the project; of one run alone only those it has. */
  private async fetchKeys(stream: "history" | "events", ask: Ask): Promise<readonly ProjectKey[]> {
    const { entity, project } = this.source;
    const [runId, ...others] = this.source.runIds.peek() ?? [];
    const all = fetchProjectKeys(entity, project, stream, ask);
    if (runId === undefined || others.length > 0) return all;
    const [keys, ownKeys] = await Promise.all([all, fetchRunKeys({ entity, project, runId }, stream, ask)]);
    const own = new Set(ownKeys);
    return keys.filter(({ key }) => own.has(key));
  }

  private askKeysAgain(): void {
    if (this.keysTimer !== null) return;
    const delayMs = Math.max(0, this.keysAskedAtMs + KEYS_AGAIN_MS - Date.now());
    this.keysTimer = setTimeout(() => {
      this.keysTimer = null;
      void this.lookForKeys();
    }, delayMs);
  }

  private async lookForKeys(): Promise<void> {
    if (this.keyList.peek().isLoading) {
      this.keysAskedAtMs = Date.now(); // the answer may be of before
      this.askKeysAgain();
      return;
    }
    this.keysAskedAtMs = Date.now();
    const { settings } = this.source;
    const stream = streamOf(settings.peek());
    try {
      const keys = await this.fetchKeys(stream, {});
      if (stream !== streamOf(settings.peek())) return;
      const listed = new Set(this.keyList.peek().keys.map(({ key }) => key));
      const isNew = keys.some(({ key, kind }) => kind === "number" && !listed.has(key));
      const wasLost = this.keyList.peek().error !== null;
      if (listed.size === 0 || wasLost) this.keyList.value = { keys, isLoading: false, error: null };
      else this.newKeys.value = isNew ? keys : null;
    } catch {
      // It is asked for again when data moves next; a lost connection is shown by the page.
    }
  }
}

/** What names a line: its run, or the values of its group. */
export function lineIdOf(series: { readonly run: string | null; readonly group: Readonly<Record<string, unknown>> | null }): string {
  return series.run ?? JSON.stringify(series.group);
}

/** True if `lineIdOf` names a group: no id of a run begins so. */
function isGroup(lineId: string): boolean {
  return lineId.startsWith("{");
}

/** The values of a group, as they are read: `lr = 0.1, optimizer = sgd`. */
export function groupName(group: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(group).map(([name, value]) => {
    const text = typeof value === "string" ? value : value === null || value === undefined ? "not set" : JSON.stringify(value);
    return `${name.replace(/^(config|summary)\./, "")} = ${text}`;
  });
  return parts.length === 0 ? "all runs" : parts.join(", ");
}
