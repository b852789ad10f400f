/** Runs as points: one column by another. */

import { drawAxes, drawGrid, plotBox, tickCount } from "./axes";
import { columnScale, columnTicks, type ColumnAxis } from "./column_axis";
import type { Scale } from "./scale";
import type { Box, Surface, Theme } from "./surface";

export interface ScatterPoints {
  readonly x: ColumnAxis;
  readonly y: ColumnAxis;
  /** Of each run. */
  readonly colours: readonly string[];
}

export interface ScatterLayout {
  readonly box: Box;
  readonly x: Scale;
  readonly y: Scale;
}

const RADIUS_PX = 3.5;

function scatterAxes(points: ScatterPoints, layout: ScatterLayout) {
  const { box } = layout;
  const x = { ticks: columnTicks(points.x, layout.x, tickCount(box.right - box.left, true)), title: points.x.name };
  const y = { ticks: columnTicks(points.y, layout.y, tickCount(box.bottom - box.top, false)), title: "" };
  return { x, y };
}

export function layoutScatter(surface: Surface, points: ScatterPoints, size: { width: number; height: number }, theme: Theme): ScatterLayout {
  const rough = columnScale(points.y, [size.height - 21, 8]);
  const box = plotBox(surface, size, columnTicks(points.y, rough, tickCount(size.height - 29, false)), theme);
  return { box, x: columnScale(points.x, [box.left, box.right]), y: columnScale(points.y, [box.bottom, box.top]) };
}

export function drawScatter(surface: Surface, points: ScatterPoints, layout: ScatterLayout, theme: Theme, chosen: number | null): void {
  const axes = scatterAxes(points, layout);
  drawGrid(surface, layout.box, axes, layout, theme);
  drawAxes(surface, layout.box, axes, layout, theme);
  surface.globalAlpha = chosen === null ? 0.85 : 0.35;
  points.colours.forEach((colour, i) => drawDot(surface, points, layout, i, colour, RADIUS_PX));
  surface.globalAlpha = 1;
  if (chosen !== null) drawDot(surface, points, layout, chosen, points.colours[chosen]!, RADIUS_PX + 2);
}

function drawDot(surface: Surface, points: ScatterPoints, layout: ScatterLayout, i: number, colour: string, radius: number): void {
  const x = layout.x.at(points.x.numbers[i]!);
  const y = layout.y.at(points.y.numbers[i]!);
  if (Number.isNaN(x + y)) return;
  surface.beginPath();
  surface.fillStyle = colour;
  surface.arc(x, y, radius, 0, 2 * Math.PI);
  surface.fill();
}

/** The run whose point is nearest to a pixel, within reach. */
export function nearestDot(points: ScatterPoints, layout: ScatterLayout, at: { x: number; y: number }, reach: number): number | null {
  let nearest: number | null = null;
  let least = reach;
  points.colours.forEach((_, i) => {
    const distance = Math.hypot(layout.x.at(points.x.numbers[i]!) - at.x, layout.y.at(points.y.numbers[i]!) - at.y);
    if (distance < least) {
      least = distance;
      nearest = i;
    }
  });
  return nearest;
}
