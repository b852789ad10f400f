/** One run of the table. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { colourOf } from "../../state/colours";
import type { RunRow } from "../../state/run_pages";
import { mayEdit } from "../../state/session";
import type { ColumnKind } from "../../wire/documents";
import type { Json } from "../../wire/json";
import { exactCell, formatCell, formatDifference } from "../parts/format";
import { Icon } from "../parts/Icon";
import { memo } from "../parts/memo";
import { StateDot } from "../parts/StateDot";
import { useWorkspace, type Editing } from "./context";
import { InPlace } from "./InPlace";
import { ROW_PX } from "./column_widths";

export type ShownColumn = {
  readonly name: string;
  readonly kind: ColumnKind | undefined;
  readonly widthPx: number;
  readonly isRight: boolean;
};

export type RunLineProps = {
  /** The line in the list; null for one that is pinned above it. */
  readonly index: number | null;
  readonly row: RunRow | null;
  readonly columns: readonly ShownColumn[];
  readonly baseline: RunRow | null;
  readonly isCursor: boolean;
  readonly isSelected: boolean;
  readonly isHidden: boolean;
  /** Whether a chart's pointer is at its line. */
  readonly isHit: boolean;
  readonly isPinned: boolean;
  readonly isIndented: boolean;
  readonly editing: Editing["column"] | null;
  readonly nowS: number;
};

export const RunLine = memo(Line);

function Line(props: RunLineProps): JSX.Element {
  const context = useWorkspace();
  const { workspace, editing } = context;
  const isPointedAt = useSignal(false);
  const { index, row, columns, baseline } = props;
  const place = index === null ? {} : { transform: `translateY(${index * ROW_PX}px)` };
  if (row === null) {
    return (
      <div class="line line-waiting" id={index === null ? undefined : `line-${index}`} role="row" aria-busy style={place}>
        <div class="cell cell-name" role="gridcell" />
      </div>
    );
  }
  const isBaseline = baseline?.runId === row.runId;
  const classes = ["line", props.isSelected && "line-selected", props.isCursor && "line-cursor", props.isHit && "line-hit", props.isHidden && "line-hidden", index === null && "line-pinned"];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      id={index === null ? undefined : `line-${index}`}
      role="row"
      aria-rowindex={index === null ? undefined : index + 2}
      aria-selected={props.isSelected}
      style={place}
      onPointerEnter={() => {
        isPointedAt.value = true;
        workspace.hoverRun.value = row.runId;
      }}
      onPointerLeave={() => {
        isPointedAt.value = false;
        workspace.hoverRun.value = null;
      }}
      onPointerOver={(event) => tellExactly(event, row, columns)}
      onClick={(event) => {
        if (index !== null) {
          workspace.cursor.value = index;
        }
        const isOnControl = (event.target as Element).closest("a, button, input") !== null;
        if (!isOnControl && (event.shiftKey || event.ctrlKey || event.metaKey)) {
          selectLine(context, index, row.runId, event.shiftKey);
          getSelection()?.removeAllRanges();
        }
      }}
    >
      <NameCell {...props} row={row} isBaseline={isBaseline} isPointedAt={isPointedAt.value || props.isCursor} />
      {columns.map((column) => {
        const value = row.value(column.name);
        const isEditable = mayEdit.value && (column.name === "tags" || column.name === "notes");
        if (props.editing !== null && props.editing === column.name) {
          return <InPlace key={column.name} column={props.editing} row={row} />;
        }
        return (
          <div
            key={column.name}
            class={column.isRight ? "cell cell-right" : "cell"}
            role="gridcell"
            onDblClick={isEditable ? () => (editing.value = { runId: row.runId, column: column.name as "tags" | "notes" }) : undefined}
          >
            <CellValue column={column} value={value} nowS={props.nowS} />
            {baseline !== null && !isBaseline && <Difference value={value} of={baseline.value(column.name)} column={column.name} />}
          </div>
        );
      })}
    </div>
  );
}

/** Give the cell below the pointer its value without any shortening; to write all of them would slow scrolling. */
function tellExactly(event: PointerEvent, row: RunRow, columns: readonly ShownColumn[]): void {
  const cell = (event.target as Element).closest<HTMLElement>(".cell");
  const place = Array.prototype.indexOf.call(cell?.parentElement?.children ?? [], cell);
  const column = columns[place - 1];
  if (cell !== null && column !== undefined) {
    cell.title = exactCell(column.name, row.value(column.name));
  }
}

type NameCellProps = RunLineProps & { readonly row: RunRow; readonly isBaseline: boolean; readonly isPointedAt: boolean };

function NameCell(props: NameCellProps): JSX.Element {
  const context = useWorkspace();
  const { workspace, editing } = context;
  const { index, row, isSelected, isHidden, isBaseline } = props;
  const { entity, project } = workspace.path;
  const name = nameOf(row);
  if (props.editing === "name") {
    return <InPlace column="name" row={row} />;
  }
  return (
    <div
      class={props.isIndented ? "cell cell-name cell-indented" : "cell cell-name"}
      role="rowheader"
      onDblClick={() => mayEdit.value && (editing.value = { runId: row.runId, column: "name" })}
    >
      <input
        type="checkbox"
        checked={isSelected}
        aria-label={`Select ${name}`}
        onClick={(event) => {
          selectLine(context, index, row.runId, event.shiftKey);
          event.currentTarget.checked = !isSelected;
        }}
      />
      <button
        type="button"
        class="eye"
        aria-label={isHidden ? `Show the lines of ${name}` : `Hide the lines of ${name}`}
        aria-pressed={isHidden}
        title={isHidden ? "Show its lines" : "Hide its lines"}
        onClick={() => workspace.toggleHidden([row.runId])}
      >
        {isHidden ? <Icon name="eyeOff" /> : <span class="dot" style={{ background: colourOf(row.runId).colour }} />}
      </button>
      <a class="line-name" href={formatHash([entity, project, "runs", row.runId])} title={name}>
        {name}
      </a>
      {isBaseline && (
        <span class="mark" title="Baseline: others show how they differ from it">
          baseline
        </span>
      )}
      {props.isPointedAt && <Actions {...props} />}
    </div>
  );
}

/** What can be done with the run that the pointer or the keyboard is at. */
function Actions({ row, isBaseline, isPinned }: NameCellProps): JSX.Element {
  const { workspace, editing } = useWorkspace();
  const name = nameOf(row);
  return (
    <span class="line-actions">
      {mayEdit.value && (
        <button type="button" class="button-icon" aria-label={`Rename ${name}`} title="Rename (e)" onClick={() => (editing.value = { runId: row.runId, column: "name" })}>
          <Icon name="edit" />
        </button>
      )}
      <button type="button" class="button-icon" aria-label={`Compare others with ${name}`} aria-pressed={isBaseline} title="Baseline (b)" onClick={() => workspace.toggleBaseline(row.runId)}>
        <Icon name="baseline" />
      </button>
      <button type="button" class="button-icon" aria-label={isPinned ? `Unpin ${name}` : `Pin ${name}`} aria-pressed={isPinned} title="Pin (p)" onClick={() => workspace.togglePinned(row.runId)}>
        <Icon name="pin" />
      </button>
    </span>
  );
}

function nameOf(row: RunRow): string {
  return String(row.value("name") ?? row.runId);
}

/** Select a line, or with shift all from the one that was selected last. */
function selectLine({ workspace, lastSelected }: ReturnType<typeof useWorkspace>, index: number | null, runId: string, isRange: boolean): void {
  const from = lastSelected.peek();
  if (isRange && index !== null && from !== null) {
    const ids: string[] = [];
    for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
      const row = workspace.runs.rowAt(at);
      if (row !== null) {
        ids.push(row.runId);
      }
    }
    workspace.toggle(ids, true);
  } else {
    workspace.toggle([runId]);
  }
  lastSelected.value = index;
}

function CellValue({ column, value, nowS }: { readonly column: ShownColumn; readonly value: Json; readonly nowS: number }): JSX.Element {
  if (column.name === "state") {
    return (
      <>
        <StateDot state={String(value ?? "")} /> {String(value ?? "")}
      </>
    );
  }
  if (column.name === "tags" && Array.isArray(value)) {
    return (
      <>
        {value.map((tag) => (
          <span key={String(tag)} class="tag">
            {String(tag)}
          </span>
        ))}
      </>
    );
  }
  const isOdd = typeof value === "number" && !Number.isFinite(value);
  return <span class={isOdd ? "odd" : undefined}>{formatCell(column.name, value, nowS)}</span>;
}

function Difference({ value, of, column }: { readonly value: Json; readonly of: Json; readonly column: string }): JSX.Element | null {
  if (column === "created_at" || column === "heartbeat_at" || typeof of === "boolean" || typeof value === "boolean") {
    return null;
  }
  if (typeof value === "number" && typeof of === "number") {
    const difference = value - of;
    if (difference === 0 || !Number.isFinite(difference)) {
      return null;
    }
    const text = formatDifference(column, difference);
    const share = of === 0 ? "" : ` (${formatDifference("", (difference / Math.abs(of)) * 100)} %)`;
    return (
      <span class="difference" title={`${text}${share} beside the baseline, which has ${exactCell(column, of)}`}>
        {text}
      </span>
    );
  }
  return null;
}
