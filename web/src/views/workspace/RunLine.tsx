/** One run of the table. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { colourOf } from "../../state/colours";
import type { RunRow } from "../../state/run_pages";
import { mayEdit } from "../../state/session";
import type { ColumnKind } from "../../wire/documents";
import type { Json } from "../../wire/json";
import { exactCell, formatCell, formatDifference } from "../parts/format";
import { Icon } from "../parts/Icon";
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
  readonly isPinned: boolean;
  readonly isIndented: boolean;
  readonly editing: Editing["column"] | null;
  readonly nowS: number;
};

export function RunLine(props: RunLineProps): JSX.Element {
  const { workspace, editing } = useWorkspace();
  const { index, row, columns, baseline } = props;
  const place = index === null ? {} : { transform: `translateY(${index * ROW_PX}px)` };
  if (row === null) {
    return (
      <div class="line line-waiting" role="row" aria-busy style={place}>
        <div class="cell cell-name" role="gridcell" />
      </div>
    );
  }
  const isBaseline = baseline?.runId === row.runId;
  const classes = ["line", props.isSelected && "line-selected", props.isCursor && "line-cursor", props.isHidden && "line-hidden", index === null && "line-pinned"];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      id={index === null ? undefined : `line-${index}`}
      role="row"
      aria-rowindex={index === null ? undefined : index + 2}
      aria-selected={props.isSelected}
      style={place}
      onPointerEnter={() => (workspace.hoverRun.value = row.runId)}
      onPointerLeave={() => (workspace.hoverRun.value = null)}
      onClick={() => {
        if (index !== null) {
          workspace.cursor.value = index;
        }
      }}
    >
      <NameCell {...props} row={row} isBaseline={isBaseline} />
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
            title={exactCell(column.name, value)}
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

function NameCell({ index, row, isSelected, isHidden, isPinned, isIndented, isBaseline, editing: edited }: RunLineProps & { row: RunRow; isBaseline: boolean }): JSX.Element {
  const context = useWorkspace();
  const { workspace, editing } = context;
  const { entity, project } = workspace.path;
  const name = String(row.value("name") ?? row.runId);
  const { colour } = colourOf(row.runId);
  if (edited === "name") {
    return <InPlace column="name" row={row} />;
  }
  return (
    <div class={isIndented ? "cell cell-name cell-indented" : "cell cell-name"} role="rowheader" onDblClick={() => mayEdit.value && (editing.value = { runId: row.runId, column: "name" })}>
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
        class={isHidden ? "eye eye-off" : "eye"}
        aria-label={isHidden ? `Show the lines of ${name}` : `Hide the lines of ${name}`}
        aria-pressed={isHidden}
        title={isHidden ? "Show its lines" : "Hide its lines"}
        onClick={() => workspace.toggleHidden([row.runId])}
      >
        <span class="dot" style={{ background: colour }} />
        <Icon name={isHidden ? "eyeOff" : "eye"} />
      </button>
      <a class="run-name" href={formatHash([entity, project, "runs", row.runId])} title={name}>
        {name}
      </a>
      {isBaseline && <span class="mark" title="Baseline: others show how they differ from it">baseline</span>}
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
    </div>
  );
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
    const share = of === 0 ? "" : ` (${formatDifference(Number(((difference / Math.abs(of)) * 100).toPrecision(3)))} %)`;
    return (
      <span class="difference" title={`${formatDifference(difference)}${share} beside the baseline`}>
        {formatDifference(Number(difference.toPrecision(3)))}
      </span>
    );
  }
  return null;
}
