/** A group of the table: what its runs have in common, how many they are, and their aggregates. */

import type { JSX } from "preact";
import { colourOf } from "../../state/colours";
import { lineIdOf, type Line } from "../../state/table_lines";
import { titleOf } from "../../state/usual_columns";
import type { GroupAggregate } from "../../state/view";
import { counted, formatCell, formatNumber } from "../parts/format";
import { Icon } from "../parts/Icon";
import { ROW_PX } from "./column_widths";
import { useWorkspace } from "./context";
import { toggleGroup } from "./keyboard";
import type { ShownColumn } from "./RunLine";

export type GroupLineProps = {
  readonly index: number;
  readonly line: Extract<Line, { kind: "group" }>;
  readonly columns: readonly ShownColumn[];
  readonly aggregate: GroupAggregate;
  readonly isCursor: boolean;
  readonly nowS: number;
};

export function GroupLine({ index, line, columns, aggregate, isCursor, nowS }: GroupLineProps): JSX.Element {
  const context = useWorkspace();
  const { hoverRun } = context.workspace;
  const { group, groupKey, isOpen } = line;
  const lineId = lineIdOf(group);
  const isHidden = context.workspace.hidden.value.has(lineId);
  const name = Object.entries(group.values)
    .map(([column, value]) => `${titleOf(column).title} ${value === null ? "not set" : formatCell(column, value, nowS)}`)
    .join(", ");
  return (
    <div
      class={["line line-group", isCursor && "line-cursor", isHidden && "line-hidden"].filter(Boolean).join(" ")}
      id={`line-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-expanded={isOpen}
      style={{ transform: `translateY(${index * ROW_PX}px)` }}
      onPointerEnter={() => (hoverRun.value = lineId)}
      onPointerLeave={() => (hoverRun.value = null)}
      onClick={() => (context.workspace.cursor.value = index)}
    >
      <div class="cell cell-name" role="rowheader">
        <button
          type="button"
          class="eye"
          aria-label={isHidden ? `Show the line of ${name}` : `Hide the line of ${name}`}
          aria-pressed={isHidden}
          title={isHidden ? "Show its line" : "Hide its line (h)"}
          onClick={() => context.workspace.toggleHidden([lineId])}
        >
          {isHidden ? <Icon name="eyeOff" /> : <span class="dot" style={{ background: colourOf(lineId).colour }} />}
        </button>
        <button type="button" class="group-toggle" aria-expanded={isOpen} title={name} onClick={() => toggleGroup(context, groupKey)}>
          <Icon name={isOpen ? "down" : "right"} />
          <span class="group-name">
            {Object.entries(group.values).map(([column, value]) => (
              <span key={column} class="group-value">
                {value === null ? <i>not set</i> : formatCell(column, value, nowS)}
              </span>
            ))}
          </span>
          <span class="soft group-count">{counted(group.run_count, "run")}</span>
        </button>
      </div>
      {columns.map((column) => {
        const found = group.aggregates[column.name];
        const value = found?.[aggregate] ?? null;
        return (
          <div key={column.name} class={column.isRight ? "cell cell-right" : "cell"} role="gridcell" title={titleOfAggregates(found)}>
            {value === null ? "" : aggregate === "count" ? formatNumber(value) : formatCell(column.name, value, nowS)}
          </div>
        );
      })}
    </div>
  );
}

function titleOfAggregates(found: Readonly<Record<string, number | null>> | undefined): string {
  if (found === undefined) {
    return "";
  }
  return Object.entries(found)
    .map(([name, value]) => `${name} ${value === null ? "–" : formatNumber(value)}`)
    .join(", ");
}
