/** The lines of one panel: of all of x, and of the part that is zoomed into, as soon as that is there. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { drawnLines, withCoarse, type DrawnLine } from "./chart_lines";
import { settingsOf, zoomOf, type ChartSettings } from "./panels";
import type { PanelsModel } from "./panels_model";
import type { KeyTiles, Lines, Wish } from "./tile_loader";

export type KeyPicture = {
  readonly lines: readonly DrawnLine[];
  /** What the lines are of; null: nothing came yet. */
  readonly tiles: KeyTiles | null;
  readonly settings: ChartSettings;
  /** Names what a person chose, but for the zoom; while it is the same, only data changed. */
  readonly name: string;
  readonly isLoading: boolean;
  readonly error: Error | null;
};

const NOTHING: Lines = { tiles: null, isLoading: true, error: null };

/** Columns are asked for in steps of so many, so that panels of nearly the same width share a request. */
const COLUMN_STEP = 100;

/** Lines of so many columns in all are asked for; of more runs the lines are coarser, and exact again when zoomed into. */
const ALL_COLUMNS = 100_000;
const FEWEST_COLUMNS = 25;

/** How many columns the lines of a chart have. */
export function columnCount(widthPx: number, runCount: number): number {
  const columns = Math.ceil(widthPx / COLUMN_STEP) * COLUMN_STEP;
  // In powers of two, so that panels of nearly as many runs share a request.
  const share = 2 ** Math.floor(Math.log2(ALL_COLUMNS / Math.max(1, runCount)));
  return Math.min(columns, Math.max(FEWEST_COLUMNS, share));
}

export class KeyLines {
  /** How wide the plot is, in pixels; nothing is asked for before it is known. */
  readonly widthPx = signal(0);
  readonly settings: ReadonlySignal<ChartSettings>;
  readonly picture: ReadonlySignal<KeyPicture>;
  private readonly all = signal<Wish | null>(null);
  private readonly part = signal<Wish | null>(null);
  private readonly ends: (() => void)[] = [];
  private before: { lines: readonly DrawnLine[]; tiles: KeyTiles; settings: ChartSettings; name: string } | null = null;

  constructor(
    private readonly model: PanelsModel,
    private readonly key: string,
  ) {
    const text = computed(() => JSON.stringify(settingsOf(model.source.settings.value, key)));
    this.settings = computed(() => JSON.parse(text.value) as ChartSettings);
    this.picture = computed(() => this.makePicture());
  }

  start(): void {
    const columns = computed(() => columnCount(this.widthPx.value, this.model.likelyRunCount(this.key)));
    const zoom = computed(() => JSON.stringify(zoomOf(this.model.source.settings.value, this.key)));
    const wanted = (isPart: boolean) =>
      computed(() => {
        const window = isPart ? (JSON.parse(zoom.value) as [number, number] | null) : null;
        if (columns.value === 0 || (isPart && window === null)) return null;
        return JSON.stringify(this.model.queryOf(this.key, columns.value, window));
      });
    this.ends.push(this.follow(wanted(false), this.all), this.follow(wanted(true), this.part));
    this.ends.push(
      effect(() => {
        const tiles = this.all.value?.lines.value.tiles;
        if (tiles) this.model.noteLines(tiles);
      }),
    );
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
    this.all.value = null;
    this.part.value = null;
    this.before = null;
  }

  /** Want what a query asks for, as long as it is the query. */
  private follow(query: ReadonlySignal<string | null>, place: { value: Wish | null }): () => void {
    return effect(() => {
      if (query.value === null) {
        place.value = null;
        return;
      }
      const wish = this.model.loader.want(this.key, JSON.parse(query.value));
      place.value = wish;
      return () => wish.release();
    });
  }

  private makePicture(): KeyPicture {
    const { source } = this.model;
    const hidden = source.hiddenRuns.value;
    const names = source.runNames.value;
    const all = this.all.value?.lines.value ?? NOTHING;
    const part = this.part.value?.lines.value ?? null;
    const isLoading = all.isLoading || (part?.isLoading ?? false);
    const error = all.error ?? part?.error ?? null;
    const settings = this.settings.value;
    if (all.tiles === null) {
      // What was drawn last stays until the new lines are there.
      const { lines, tiles, settings: old, name } = this.before ?? { lines: [], tiles: null, settings, name: "" };
      return { lines, tiles, settings: old, name, isLoading, error };
    }
    const coarse = drawnLines(all.tiles, hidden, names);
    const exact = part?.tiles ? withCoarse(drawnLines(part.tiles, hidden, names), coarse) : null;
    const chosen = [settings, source.runIds.value, source.filters.value, source.groupBy.value, [...hidden]];
    const name = JSON.stringify([...chosen, exact !== null]);
    const tiles = part?.tiles ?? all.tiles;
    this.before = { lines: exact ?? coarse, tiles: all.tiles, settings, name };
    return { lines: exact ?? coarse, tiles, settings, name, isLoading, error };
  }
}
