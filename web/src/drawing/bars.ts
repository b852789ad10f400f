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

export function drawBars(surface: Surface, bars: readonly BarRow[], width: number, theme: Theme): void {
  const finite = bars.map(({ value }) => (value !== null && Number.isFinite(value) ? Math.abs(value) : 0));
  const largest = finite.reduce((most, size) => Math.max(most, size), 0);
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
    if (largest > 0) surface.fillRect(from, middle - BAR_PX / 2, (finite[i]! / largest) * room, BAR_PX);
    surface.fillStyle = theme.ink;
    surface.textAlign = "right";
    if (value !== null) surface.fillText(formatValue(value), width - SIDE_PX, middle);
  });
}
