/** A bar a run, as a picture. */

import { formatValue } from "./format";
import { labelFont, shortened, type Surface, type Theme } from "./surface";

export interface BarRow {
  readonly name: string;
  readonly colour: string;
  /** Null, and what is not finite, has no bar. */
  readonly value: number | null;
}

const ROW_PX = 20;
const BAR_PX = 12;
const SIDE_PX = 10;
const VALUE_PX = 64;

/** The height that so many bars need. */
export function barsHeight(barCount: number): number {
  return barCount * ROW_PX + SIDE_PX;
}

/** Where each bar begins and ends, from 0 to 1: at nought, which is somewhere between where values are on both sides of it. */
export function barSpans(values: readonly (number | null)[]): (readonly [from: number, to: number])[] {
  const finite = values.map((value) => (value !== null && Number.isFinite(value) ? value : 0));
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // As shares of the largest, since the distance of two numbers may be none.
  const shares = finite.map((value) => (largest > 0 ? value / largest : 0));
  const low = shares.reduce((least, share) => Math.min(least, share), 0);
  const room = shares.reduce((most, share) => Math.max(most, share), 0) - low;
  return shares.map((share) => (room > 0 ? [(Math.min(0, share) - low) / room, (Math.max(0, share) - low) / room] : [0, 0]));
}

export function drawBars(surface: Surface, bars: readonly BarRow[], width: number, theme: Theme): void {
  const spans = barSpans(bars.map(({ value }) => value));
  const nameWidth = Math.round((width - 2 * SIDE_PX) * 0.36);
  const from = SIDE_PX + nameWidth + 8;
  const room = Math.max(0, width - SIDE_PX - VALUE_PX - from);
  surface.font = labelFont(theme);
  surface.textBaseline = "middle";
  bars.forEach(({ name, colour, value }, i) => {
    const middle = i * ROW_PX + ROW_PX / 2;
    surface.fillStyle = theme.ink;
    surface.textAlign = "left";
    surface.fillText(shortened(surface, name, nameWidth), SIDE_PX, middle);
    surface.fillStyle = colour;
    const [begin, end] = spans[i]!;
    if (end > begin) surface.fillRect(from + begin * room, middle - BAR_PX / 2, (end - begin) * room, BAR_PX);
    surface.fillStyle = theme.ink;
    surface.textAlign = "right";
    if (value !== null) surface.fillText(formatValue(value), width - SIDE_PX, middle);
  });
}
