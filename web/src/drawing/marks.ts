/** What has no place on an axis is marked at its edge: NaN, infinities, and on a log axis what is not above nought. */

import { firstAbove, firstAtLeast } from "./polyline";
import type { Scale } from "./scale";
import type { Box, Surface } from "./surface";

export const MARK_NAN = 0;
export const MARK_POSITIVE_INFINITY = 1;
export const MARK_NEGATIVE_INFINITY = 2;
/** A value of nought or below on a log axis. */
export const MARK_NON_POSITIVE = 3;

const SIZE_PX = 4;
/** Marks of a kind and a line that lie closer than this are one. */
const NEAR_PX = 5;

/** A mark in pixels. */
export interface Mark {
  readonly x: number;
  readonly kind: number;
}

/** The marks of a line that are in sight, those that would cover each other once. */
export function placedMarks(
  marks: { readonly x: Float64Array; readonly kind: Float64Array },
  xScale: Scale,
): Mark[] {
  const placed: Mark[] = [];
  const lastOf = [-Infinity, -Infinity, -Infinity];
  const to = firstAbove(marks.x, xScale.high);
  for (let i = firstAtLeast(marks.x, xScale.low); i < to; i++) {
    const x = xScale.at(marks.x[i]!);
    const kind = marks.kind[i]!;
    if (x - lastOf[kind]! < NEAR_PX) continue;
    lastOf[kind] = x;
    placed.push({ x, kind });
  }
  return placed;
}

/** Marks for the values of a line that a log axis cannot show. */
export function nonPositiveMarks(x: Float64Array, y: Float64Array, xScale: Scale): Mark[] {
  const placed: Mark[] = [];
  let last = -Infinity;
  const to = firstAbove(x, xScale.high);
  for (let i = firstAtLeast(x, xScale.low); i < to; i++) {
    if (!(y[i]! <= 0)) continue;
    const pixel = xScale.at(x[i]!);
    if (pixel - last < NEAR_PX) continue;
    last = pixel;
    placed.push({ x: pixel, kind: MARK_NON_POSITIVE });
  }
  return placed;
}

/** Add a mark to the surface's path: triangles point to where the value is, NaN is a cross at the lower edge. */
export function traceMark(surface: Surface, mark: Mark, box: Box): void {
  const { x } = mark;
  if (mark.kind === MARK_NAN) {
    const y = box.bottom - SIZE_PX - 1;
    surface.moveTo(x - SIZE_PX + 1, y - SIZE_PX + 1);
    surface.lineTo(x + SIZE_PX - 1, y + SIZE_PX - 1);
    surface.moveTo(x - SIZE_PX + 1, y + SIZE_PX - 1);
    surface.lineTo(x + SIZE_PX - 1, y - SIZE_PX + 1);
    return;
  }
  const isUp = mark.kind === MARK_POSITIVE_INFINITY;
  const tip = isUp ? box.top + 1 : box.bottom - 1;
  const base = isUp ? tip + 1.6 * SIZE_PX : tip - 1.6 * SIZE_PX;
  surface.moveTo(x, tip);
  surface.lineTo(x - SIZE_PX, base);
  surface.lineTo(x + SIZE_PX, base);
  surface.closePath();
}

/** True if the inside of the mark is filled: infinities are, what only this axis cannot show is not. */
export function isFilledMark(mark: Mark): boolean {
  return mark.kind === MARK_POSITIVE_INFINITY || mark.kind === MARK_NEGATIVE_INFINITY;
}
