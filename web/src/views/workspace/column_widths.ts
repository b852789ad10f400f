/** How wide columns are, and what stands on the right of them. */

import type { ColumnKind } from "../../wire/documents";
import type { Column } from "../../state/view";

export const ROW_PX = 28;
export const NAME_PX = 240;
export const NARROWEST_PX = 48;
export const WIDEST_PX = 1_200;

const BY_NAME: Readonly<Record<string, number>> = { state: 96, created_at: 92, heartbeat_at: 110, runtime_s: 96, tags: 130, notes: 180, user: 80 };
const BY_KIND: Readonly<Partial<Record<ColumnKind, number>>> = { number: 92, bool: 88, time: 96 };

/** Room for a difference beside a number, and beside a duration. */
const DIFFERENCE_PX = 64;
const DURATION_PX = 96;

export function widthOf(column: Column, kind: ColumnKind | undefined, hasDifferences: boolean): number {
  const usual = BY_NAME[column.name] ?? BY_KIND[kind ?? "text"] ?? 120;
  const room = column.name === "runtime_s" ? DURATION_PX : DIFFERENCE_PX;
  return column.widthPx ?? usual + (hasDifferences && kind === "number" ? room : 0);
}

/** A width that somebody pulled at, as it may be. */
export function boundedWidth(widthPx: number): number {
  return Math.round(Math.min(WIDEST_PX, Math.max(NARROWEST_PX, widthPx)));
}

export function isRightAligned(name: string, kind: ColumnKind | undefined): boolean {
  return kind === "number" && name !== "created_at" && name !== "heartbeat_at";
}

/** A column at another place among the others. */
export function moved(columns: readonly Column[], name: string, place: number): Column[] {
  const column = columns.find((one) => one.name === name);
  const rest = columns.filter((one) => one !== column);
  return column === undefined ? [...columns] : [...rest.slice(0, place), column, ...rest.slice(place)];
}
