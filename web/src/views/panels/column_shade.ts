/** Colours from low to high, for eyes of any kind: from blue over grey to orange. */

import { columnScale, type ColumnAxis } from "../../drawing/column_axis";

const STOPS: readonly (readonly [number, number, number])[] = [[42, 96, 201], [138, 146, 158], [224, 123, 20]];
const ABSENT = "#8a929e";

export function shadeOf(axis: ColumnAxis, value: number): string {
  const part = columnScale(axis, [0, 1]).at(value);
  if (Number.isNaN(part)) return ABSENT;
  const place = Math.min(1, Math.max(0, part)) * 2;
  const [from, to] = place < 1 ? [STOPS[0]!, STOPS[1]!] : [STOPS[1]!, STOPS[2]!];
  const share = place < 1 ? place : place - 1;
  return `rgb(${from.map((channel, i) => Math.round(channel + (to[i]! - channel) * share)).join(" ")})`;
}
