/** The runs as a table: only what is in sight is mounted and asked for, whatever their number. */

import { useComputed, useSignal, useSignalEffect, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { has } from "../../state/view";
import { ApiError } from "../../wire/http";
import { counted } from "../parts/format";
import { clockS } from "../parts/clock";
import { Icon } from "../parts/Icon";
import { Problem } from "../parts/Problem";
import { rowsInSight, scrollToRow } from "../parts/virtual_window";
import { isRightAligned, NAME_PX, ROW_PX, widthOf } from "./column_widths";
import { useWorkspace } from "./context";
import { GroupLine } from "./GroupLine";
import { NoRuns } from "./NoRuns";
import { RunLine, type ShownColumn } from "./RunLine";
import { TableFoot } from "./TableFoot";
import { TableHead } from "./TableHead";

const SPARE_ROWS = 6;

export function RunTable(): JSX.Element {
  const { workspace } = useWorkspace();
  const { runs, view } = workspace;
  const scroller = useRef<HTMLDivElement>(null);
  const scrollPx = useSignal(0);
  const heightPx = useSignal(600);
  const topPx = useSignal(ROW_PX);
  const columns = useShownColumns();
  const sight = useComputed(() => rowsInSight(scrollPx.value, heightPx.value, ROW_PX, runs.lines.value.count, SPARE_ROWS));

  useEffect(() => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    const watcher = new ResizeObserver(() => (heightPx.value = element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  useSignalEffect(() => {
    void runs.lines.value;
    const { first, end } = sight.value;
    runs.want(first, Math.max(end, first + 1));
  });
  useSignalEffect(() => {
    const element = scroller.current;
    if (element !== null && workspace.cursor.value > 0) {
      const next = scrollToRow(workspace.cursor.value, element.scrollTop, element.clientHeight, ROW_PX, topPx.peek());
      if (next !== element.scrollTop) {
        element.scrollTop = next;
      }
    } else if (element !== null && workspace.cursor.value === 0) {
      element.scrollTop = 0;
    }
  });
  useSignalEffect(() => {
    if (workspace.topCount.value > 0) {
      scroller.current?.scrollTo({ top: 0 });
    }
  });
  useStaysWhereItIs(scroller, scrollPx);

  const endFollowing = (): void => {
    if (view.peek().following === "follow" && (scroller.current?.scrollTop ?? 0) > 0) {
      workspace.change({ following: "live" });
    }
  };
  const { value: lines } = runs.lines;
  const cursor = workspace.cursor.value;
  const isMounted = cursor >= sight.value.first && cursor < Math.min(sight.value.end, lines.count);
  const error = problemOf(runs.pages.error.value ?? runs.groupsError.value);
  const total = runs.pages.totalCount.value;
  const poolSize = Math.ceil(heightPx.value / ROW_PX) + 1 + 2 * SPARE_ROWS;
  const widthsPx = [view.value.nameWidthPx ?? NAME_PX, ...columns.map(({ widthPx }) => widthPx)];
  const widths = {
    "--columns": widthsPx.map((widthPx) => `${widthPx}px`).join(" "),
    "--width": `${widthsPx.reduce((sum, widthPx) => sum + widthPx, 0)}px`,
  };
  return (
    <>
      {error !== null && <Problem error={error} again={() => runs.again()} />}
      <div
        ref={scroller}
        class={runs.pages.isAsking.value ? "table table-asking" : "table"}
        role={view.value.groupBy.length > 0 ? "treegrid" : "grid"}
        aria-label={total === null ? "Runs" : counted(total, "run")}
        aria-rowcount={lines.count + 1}
        aria-colcount={columns.length + 1}
        aria-multiselectable
        aria-activedescendant={isMounted ? `line-${cursor}` : undefined}
        tabIndex={0}
        style={widths}
        onScroll={(event) => (scrollPx.value = event.currentTarget.scrollTop)}
        onWheel={endFollowing}
        onPointerDown={endFollowing}
      >
        <div class="table-top">
          <TableHead columns={columns} />
          <PinnedLines columns={columns} />
        </div>
        <div class="table-body" role="rowgroup" style={{ height: `${lines.count * ROW_PX}px` }}>
          <Lines columns={columns} first={sight.value.first} end={sight.value.end} poolSize={poolSize} />
        </div>
        {total === 0 && error === null && <NoRuns />}
      </div>
      <TableFoot />
    </>
  );
}

/** What is to be told here; that the server does not answer is told above everything. */
function problemOf(error: Error | null): Error | null {
  return error instanceof ApiError && error.isConnection ? null : error;
}

/** The columns that are shown, with all that lines need to know of them. */
function useShownColumns(): readonly ShownColumn[] {
  const { runs, view } = useWorkspace().workspace;
  const columns = runs.columns.value;
  const known = runs.columnList.value;
  const hasDifferences = view.value.baseline !== null;
  return useMemo(() => {
    const kinds = new Map((known ?? []).map(({ name, kind }) => [name, kind]));
    return columns.map((column) => {
      const kind = kinds.get(column.name);
      return { name: column.name, kind, widthPx: widthOf(column, kind, hasDifferences), isRight: isRightAligned(column.name, kind) };
    });
  }, [columns, known, hasDifferences]);
}

type LinesProps = {
  readonly columns: readonly ShownColumn[];
  readonly first: number;
  readonly end: number;
  /** Lines that scroll out of sight are written anew as those that come in: far cheaper than making others. */
  readonly poolSize: number;
};

function Lines({ columns, first, end, poolSize }: LinesProps): JSX.Element {
  const { workspace, editing } = useWorkspace();
  const { runs } = workspace;
  const view = workspace.view.value;
  const lines = runs.lines.value;
  const baseline = view.baseline === null ? null : runs.find(view.baseline);
  const hidden = workspace.hidden.value;
  const hoverRun = workspace.hoverRun.value;
  const nowS = clockS.value;
  void runs.pinned.changes.value;
  const shown: JSX.Element[] = [];
  for (let index = first; index < Math.min(end, lines.count); index++) {
    const line = lines.at(index);
    const isCursor = workspace.cursor.value === index;
    if (line.kind === "group") {
      shown.push(<GroupLine key={`g${index % poolSize}`} index={index} line={line} columns={columns} aggregate={view.aggregate} isCursor={isCursor} nowS={nowS} />);
      continue;
    }
    const pages = runs.pagesOf(line);
    void pages.changes.value;
    const row = pages.row(line.index);
    shown.push(
      <RunLine
        key={index % poolSize}
        index={index}
        row={row}
        columns={columns}
        baseline={baseline}
        isCursor={isCursor}
        isSelected={row !== null && has(view.selected, row.runId)}
        isHidden={row !== null && hidden.has(row.runId)}
        isHit={row !== null && row.runId === hoverRun}
        isPinned={row !== null && view.pinned.includes(row.runId)}
        isIndented={line.groupKey !== null}
        editing={row !== null && editing.value?.runId === row.runId ? editing.value.column : null}
        nowS={nowS}
      />,
    );
  }
  return <>{shown}</>;
}

/** The pinned runs and the baseline: below the head, whatever is scrolled. */
function PinnedLines({ columns }: { readonly columns: readonly ShownColumn[] }): JSX.Element | null {
  const { workspace, editing } = useWorkspace();
  const { runs } = workspace;
  const view = workspace.view.value;
  void runs.pinned.changes.value;
  const wanted = view.baseline === null || view.pinned.includes(view.baseline) ? view.pinned : [view.baseline, ...view.pinned];
  if (wanted.length === 0) {
    return null;
  }
  const baseline = view.baseline === null ? null : runs.find(view.baseline);
  return (
    <div class="table-pinned">
      {wanted.map((runId) => {
        const index = runs.pinned.indexOf(runId);
        const row = index === null ? null : runs.pinned.row(index);
        if (row === null && !runs.pinned.isAsking.value) {
          return <GonePin key={runId} runId={runId} />;
        }
        return (
          <RunLine
            key={runId}
            index={null}
            row={row}
            columns={columns}
            baseline={baseline}
            isCursor={false}
            isSelected={has(view.selected, runId)}
            isHidden={workspace.hidden.value.has(runId)}
            isHit={runId === workspace.hoverRun.value}
            isPinned
            isIndented={false}
            editing={editing.value?.runId === runId ? editing.value.column : null}
            nowS={clockS.value}
          />
        );
      })}
    </div>
  );
}

/** A run that was pinned and is deleted. */
function GonePin({ runId }: { readonly runId: string }): JSX.Element {
  const { workspace } = useWorkspace();
  const forget = (): void => {
    const { pinned, baseline } = workspace.view.peek();
    workspace.change({ pinned: pinned.filter((id) => id !== runId), baseline: baseline === runId ? null : baseline }, "Unpinned a run");
  };
  return (
    <div class="line line-pinned" role="row">
      <div class="cell cell-name soft" role="rowheader">
        <span class="line-name soft" title={runId}>
          {runId} is not here any more
        </span>
        <button type="button" class="button-icon" aria-label={`Unpin ${runId}`} onClick={forget}>
          <Icon name="close" />
        </button>
      </div>
    </div>
  );
}

/** When runs come above those in sight, what is in sight stays where it is on the screen. */
function useStaysWhereItIs(scroller: { readonly current: HTMLDivElement | null }, scrollPx: Signal<number>): void {
  const { runs, view } = useWorkspace().workspace;
  const anchor = useRef<{ runId: string; index: number } | null>(null);
  useSignalEffect(() => {
    void runs.pages.changes.value;
    const element = scroller.current;
    if (element === null || view.peek().groupBy.length > 0) {
      return;
    }
    const old = anchor.current;
    // What the last scrolling said: to ask the element lays the whole page out between two answers.
    if (old !== null && scrollPx.peek() > 0 && view.peek().following === "follow") {
      const index = runs.pages.indexOf(old.runId);
      if (index !== null && index !== old.index) {
        element.scrollTop += (index - old.index) * ROW_PX;
        scrollPx.value = element.scrollTop;
      }
    }
    const index = Math.ceil(scrollPx.peek() / ROW_PX);
    const runId = runs.pages.row(index)?.runId;
    anchor.current = runId === undefined ? null : { runId, index };
  });
}
