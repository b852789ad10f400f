/** The heads of the columns: a click orders, a pull makes wider, dragging moves, the arrow has the rest. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { readOrder, toggledOrder } from "../../state/order";
import { titleOf } from "../../state/usual_columns";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { boundedWidth, moved, NAME_PX } from "./column_widths";
import { useWorkspace } from "./context";
import type { ShownColumn } from "./RunLine";

export function TableHead({ columns }: { readonly columns: readonly ShownColumn[] }): JSX.Element {
  const { workspace } = useWorkspace();
  const { selected, nameWidthPx } = workspace.view.value;
  const isAll = selected.isAllBut && selected.ids.length === 0;
  const isNone = !selected.isAllBut && selected.ids.length === 0;
  return (
    <div class="line line-head" role="row" aria-rowindex={1}>
      <div class="cell cell-name cell-head" role="columnheader" aria-sort={sortOf(workspace.view.value.order, "name")}>
        <input
          type="checkbox"
          aria-label={isAll ? "Select none" : "Select all that match"}
          title={isAll ? "Select none" : "Select all that match"}
          checked={isAll}
          ref={(element) => {
            if (element !== null) {
              element.indeterminate = !isAll && !isNone;
            }
          }}
          onClick={(event) => {
            workspace.select({ isAllBut: !isAll, ids: [] });
            event.currentTarget.checked = !isAll;
          }}
        />
        <OrderButton name="name" isUsuallyDescending={false} />
        <Handle widthPx={nameWidthPx ?? NAME_PX} label="Name" onWidth={(widthPx) => workspace.change({ nameWidthPx: Math.max(120, widthPx) })} />
      </div>
      {columns.map((column, place) => (
        <HeadCell key={column.name} column={column} place={place} />
      ))}
    </div>
  );
}

const DRAGGED_AS = "application/x-runlake-column";

function HeadCell({ column, place }: { readonly column: ShownColumn; readonly place: number }): JSX.Element {
  const { workspace } = useWorkspace();
  const isTarget = useSignal(false);
  const isPulled = useRef(false);
  const columns = workspace.runs.columns.value;
  const setWidth = (widthPx: number): void => {
    workspace.change({ columns: columns.map((one) => (one.name === column.name ? { ...one, widthPx } : one)) });
  };
  return (
    <div
      class={["cell cell-head", column.isRight && "cell-right", isTarget.value && "cell-target"].filter(Boolean).join(" ")}
      role="columnheader"
      aria-sort={sortOf(workspace.view.value.order, column.name)}
      draggable
      onDragStart={(event) => {
        if (isPulled.current) {
          event.preventDefault();
        } else {
          event.dataTransfer?.setData(DRAGGED_AS, column.name);
        }
      }}
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes(DRAGGED_AS) === true) {
          event.preventDefault();
          isTarget.value = true;
        }
      }}
      onDragLeave={() => (isTarget.value = false)}
      onDrop={(event) => {
        isTarget.value = false;
        const name = event.dataTransfer?.getData(DRAGGED_AS) ?? "";
        if (name !== "") {
          event.preventDefault();
          workspace.change({ columns: moved(columns, name, place) }, "Moved a column");
        }
      }}
    >
      <OrderButton name={column.name} isUsuallyDescending={column.kind === "number" || column.kind === "time"} />
      <ColumnMenu column={column} place={place} />
      <Handle widthPx={column.widthPx} label={column.name} onWidth={setWidth} isPulled={isPulled} />
    </div>
  );
}

function OrderButton({ name, isUsuallyDescending }: { readonly name: string; readonly isUsuallyDescending: boolean }): JSX.Element {
  const { workspace } = useWorkspace();
  const { order } = workspace.view.value;
  const parts = readOrder(order);
  const at = parts.findIndex((part) => part.name === name);
  const { root, title } = titleOf(name);
  return (
    <button
      type="button"
      class="head-button"
      title={`${name}\nClick to order by it, with Shift also by it`}
      onClick={(event) => workspace.change({ order: toggledOrder(order, name, isUsuallyDescending, event.shiftKey) }, "Ordered the runs")}
    >
      {root !== "" && <span class="head-root">{root === "config" ? "c." : "s."}</span>}
      <span class="head-title">{title}</span>
      {at >= 0 && (
        <span class="head-order">
          <Icon name={parts[at]?.isDescending === true ? "down" : "up"} />
          {parts.length > 1 && at + 1}
        </span>
      )}
    </button>
  );
}

function ColumnMenu({ column, place }: { readonly column: ShownColumn; readonly place: number }): JSX.Element {
  const { workspace, isAddingFilter, addedFilter } = useWorkspace();
  const { runs } = workspace;
  const { name } = column;
  const act = (close: () => void, deed: () => void) => () => {
    close();
    deed();
  };
  return (
    <Popover button={<Icon name="more" />} label={`More for ${name}`} buttonClass="head-more">
      {(close) => {
        const columns = runs.columns.peek();
        const { groupBy } = workspace.view.peek();
        const order = (isDescending: boolean): void => workspace.change({ order: [`${isDescending ? "-" : "+"}${name.replaceAll(",", "\\,")}`] }, "Ordered the runs");
        return (
          <div class="menu">
            <p class="menu-title">{name}</p>
            <button type="button" class="menu-item" onClick={act(close, () => order(false))}>
              Smallest first
            </button>
            <button type="button" class="menu-item" onClick={act(close, () => order(true))}>
              Largest first
            </button>
            <button
              type="button"
              class="menu-item"
              onClick={act(close, () => {
                addedFilter.value = name;
                isAddingFilter.value = true;
              })}
            >
              Filter by it
            </button>
            <button type="button" class="menu-item" onClick={act(close, () => workspace.change({ groupBy: [...new Set([...groupBy, name])] }, "Grouped the runs"))}>
              Group by it
            </button>
            <hr />
            <button type="button" class="menu-item" disabled={place === 0} onClick={act(close, () => workspace.change({ columns: moved(columns, name, place - 1) }, "Moved a column"))}>
              Move left
            </button>
            <button type="button" class="menu-item" disabled={place === columns.length - 1} onClick={act(close, () => workspace.change({ columns: moved(columns, name, place + 1) }, "Moved a column"))}>
              Move right
            </button>
            <button type="button" class="menu-item" onClick={act(close, () => workspace.change({ columns: columns.filter((one) => one.name !== name) }, "Took away a column"))}>
              Take away
            </button>
          </div>
        );
      }}
    </Popover>
  );
}

const KEY_STEP_PX = 16;

type HandleProps = {
  readonly widthPx: number;
  readonly label: string;
  readonly onWidth: (widthPx: number) => void;
  /** Told while it is pulled: the head must not be dragged then. */
  readonly isPulled?: { current: boolean };
};

/** The right edge of a head, which can be pulled. */
function Handle({ widthPx, label, onWidth, isPulled }: HandleProps): JSX.Element {
  const pull = useSignal<{ readonly fromPx: number; readonly widthPx: number } | null>(null);
  const end = (): void => {
    pull.value = null;
    if (isPulled !== undefined) {
      isPulled.current = false;
    }
  };
  return (
    <span
      class="handle"
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width of ${label}`}
      aria-valuenow={widthPx}
      tabIndex={-1}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        if (isPulled !== undefined) {
          isPulled.current = true;
        }
        pull.value = { fromPx: event.clientX, widthPx };
      }}
      onPointerMove={(event) => {
        if (pull.value !== null) {
          onWidth(boundedWidth(pull.value.widthPx + event.clientX - pull.value.fromPx));
        }
      }}
      onPointerUp={end}
      onPointerCancel={end}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          onWidth(boundedWidth(widthPx + (event.key === "ArrowLeft" ? -KEY_STEP_PX : KEY_STEP_PX)));
        }
      }}
    />
  );
}

function sortOf(order: readonly string[], name: string): "ascending" | "descending" | "none" {
  const part = readOrder(order).find((one) => one.name === name);
  return part === undefined ? "none" : part.isDescending ? "descending" : "ascending";
}
