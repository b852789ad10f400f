/** A project's page: its view, kept in the address, its runs, and what can be done with them. */

import { batch, computed, effect, signal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";
import { deleteRuns, editRuns, fetchColumns, restoreRuns, type ProjectPath } from "../wire/asks";
import type { BulkAnswer, RunEdit } from "../wire/documents";
import type { Json } from "../wire/json";
import { address, replaceQuery } from "./address";
import { rememberTable } from "./last_table";
import type { ProjectNews } from "./live";
import { withFollowing, type PanelsState } from "./panels";
import { ProjectRuns } from "./runs";
import { done, failed, remember } from "./undo";
import { formatView, has, parseView, withPanels, type RunChoice, type View } from "./view";

/** Browsers refuse to have their address written much more often. */
const ADDRESS_EVERY_MS = 250;
const AT_ONCE = 1_000;
/** So far into the table the page of a run leads on to the next one. */
const NEIGHBOUR_LINES = 10_000;

export class Workspace {
  readonly view: Signal<View>;
  /** What of the address could not be read. */
  readonly problems: Signal<readonly string[]>;
  readonly runs: ProjectRuns;
  readonly panels: Signal<PanelsState>;
  readonly hoverRun = signal<string | null>(null);
  /** The line that the keyboard is at. */
  readonly cursor = signal(0);
  /** Grows when the table is to be shown from its beginning. */
  readonly topCount = signal(0);
  readonly hidden: ReadonlySignal<ReadonlySet<string>>;
  readonly groupBy: ReadonlySignal<readonly string[]>;
  /** The runs that charts show; null: all that match. */
  readonly chartedRuns: ReadonlySignal<readonly string[] | null>;
  readonly selectedCount: ReadonlySignal<number>;

  private readonly allIds = signal<readonly string[] | null>(null);
  private stops: (() => void)[] = [];
  private written: string;

  constructor(
    readonly path: ProjectPath,
    projectNews: ProjectNews,
  ) {
    const { view, problems } = parseView(address.peek().query);
    this.written = address.peek().query;
    this.view = signal(view);
    this.problems = signal(problems);
    this.panels = signal(view.panels);
    this.runs = new ProjectRuns(path, this.view, projectNews);
    this.hidden = computed(() => new Set(this.view.value.hidden));
    this.groupBy = computed(() => this.view.value.groupBy);
    this.chartedRuns = computed(() => (this.view.value.isSelectedOnly ? this.idsOf(this.view.value.selected) : null));
    this.selectedCount = computed(() => {
      const { isAllBut, ids } = this.view.value.selected;
      return isAllBut ? Math.max(0, (this.runs.pages.totalCount.value ?? 0) - ids.length) : ids.length;
    });
  }

  begin(): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let writtenAt = 0;
    // What leads away leaves the view as it is in the address, so that the way back leads to it.
    const keep = (event: Event): void => {
      if (event.type === "click" || (event as KeyboardEvent).key === "Enter") {
        clearTimeout(timer);
        this.write(formatView(this.view.peek()));
      }
    };
    addEventListener("click", keep, true);
    addEventListener("keydown", keep, true);
    this.stops = [
      effect(() => {
        const query = formatView(this.view.value);
        const write = (): void => {
          writtenAt = Date.now();
          this.write(query);
        };
        clearTimeout(timer);
        if (query === this.written) {
          return;
        }
        const waitMs = writtenAt + ADDRESS_EVERY_MS - Date.now();
        if (waitMs <= 0) {
          untracked(write);
        } else {
          timer = setTimeout(write, waitMs);
        }
      }),
      effect(() => {
        const { query } = address.value;
        if (this.isHere()) {
          this.read(query);
        }
      }),
      effect(() => {
        const panels = this.panels.value;
        if (panels !== this.view.peek().panels) {
          this.view.value = withPanels(this.view.peek(), panels);
        }
      }),
      effect(() => {
        const isFollowing = this.view.value.following === "follow";
        this.panels.value = withFollowing(this.panels.peek(), isFollowing);
      }),
      effect(() => {
        const needsIds = this.view.value.isSelectedOnly && this.view.value.selected.isAllBut;
        void this.runs.filters.value;
        if (needsIds) {
          this.runs.allIds().then((ids) => (this.allIds.value = ids), failed);
        }
      }),
      () => {
        clearTimeout(timer);
        removeEventListener("click", keep, true);
        removeEventListener("keydown", keep, true);
      },
    ];
    this.runs.begin();
  }

  end(): void {
    rememberTable({ path: this.path, query: formatView(this.view.peek()), runIds: this.runs.firstIds(NEIGHBOUR_LINES) });
    this.stops.forEach((stop) => stop());
    this.runs.end();
  }

  /** Change the view; with `said` it can be taken back. */
  change(part: Partial<View>, said: string | null = null): void {
    const before = this.view.peek();
    this.view.value = { ...before, ...part };
    if (said !== null) {
      const old = Object.fromEntries(Object.keys(part).map((name) => [name, before[name as keyof View]])) as Partial<View>;
      remember({ said, isProblem: false, takeBack: () => this.change(old) });
    }
  }

  /** Take another view whole, as a saved one. */
  show(view: View): void {
    batch(() => {
      this.view.value = view;
      this.panels.value = view.panels;
    });
  }

  /** Show what came since, from the top. */
  showNews(): void {
    this.runs.again();
    this.topCount.value += 1;
  }

  select(selected: RunChoice): void {
    this.change({ selected });
  }

  /** Select or leave out runs, each as it was not. */
  toggle(runIds: readonly string[], isSelected: boolean | null = null): void {
    const { selected } = this.view.peek();
    const ids = new Set(selected.ids);
    for (const runId of runIds) {
      const wanted = isSelected ?? !has(selected, runId);
      if (wanted !== selected.isAllBut) {
        ids.add(runId);
      } else {
        ids.delete(runId);
      }
    }
    this.select({ isAllBut: selected.isAllBut, ids: [...ids] });
  }

  toggleHidden(runIds: readonly string[]): void {
    const hidden = new Set(this.view.peek().hidden);
    const isHiding = runIds.some((runId) => !hidden.has(runId));
    for (const runId of runIds) {
      if (isHiding) {
        hidden.add(runId);
      } else {
        hidden.delete(runId);
      }
    }
    this.change({ hidden: [...hidden] });
  }

  togglePinned(runId: string): void {
    const { pinned } = this.view.peek();
    this.change({ pinned: pinned.includes(runId) ? pinned.filter((id) => id !== runId) : [...pinned, runId] }, "Pinned a run");
  }

  toggleBaseline(runId: string): void {
    this.change({ baseline: this.view.peek().baseline === runId ? null : runId }, "Chose a baseline");
  }

  /** The ids of a choice, as far as they are known. */
  private idsOf(choice: RunChoice): readonly string[] {
    const left = new Set(choice.ids);
    return choice.isAllBut ? (this.allIds.value ?? []).filter((runId) => !left.has(runId)) : choice.ids;
  }

  /** The ids that are selected; of all but some, asked for. */
  async selectedIds(): Promise<readonly string[]> {
    const { selected } = this.view.peek();
    if (!selected.isAllBut) {
      return selected.ids;
    }
    const left = new Set(selected.ids);
    return (await this.runs.allIds()).filter((runId) => !left.has(runId));
  }

  /** Edit name, notes or tags of a run where they stand. */
  async editInfo(runId: string, column: "name" | "notes" | "tags", value: Json): Promise<void> {
    const before = this.runs.find(runId)?.value(column) ?? null;
    const put = async (next: Json): Promise<void> => {
      this.runs.set([runId], column, next);
      const edit = { info: { [column]: next ?? (column === "tags" ? [] : "") } } as RunEdit;
      complain(await editRuns(this.path, [runId], edit));
    };
    try {
      await put(value);
      done(column === "name" ? "Renamed a run" : `Changed the ${column} of a run`, () => put(before));
    } catch (error) {
      this.runs.set([runId], column, before);
      failed(error);
    }
  }

  /** Give all that are selected a tag, or take it from them. */
  async tagSelected(tag: string, isAdded: boolean): Promise<void> {
    try {
      const runIds = await this.selectedIds();
      const { run_ids, columns } = await fetchColumns(this.path, { columns: ["tags"], run_ids: runIds });
      const before = new Map(run_ids.map((runId, i) => [runId, (columns["tags"]?.[i] ?? []) as readonly string[]]));
      const after = new Map<string, readonly string[]>();
      for (const [runId, tags] of before) {
        after.set(runId, isAdded ? [...new Set([...tags, tag])] : tags.filter((one) => one !== tag));
      }
      await this.putTags(after);
      const count = `${run_ids.length} ${run_ids.length === 1 ? "run" : "runs"}`;
      done(isAdded ? `Tagged ${count}` : `Took the tag from ${count}`, () => this.putTags(before));
    } catch (error) {
      failed(error);
    }
  }

  private async putTags(tagsOf: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const byTags = Map.groupBy(tagsOf.keys(), (runId) => JSON.stringify(tagsOf.get(runId)));
    for (const [key, runIds] of byTags) {
      const tags = JSON.parse(key) as string[];
      complain(await inParts(runIds, (part) => editRuns(this.path, part, { info: { tags } })));
      this.runs.set(runIds, "tags", tags);
    }
  }

  /** Delete what is selected; the trash has it until it is emptied. */
  async deleteSelected(): Promise<void> {
    try {
      const runIds = await this.selectedIds();
      if (runIds.length === 0) {
        return;
      }
      const gone = await inParts(runIds, (part) => deleteRuns(this.path, part));
      this.change({ selected: { isAllBut: false, ids: gone.failed.map(({ run }) => run) } });
      this.runs.again();
      done(`Deleted ${gone.done.length} ${gone.done.length === 1 ? "run" : "runs"}`, async () => {
        complain(await inParts(gone.done, (part) => restoreRuns(this.path, part)));
        this.runs.again();
      });
      complain(gone);
    } catch (error) {
      failed(error);
    }
  }

  private write(query: string): void {
    this.written = query;
    if (this.isHere()) {
      replaceQuery(query);
    }
  }

  /** Whether the address is this table's: on the way to another part of the page it is that one's. */
  private isHere(): boolean {
    const { parts } = address.peek();
    return parts[0] === this.path.entity && parts[1] === this.path.project && parts.length === 2;
  }

  private read(query: string): void {
    if (query !== this.written) {
      this.written = query;
      const { view, problems } = parseView(query);
      this.problems.value = problems;
      this.show(view);
    }
  }
}

/** Say what of many runs was not done. */
function complain({ failed: refused }: BulkAnswer): void {
  const first = refused[0];
  if (first !== undefined) {
    throw new Error(refused.length === 1 ? first.error : `${refused.length} runs were left as they are; the first: ${first.error}`);
  }
}

async function inParts(runIds: readonly string[], ask: (part: readonly string[]) => Promise<BulkAnswer>): Promise<BulkAnswer> {
  const whole = { done: [] as string[], failed: [] as { run: string; error: string }[] };
  for (let at = 0; at < runIds.length; at += AT_ONCE) {
    const answer = await ask(runIds.slice(at, at + AT_ONCE));
    whole.done.push(...answer.done);
    whole.failed.push(...answer.failed);
  }
  return whole;
}
