/** Some columns of all runs that the panels are of. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { fetchColumns, fetchColumnList } from "../wire/asks";
import { isAborted } from "../wire/http";
import type { Json } from "../wire/json";
import type { PanelsSource } from "./panels_source";

export type RunColumnsState = {
  readonly runIds: readonly string[];
  readonly columns: Readonly<Record<string, readonly Json[]>>;
  readonly isLoading: boolean;
  readonly error: Error | null;
};

const PAGE_RUNS = 2000;
/** Columns of live runs are asked for again no more often than this. */
const AGAIN_MS = 5000;

export class RunColumns {
  readonly state = signal<RunColumnsState>({ runIds: [], columns: {}, isLoading: true, error: null });
  private readonly ends: (() => void)[] = [];
  private request: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private askedAtMs = -Infinity;
  private asked = "";

  /** `names` null: all of the config, and these besides. */
  constructor(
    private readonly panels: PanelsSource,
    private readonly names: readonly string[],
    private readonly hasConfig = false,
  ) {}

  start(): void {
    const source = this.panels;
    const question = computed(() => JSON.stringify([source.runIds.value, source.filters.value, [...source.hiddenRuns.value]]));
    this.ends.push(
      effect(() => {
        void source.version.value;
        const isOther = question.value !== this.asked;
        this.asked = question.value;
        this.plan(isOther ? 0 : Math.max(0, this.askedAtMs + AGAIN_MS - Date.now()));
      }),
    );
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.request?.abort();
  }

  private plan(delayMs: number): void {
    if (this.timer !== null && delayMs > 0) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.load();
    }, delayMs);
  }

  private async load(): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.askedAtMs = Date.now();
    this.state.value = { ...this.state.peek(), isLoading: true };
    try {
      const loaded = await this.loadPages(request.signal);
      if (!request.signal.aborted) this.state.value = { ...loaded, isLoading: false, error: null };
    } catch (error) {
      if (isAborted(error)) return;
      this.state.value = { ...this.state.peek(), isLoading: false, error: error as Error };
    }
  }

  private async loadPages(signal: AbortSignal): Promise<Pick<RunColumnsState, "runIds" | "columns">> {
    const source = this.panels;
    const path = { entity: source.entity, project: source.project };
    const names = this.hasConfig ? [...this.names, ...(await configColumns(path, signal))] : this.names;
    const hidden = source.hiddenRuns.peek();
    const runIds: string[] = [];
    const columns: Record<string, Json[]> = Object.fromEntries(names.map((name) => [name, []]));
    for (let offset = 0; ; offset += PAGE_RUNS) {
      const query = { columns: names, filters: source.filters.peek(), run_ids: source.runIds.peek(), offset, limit: PAGE_RUNS };
      const page = await fetchColumns(path, query, { signal });
      page.run_ids.forEach((id, i) => {
        if (hidden.has(id)) return;
        runIds.push(id);
        for (const name of names) columns[name]!.push(page.columns[name]?.[i] ?? null);
      });
      if (page.run_ids.length === 0 || offset + page.run_ids.length >= page.total_count) return { runIds, columns };
    }
  }
}

/** A config of more columns than this is looked at in part: its first ones by name. */
const CONFIG_COLUMNS = 200;

async function configColumns(path: { entity: string; project: string }, signal: AbortSignal): Promise<readonly string[]> {
  const { columns } = await fetchColumnList(path, { signal });
  const names = columns.filter(({ name, kind }) => name.startsWith("config.") && kind !== "object" && kind !== "null");
  return names.slice(0, CONFIG_COLUMNS).map(({ name }) => name);
}

/** The names of all columns, once they are asked for. */
export function columnNames(source: PanelsSource): ReadonlySignal<readonly string[]> {
  const names = signal<readonly string[]>([]);
  const { entity, project } = source;
  fetchColumnList({ entity, project }).then(
    ({ columns }) => (names.value = columns.map(({ name }) => name)),
    () => {
      // Names can be typed without being offered; what cannot be asked for is told when the panel asks.
    },
  );
  return names;
}
