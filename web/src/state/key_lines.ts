/** The lines of one panel: of all of x, and of the part that is zoomed into, as soon as that is there. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { drawnLines, withCoarse, type DrawnLine } from "./chart_lines";
import { settingsOf, zoomOf, type ChartSettings } from "./panels";
import type { PanelsModel } from "./panels_model";
import type { KeyTiles, Lines, Wish } from "./tile_loader";

/** What is drawn: another object only where there is something else to draw. */
export type KeyDrawing = {
  readonly lines: readonly DrawnLine[];
  /** What the lines are of; null: nothing came yet. */
  readonly tiles: KeyTiles | null;
  readonly settings: ChartSettings;
  /** Names what a person chose, but for the zoom; while it is the same, only data changed. */
  readonly name: string;
};

export type KeyPicture = KeyDrawing & { readonly isLoading: boolean; readonly error: Error | null };

const NOTHING: Lines = { tiles: null, isLoading: true, error: null };

/** Columns are asked for in steps of so many, so that panels of nearly the same width share a request. */
const COLUMN_STEP = 50;
/** So much of a chart's width at least is beside its plot. */
const BESIDE_PX = 40;

/** Lines of so many columns in all are asked for; of more runs the lines are coarser, and exact again when zoomed into. */
const ALL_COLUMNS = 100_000;
const FEWEST_COLUMNS = 25;

/** How many columns the lines of a chart have: as many as its plot has pixels, or a few more; none before its width is known. */
export function columnCount(widthPx: number, runCount: number): number {
  if (widthPx === 0) return 0;
  const columns = Math.max(1, Math.ceil((widthPx - BESIDE_PX) / COLUMN_STEP)) * COLUMN_STEP;
  // In powers of two, so that panels of nearly as many runs share a request.
  const share = 2 ** Math.floor(Math.log2(ALL_COLUMNS / Math.max(1, runCount)));
  return Math.min(columns, Math.max(FEWEST_COLUMNS, share));
}

export class KeyLines {
  /** How wide the plot is, in pixels; nothing is asked for before it is known. */
  readonly widthPx = signal(0);
  readonly settings: ReadonlySignal<ChartSettings>;
  readonly drawing: ReadonlySignal<KeyDrawing>;
  /** The drawing, and whether another one is on its way. */
  readonly picture: ReadonlySignal<KeyPicture>;
  private readonly all = signal<Wish | null>(null);
  private readonly part = signal<Wish | null>(null);
  private readonly ends: (() => void)[] = [];
  private readonly allTiles = computed(() => this.all.value?.lines.value.tiles ?? null);
  private readonly partTiles = computed(() => this.part.value?.lines.value.tiles ?? null);
  private before: KeyDrawing | null = null;

  constructor(
    private readonly model: PanelsModel,
    private readonly key: string,
  ) {
    const text = computed(() => JSON.stringify(settingsOf(model.source.settings.value, key)));
    this.settings = computed(() => JSON.parse(text.value) as ChartSettings);
    this.drawing = computed(() => this.makeDrawing());
    this.picture = computed(() => {
      const all = this.all.value?.lines.value ?? NOTHING;
      const part = this.part.value?.lines.value ?? null;
      const isLoading = all.isLoading || (part?.isLoading ?? false);
      return { ...this.drawing.value, isLoading, error: all.error ?? part?.error ?? null };
    });
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

  private makeDrawing(): KeyDrawing {
    const { source } = this.model;
    const hidden = source.hiddenRuns.value;
    const names = source.runNames.value;
    const settings = this.settings.value;
    const [all, part] = [this.allTiles.value, this.partTiles.value];
    if (all === null) {
      // What was drawn last stays until the new lines are there.
      return this.before ?? { lines: [], tiles: null, settings, name: "" };
    }
    const coarse = drawnLines(all, hidden, names);
    const exact = part === null ? null : withCoarse(drawnLines(part, hidden, names), coarse);
    const chosen = [settings, source.runIds.value, source.filters.value, source.groupBy.value, [...hidden]];
    const name = JSON.stringify([...chosen, exact !== null]);
    this.before = { lines: exact ?? coarse, tiles: all, settings, name };
    return { ...this.before, tiles: part ?? all };
  }
}
