/** The runs that a project's page shows: which, in which order, grouped how, and what changed since. */

import { batch, computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { fetchColumnList, fetchColumns, type ProjectPath } from "../wire/asks";
import type { ColumnInfo, RunGroup } from "../wire/documents";
import { ApiError, isAborted } from "../wire/http";
import { writeJson, type Json, type JsonObject } from "../wire/json";
import { both, searchFilter } from "./conditions";
import type { Moved, ProjectNews } from "./live";
import { PAGE_RUNS, RunPages, type RunRow, type RunsQuestion } from "./run_pages";
import { reconnectCount } from "./session";
import { filterOfGroup, keyOf, lineIdOf, TableLines, type Line } from "./table_lines";
import { usualColumns } from "./usual_columns";
import type { Column, View } from "./view";

const NAMES_AT_ONCE = 1_000;
const COLUMNS_AGAIN_MS = 15_000;
/** A server that was too busy is asked again. */
const RETRY_MS = 3_000;
/** Fields that a line shows beside its columns. */
const ALWAYS = ["name", "state"];

/** What is not in sight yet: how many more or fewer runs match, and that values moved. */
export type News = { readonly runCount: number; readonly hasMoved: boolean };
const NO_NEWS: News = { runCount: 0, hasMoved: false };

export class ProjectRuns {
  readonly columnList = signal<readonly ColumnInfo[] | null>(null);
  readonly groups = signal<readonly RunGroup[] | null>(null);
  readonly groupsError = signal<Error | null>(null);
  readonly news = signal<News>(NO_NEWS);
  /** Changes when data moved that the view may show. */
  readonly version = signal("");
  readonly names = signal<ReadonlyMap<string, string>>(new Map());
  readonly pages: RunPages;
  /** The runs that are pinned, and the baseline. */
  readonly pinned: RunPages;
  readonly filters: ReadonlySignal<JsonObject | null>;
  readonly columns: ReadonlySignal<readonly Column[]>;
  readonly lines: ReadonlySignal<TableLines>;
  /** What has a colour of its own in the table: groups, or runs that are not hidden; nothing of runs that are not all here. */
  readonly lineIds: ReadonlySignal<readonly string[]>;

  private readonly pagesOfGroups = new Map<string, RunPages>();
  private readonly stops: (() => void)[] = [];
  private heard: Moved = new Set();
  private countsAsked = 0;
  private countTaken = 0;
  private columnsAskedAt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private columnsTimer: ReturnType<typeof setTimeout> | undefined;
  private groupsRequest: AbortController | null = null;
  private namesRequest: AbortController | null = null;

  constructor(
    readonly path: ProjectPath,
    private readonly view: ReadonlySignal<View>,
    private readonly projectNews: ProjectNews,
  ) {
    this.pages = new RunPages(path);
    this.pinned = new RunPages(path);
    this.filters = keptWhileSame(() => both(view.value.filters, searchFilter(view.value.search)));
    this.columns = computed(() => view.value.columns ?? usualColumns(this.columnList.value ?? []));
    this.lines = computed(() => {
      const { groupBy, openGroups } = view.value;
      return groupBy.length > 0
        ? TableLines.ofGroups(this.groups.value ?? [], new Set(openGroups))
        : TableLines.ofRuns(this.pages.totalCount.value ?? 0);
    });
    this.lineIds = computed(() => {
      const { groupBy, hidden } = view.value;
      if (groupBy.length > 0) return (this.groups.value ?? []).map(lineIdOf);
      void this.pages.changes.value;
      const ids = [...this.pages.rows()].map(({ runId }) => runId);
      return ids.length === this.pages.totalCount.value ? ids.filter((id) => !hidden.includes(id)) : [];
    });
  }

  /** Begin to ask, and to hear what moves, until `end`. */
  begin(): void {
    const question = keptWhileSame(() => this.question());
    const groupBy = keptWhileSame(() => this.view.value.groupBy);
    const pinned = keptWhileSame(() => {
      const { pinned, baseline } = this.view.value;
      return baseline === null || pinned.includes(baseline) ? pinned : [...pinned, baseline];
    });
    const hasOthers = computed(() => (this.pages.totalCount.value ?? 0) > PAGE_RUNS);
    // What columns the table has at first depends on what there are: it is asked for once, and written once.
    const isKnown = computed(() => this.view.value.columns !== null || this.columnList.value !== null);
    this.stops.push(
      effect(() => void (isKnown.value && this.askRuns(question.value))),
      effect(() => this.askGroups(this.filters.value, groupBy.value, question.value)),
      effect(() => this.askPinned(pinned.value, question.value)),
      effect(() => void (hasOthers.value && this.askNames(this.filters.value))),
      effect(() => this.gatherNames()),
      effect(() => {
        if (reconnectCount.value > 0) {
          untracked(() => this.again());
        }
      }),
      this.projectNews.listen((moved) => void this.hear(moved)),
      () => clearTimeout(this.columnsTimer),
      () => clearTimeout(this.retryTimer),
    );
    void this.askColumns();
  }

  end(): void {
    this.stops.splice(0).forEach((stop) => stop());
    this.groupsRequest?.abort();
    this.namesRequest?.abort();
  }

  /** Ask everything again, and show it as it is. */
  again(): void {
    const question = this.question();
    batch(() => {
      this.news.value = NO_NEWS;
      this.version.value = `${Date.now()}`;
      this.askRuns(question);
      this.pinned.ask({ ...question, filters: this.pinnedFilter(), order: [] });
      this.askGroups(this.filters.peek(), this.view.peek().groupBy, question);
    });
    void this.askColumns();
  }

  /** The pages that a line is in. */
  pagesOf(line: Line): RunPages {
    return line.groupKey === null ? this.pages : (this.pagesOfGroups.get(line.groupKey) ?? this.openGroup(line.groupKey));
  }

  /** The run of a line; null for a group, and while it is on its way. */
  rowAt(index: number): RunRow | null {
    const lines = this.lines.peek();
    if (index < 0 || index >= lines.count) {
      return null;
    }
    const line = lines.at(index);
    return line.kind === "run" ? this.pagesOf(line).row(line.index) : null;
  }

  /** The runs of the first lines in their order, groups left out; null for one that is not here. */
  firstIds(lineCount: number): (string | null)[] {
    const lines = this.lines.peek();
    const ids: (string | null)[] = [];
    for (let at = 0; at < Math.min(lineCount, lines.count); at += 1) {
      if (lines.at(at).kind === "run") {
        ids.push(this.rowAt(at)?.runId ?? null);
      }
    }
    return ids;
  }

  /** Say which lines are in sight, the last one excluded. */
  want(first: number, end: number): void {
    const lines = this.lines.peek();
    if (this.view.peek().groupBy.length === 0) {
      this.pages.want(first, end);
      return;
    }
    for (const [groupKey, [begin, stop]] of lines.sight(first, end)) {
      const pages = this.pagesOf({ kind: "run", groupKey, index: begin });
      pages.want(begin, stop);
    }
  }

  /** All lists that show runs. */
  *lists(): Iterable<RunPages> {
    yield this.pages;
    yield this.pinned;
    yield* this.pagesOfGroups.values();
  }

  /** A run that is here, wherever. */
  find(runId: string): RunRow | null {
    for (const pages of this.lists()) {
      const index = pages.indexOf(runId);
      if (index !== null) {
        return pages.row(index);
      }
    }
    return null;
  }

  /** Have a value be another wherever it is in sight. */
  set(runIds: readonly string[], column: string, value: Json): void {
    for (const pages of this.lists()) {
      pages.set(runIds, column, value);
    }
  }

  /** The ids of all runs that match, in order. */
  async allIds(): Promise<readonly string[]> {
    const { filters, order } = this.question();
    return (await fetchColumns(this.path, { columns: [], filters, order })).run_ids;
  }

  private question(): RunsQuestion {
    const names = this.columns.value.map(({ name }) => name);
    return { filters: this.filters.value, order: this.view.value.order, columns: [...new Set([...ALWAYS, ...names])] };
  }

  private askRuns(question: RunsQuestion): void {
    untracked(() => {
      const isOfSameRuns = this.pages.ask(question);
      this.pagesOfGroups.clear();
      if (!isOfSameRuns) this.news.value = NO_NEWS;
    });
  }

  private askPinned(pinned: readonly string[], question: RunsQuestion): void {
    untracked(() => {
      if (pinned.length > 0) {
        this.pinned.ask({ ...question, filters: { run_id: { $in: pinned } }, order: [] });
        this.pinned.want(0, pinned.length);
      }
    });
  }

  private pinnedFilter(): JsonObject {
    const { pinned, baseline } = this.view.peek();
    return { run_id: { $in: baseline === null ? pinned : [...pinned, baseline] } };
  }

  private askGroups(filters: JsonObject | null, groupBy: readonly string[], question: RunsQuestion): void {
    this.groupsRequest?.abort();
    if (groupBy.length === 0) {
      this.groups.value = null;
      return;
    }
    const request = (this.groupsRequest = new AbortController());
    const numbers = untracked(() => this.columnList.value ?? []).filter(({ kind }) => kind === "number" || kind === "mixed");
    const known = new Set(numbers.map(({ name }) => name));
    const aggregates = Object.fromEntries(
      question.columns.filter((name) => known.has(name)).map((name) => [name, ["mean", "min", "max", "std", "count"]]),
    );
    fetchColumns(this.path, { columns: [], filters, order: question.order, limit: 0, group_by: groupBy, aggregates }, { signal: request.signal })
      .then(({ groups }) => {
        this.groups.value = groups ?? [];
        this.groupsError.value = null;
      })
      .catch((error: unknown) => {
        if (!isAborted(error)) {
          this.groupsError.value = error as Error;
        }
      });
  }

  private openGroup(groupKey: string): RunPages {
    const pages = new RunPages(this.path);
    const group = (this.groups.peek() ?? []).find((one) => keyOf(one) === groupKey);
    this.pagesOfGroups.set(groupKey, pages);
    if (group !== undefined) {
      untracked(() => pages.ask({ ...this.question(), filters: both(this.filters.peek(), filterOfGroup(group)) }));
    }
    return pages;
  }

  /** As data moves, but not each time. */
  private askColumnsAgain(): void {
    this.columnsTimer ??= setTimeout(
      () => void this.askColumns(),
      Math.max(0, this.columnsAskedAt + COLUMNS_AGAIN_MS - Date.now()),
    );
  }

  private async askColumns(): Promise<void> {
    clearTimeout(this.columnsTimer);
    this.columnsTimer = undefined;
    this.columnsAskedAt = Date.now();
    try {
      this.columnList.value = (await fetchColumnList(this.path)).columns;
    } catch {
      this.columnList.value ??= []; // the pages of runs tell what is the matter
    }
  }

  /** Names for the legends of charts, of more runs than the table has in sight. */
  private askNames(filters: JsonObject | null): void {
    this.namesRequest?.abort();
    const request = (this.namesRequest = new AbortController());
    const order = this.view.peek().order;
    fetchColumns(this.path, { columns: ["name"], filters, order, limit: NAMES_AT_ONCE }, { signal: request.signal })
      .then(({ run_ids, columns }) => {
        this.addNames(run_ids.map((runId, i) => [runId, String(columns["name"]?.[i] ?? runId)]));
      })
      .catch(() => {}); // a legend then has ids
  }

  private gatherNames(): void {
    const found: [string, string][] = [];
    for (const pages of [this.pages, this.pinned]) {
      void pages.changes.value;
      for (const { runId, value } of pages.rows()) {
        found.push([runId, String(value("name") ?? runId)]);
      }
    }
    untracked(() => this.addNames(found));
  }

  private addNames(found: readonly (readonly [string, string])[]): void {
    const known = this.names.peek();
    if (found.some(([runId, name]) => known.get(runId) !== name)) {
      this.names.value = new Map([...known, ...found]);
    }
  }

  /** Take up what moved, behind the answers that are on their way: a slow server is not asked anew each time. */
  private async hear(moved: Moved): Promise<void> {
    const isWaiting = this.heard === null || this.heard.size > 0;
    this.heard = moved === null || this.heard === null ? null : new Set([...this.heard, ...moved]);
    if (isWaiting) {
      return;
    }
    await this.pages.settled();
    const all = this.heard;
    this.heard = new Set();
    if (this.stops.length > 0) {
      this.takeUp(all);
    }
  }

  private takeUp(moved: Moved): void {
    const { following } = this.view.peek();
    if (following === "paused") {
      void this.noteMoved(moved);
      return;
    }
    this.askColumnsAgain();
    const isNothingShown = (this.pages.totalCount.peek() ?? 0) === 0 || this.pages.error.peek() !== null;
    if (following === "follow" || isNothingShown) {
      this.again();
      return;
    }
    this.version.value = `${Date.now()}`;
    const changed = moved === null ? null : [...moved];
    const asked = [...this.lists()].map((pages) => pages.refresh(changed));
    Promise.all([...asked, this.countNew()]).catch((error: unknown) => {
      // A lost connection is told, and all is asked again behind it.
      if (error instanceof ApiError && !error.isConnection) {
        this.retryTimer ??= setTimeout(() => {
          this.retryTimer = undefined;
          void this.hear(moved);
        }, RETRY_MS);
      }
    });
  }

  /** Say that values moved; where nobody knows, only if the project is another than the one that is shown. */
  private async noteMoved(moved: Moved): Promise<void> {
    const shown = this.pages.version.peek();
    const answer = moved !== null ? null : await fetchColumns(this.path, { columns: [], limit: 0 }).catch(() => null);
    if (moved !== null || (answer !== null && answer.version !== shown)) {
      this.news.value = { ...this.news.peek(), hasMoved: true };
    }
  }

  /** How many runs match now, beside those that the table has: the table stays as it is. */
  private async countNew(): Promise<void> {
    const shown = this.pages.totalCount.peek();
    const turn = (this.countsAsked += 1);
    const answer = await fetchColumns(this.path, { columns: [], filters: this.filters.peek(), limit: 0 });
    const isNewest = turn > this.countTaken; // answers may overtake each other
    if (isNewest && shown !== null && shown === this.pages.totalCount.peek()) {
      this.countTaken = turn;
      this.news.value = { runCount: answer.total_count - shown, hasMoved: false };
      if (answer.total_count !== shown) {
        this.askNames(this.filters.peek());
      }
    }
  }
}

/** A computed value that is the same one as long as it says the same. */
function keptWhileSame<T>(make: () => T): ReadonlySignal<T> {
  let last: { readonly text: string; readonly value: T } | null = null;
  return computed(() => {
    const value = make();
    const text = writeJson(value);
    last = last?.text === text ? last : { text, value };
    return last.value;
  });
}
