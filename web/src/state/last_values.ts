/** The last values of keys that were given to summaries and never logged as rows: all that are in sight, asked for together. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import type { PanelsSource } from "./panels_source";
import { RunColumns, type RunColumnsState } from "./run_columns";

/** Keys that come into sight within this time are one question. */
const GATHER_MS = 60;

const NOTHING: RunColumnsState = { runIds: [], columns: {}, isLoading: true, error: null };

/** The name of the column that has the last value of a key. */
export function lastValueColumn(key: string): string {
  return `summary.${key}`;
}

export class LastValues {
  /** What there is of the keys that were wanted; the columns of those wanted lately come with the next answer. */
  readonly state: ReadonlySignal<RunColumnsState>;
  private readonly wishes = new Map<string, number>();
  private readonly columns = signal<RunColumns | null>(null);
  private readonly kept = signal<RunColumnsState>(NOTHING);
  private timer: ReturnType<typeof setTimeout> | null = null;
  private asked: ReadonlySet<string> = new Set();
  private end: (() => void) | null = null;

  constructor(private readonly source: PanelsSource) {
    this.state = computed(() => {
      const now = this.columns.value?.state.value ?? NOTHING;
      return now.isLoading && now.runIds.length === 0 ? { ...this.kept.value, isLoading: true } : now;
    });
  }

  /** Want the last values of a key until what is returned is called. */
  want(key: string): () => void {
    this.wishes.set(key, (this.wishes.get(key) ?? 0) + 1);
    this.timer ??= setTimeout(() => this.ask(), GATHER_MS);
    return () => {
      const count = (this.wishes.get(key) ?? 1) - 1;
      if (count > 0) this.wishes.set(key, count);
      else this.wishes.delete(key);
      if (this.wishes.size === 0) this.stop();
    };
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.end?.();
    this.end = null;
    this.asked = new Set();
  }

  private ask(): void {
    this.timer = null;
    if ([...this.wishes.keys()].every((key) => this.asked.has(key))) return;
    this.end?.();
    this.asked = new Set(this.wishes.keys());
    const columns = new RunColumns(this.source, [...this.asked].sort().map(lastValueColumn));
    this.columns.value = columns;
    columns.start();
    const keep = effect(() => {
      if (!columns.state.value.isLoading) this.kept.value = columns.state.value;
    });
    this.end = () => {
      keep();
      columns.stop();
    };
  }
}
