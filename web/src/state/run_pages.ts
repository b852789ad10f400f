/**
 * The runs that match a question, in pages: what is in sight is asked for, and nothing else.
 *
 * While a new question is on its way the old answer stays in sight. Values can be asked again where they stand, which
 * moves no run to another place.
 */

import { signal } from "@preact/signals";
import { fetchColumns, type ProjectPath } from "../wire/asks";
import { isAborted } from "../wire/http";
import { writeJson, type Json, type JsonObject } from "../wire/json";
import { chartsShown } from "./charts_first";

export const PAGE_RUNS = 200;
const MOST_PAGES = 60;

export type RunsQuestion = {
  readonly filters: JsonObject | null;
  readonly order: readonly string[];
  readonly columns: readonly string[];
};

/** One run of an answer; a value that it does not have is null. */
export type RunRow = { readonly runId: string; readonly value: (column: string) => Json };

type Page = {
  readonly generation: number;
  runIds: readonly string[];
  columns: Record<string, readonly Json[]>;
  /** As long as a run is as it was, its row is the same object. */
  rows: RunRow[];
};

export class RunPages {
  /** How many runs match; null before the first answer. */
  readonly totalCount = signal<number | null>(null);
  readonly error = signal<Error | null>(null);
  /** Whether what is shown is the answer to an earlier question. */
  readonly isAsking = signal(false);
  /** Why runs of the project cannot be read, by their ids. */
  readonly damaged = signal<Readonly<Record<string, string>>>({});
  /** The state of the project that the pages show. */
  readonly version = signal("");
  /** Grows whenever something that may be in sight is another. */
  readonly changes = signal(0);

  private readonly pages = new Map<number, Page>();
  private readonly asked = new Map<number, AbortController>();
  private readonly loading = new Set<Promise<void>>();
  private due: Set<string> | null = new Set();
  private isRefreshing = false;
  private question: RunsQuestion | null = null;
  private generation = 0;
  private sight: readonly [number, number] = [0, 0];

  constructor(private readonly path: ProjectPath) {}

  /**
   * Ask another question, or the same again; the answer so far stays until there is a new one. True for one that only has
   * other columns: it is of the same runs, which stay where they are, and none comes among them.
   */
  ask(question: RunsQuestion): boolean {
    const before = this.question;
    this.question = question;
    if (before !== null && isOfSameRuns(before, question) && this.pages.size > 0 && this.asked.size === 0 && this.error.peek() === null) {
      this.isAsking.value = true;
      const load: Promise<void> = this.fill().finally(() => this.loading.delete(load));
      this.loading.add(load);
      return true;
    }
    this.generation += 1;
    this.isAsking.value = true;
    for (const request of this.asked.values()) {
      request.abort();
    }
    this.asked.clear();
    this.want(...this.sight);
    return false;
  }

  /** Say which rows are in sight, the last one excluded. */
  want(first: number, end: number): void {
    this.sight = [first, end];
    const last = this.totalCount.peek() === null ? 0 : Math.max(0, end - 1);
    for (let page = Math.floor(first / PAGE_RUNS); page <= Math.floor(last / PAGE_RUNS); page++) {
      if (this.pages.get(page)?.generation !== this.generation && !this.asked.has(page)) {
        const load: Promise<void> = this.load(page).finally(() => this.loading.delete(load));
        this.loading.add(load);
      }
    }
  }

  /** The run in a row, or null while it is on its way; the same object as long as nothing in its page is another. */
  row(index: number): RunRow | null {
    const page = this.pages.get(Math.floor(index / PAGE_RUNS));
    const place = index % PAGE_RUNS;
    const runId = page?.runIds[place];
    if (page === undefined || runId === undefined) {
      return null;
    }
    return (page.rows[place] ??= { runId, value: (column) => page.columns[column]?.[place] ?? null });
  }

  /** In which row a run is, among those that are here. */
  indexOf(runId: string): number | null {
    for (const [number, page] of this.pages) {
      const place = page.runIds.indexOf(runId);
      if (place >= 0) {
        return number * PAGE_RUNS + place;
      }
    }
    return null;
  }

  /** Every run that is here, in any order. */
  *rows(): Iterable<RunRow> {
    for (const [number, page] of this.pages) {
      for (let place = 0; place < page.runIds.length; place++) {
        yield this.row(number * PAGE_RUNS + place) as RunRow;
      }
    }
  }

  /** Wait for the answers that are on their way. */
  async settled(): Promise<void> {
    await Promise.all(this.loading);
  }

  /** Ask the values of runs again (null: of all in sight) and put them where they stand. */
  async refresh(changed: readonly string[] | null): Promise<void> {
    this.due = changed === null || this.due === null ? null : new Set([...this.due, ...changed]);
    if (this.isRefreshing) {
      return; // taken along when what is asked now has come: answers must not overtake each other
    }
    this.isRefreshing = true;
    try {
      while (this.due === null || this.due.size > 0) {
        await this.settled();
        const { due } = this;
        this.due = new Set();
        await this.refreshOnce(due).catch((error: unknown) => {
          this.due = due; // with what comes next
          throw error;
        });
      }
    } finally {
      this.isRefreshing = false;
    }
  }

  private async refreshOnce(wanted: ReadonlySet<string> | null): Promise<void> {
    const { question, generation } = this;
    const [first, end] = this.sight;
    const runIds: string[] = [];
    for (let index = first; index < end; index++) {
      const runId = this.row(index)?.runId;
      if (runId !== undefined && (wanted === null || wanted.has(runId))) {
        runIds.push(runId);
      }
    }
    if (question === null || runIds.length === 0) {
      return;
    }
    const answer = await fetchColumns(this.path, { columns: question.columns, run_ids: runIds, limit: runIds.length });
    if (generation === this.generation) {
      this.put(answer.run_ids, answer.columns);
    }
  }

  /** Get the columns of a question for the runs that are here. */
  private async fill(): Promise<void> {
    const { question, generation } = this;
    const isOver = (): boolean => question !== this.question || generation !== this.generation;
    for (const number of [...this.pages.keys()]) {
      if (!this.isInSight(number)) this.pages.delete(number);
    }
    try {
      for (const { runIds } of [...this.pages.values()]) {
        const answer = await fetchColumns(this.path, { columns: question?.columns ?? [], run_ids: runIds, limit: runIds.length });
        if (isOver()) return;
        this.put(answer.run_ids, answer.columns);
      }
      this.isAsking.value = false;
    } catch (error) {
      if (isOver()) return;
      this.error.value = error as Error;
      this.isAsking.value = false;
    }
  }

  private isInSight(page: number): boolean {
    return page >= Math.floor(this.sight[0] / PAGE_RUNS) && page * PAGE_RUNS < this.sight[1];
  }

  /** Have a value of a run be another at once, before the server has said so. */
  set(runIds: readonly string[], column: string, value: Json): void {
    this.put(runIds, { [column]: runIds.map(() => value) });
  }

  private put(runIds: readonly string[], columns: Readonly<Record<string, readonly Json[]>>): void {
    const placeOf = new Map(runIds.map((runId, place) => [runId, place]));
    for (const page of this.pages.values()) {
      if (!page.runIds.some((runId) => placeOf.has(runId))) {
        continue;
      }
      page.rows = [];
      for (const [name, values] of Object.entries(columns)) {
        const old = page.columns[name] ?? [];
        page.columns[name] = page.runIds.map((runId, i) => {
          const place = placeOf.get(runId);
          return (place === undefined ? old[i] : values[place]) ?? null;
        });
      }
    }
    this.changes.value += 1;
  }

  private async load(number: number): Promise<void> {
    const { question, generation } = this;
    if (question === null) {
      return;
    }
    const request = new AbortController();
    this.asked.set(number, request);
    const isFirst = ![...this.pages.values()].some((page) => page.generation === generation);
    try {
      const answer = await fetchColumns(
        this.path,
        { ...question, offset: number * PAGE_RUNS, limit: PAGE_RUNS, version: isFirst ? null : this.version.peek() },
        { signal: request.signal },
      );
      await chartsShown();
      if (generation === this.generation) {
        this.keep(number, { generation, runIds: answer.run_ids, columns: { ...answer.columns }, rows: [] }, answer.total_count);
        this.version.value = answer.version;
        this.isAsking.value = false;
        this.error.value = null;
        this.damaged.value = answer.problems ?? {};
        this.changes.value += 1;
      }
    } catch (error) {
      if (!isAborted(error) && generation === this.generation) {
        this.error.value = error as Error;
        this.isAsking.value = false;
      }
    } finally {
      if (this.asked.get(number) === request) {
        this.asked.delete(number);
      }
    }
    // What came into sight while nobody knew how many there are.
    if (generation === this.generation && this.error.peek() === null) {
      this.want(...this.sight);
    }
  }

  private keep(number: number, page: Page, totalCount: number): void {
    if (totalCount !== this.totalCount.peek()) {
      this.totalCount.value = totalCount;
    }
    this.pages.delete(number);
    this.pages.set(number, page);
    const pageCount = Math.ceil(totalCount / PAGE_RUNS);
    for (const [old, { generation }] of this.pages) {
      const isInSight = this.isInSight(old);
      const isOutdated = generation !== page.generation && !isInSight;
      if (old >= pageCount || isOutdated || (this.pages.size > MOST_PAGES && !isInSight)) {
        this.pages.delete(old);
      }
    }
  }
}

/** Whether two questions differ in their columns alone. */
function isOfSameRuns(one: RunsQuestion, other: RunsQuestion): boolean {
  const runsOf = ({ filters, order }: RunsQuestion): string => writeJson({ filters, order });
  return runsOf(one) === runsOf(other) && one.columns.join("\n") !== other.columns.join("\n");
}
