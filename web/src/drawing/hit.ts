/** What lies at the pointer: the nearest line, and the value of each line there. */

import type { ChartLine, PlacedLine } from "./line_chart";
import { firstAtLeast, type PixelLine } from "./polyline";
import type { Scale } from "./scale";

export interface Hit {
  /** The place of the line among those that were handed in. */
  readonly index: number;
  readonly distance: number;
}

function squaredToSegment(x: number, y: number, line: PixelLine, i: number): number {
  const x0 = line.x[i]!;
  const y0 = line.y[i]!;
  const dx = line.x[i + 1]! - x0;
  const dy = line.y[i + 1]! - y0;
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
  const offX = x - (x0 + along * dx);
  const offY = y - (y0 + along * dy);
  return offX * offX + offY * offY;
}

function squaredDistance(line: PixelLine, x: number, y: number, reach: number): number {
  const xs = line.x.subarray(0, line.count);
  const from = Math.max(0, firstAtLeast(xs, x - reach) - 1);
  let nearest = Infinity;
  for (let i = from; i < line.count; i++) {
    const offX = xs[i]! - x;
    const offY = line.y[i]! - y;
    const toPoint = offX * offX + offY * offY;
    if (toPoint < nearest) nearest = toPoint;
    if (i + 1 < line.count) {
      const toSegment = squaredToSegment(x, y, line, i);
      if (toSegment < nearest) nearest = toSegment;
    }
    if (offX > reach) break;
  }
  return nearest;
}

/** The line whose stroke is nearest to a pixel, none farther than `reach` pixels. */
export function nearestLine(placed: readonly PlacedLine[], x: number, y: number, reach: number): Hit | null {
  let index = -1;
  let least = reach * reach;
  for (let i = 0; i < placed.length; i++) {
    const squared = squaredDistance(placed[i]!.pixels, x, y, Math.sqrt(least));
    if (squared <= least) {
      least = squared;
      index = i;
    }
  }
  return index < 0 ? null : { index, distance: Math.sqrt(least) };
}

/** The place of the point of a line that is nearest along x, in pixels; null beyond its ends by more than `reach`. */
export function nearestPoint(line: ChartLine, xScale: Scale, pixel: number, reach: number): number | null {
  const { x, y } = line;
  const value = xScale.valueAt(pixel);
  const after = firstAtLeast(x, value);
  let best: number | null = null;
  let least = Infinity;
  const look = (i: number): boolean => {
    if (i < 0 || i >= x.length) return false;
    if (Number.isNaN(y[i]!)) return true;
    const distance = Math.abs(xScale.at(x[i]!) - pixel);
    if (distance < least) {
      least = distance;
      best = i;
    }
    return false;
  };
  for (let i = after; look(i); i++);
  for (let i = after - 1; look(i); i--);
  const isInside = x.length > 0 && value >= x[0]! && value <= x[x.length - 1]!;
  return isInside || least <= reach ? best : null;
}
