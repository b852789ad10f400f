/** The frame of a chart: grid, axes and their labels, and what room they take. */

import { clockParts, MONTHS, zoneName, type Zone } from "./format";
import type { Scale } from "./scale";
import { LABEL_PX, labelFont, shortened, type Box, type Surface, type Theme } from "./surface";
import { clockTicks, durationTicks } from "./time_ticks";
import { scaleTicks, type Tick } from "./ticks";

/** What the numbers of an axis are. */
export type Quantity =
  | { readonly kind: "number" }
  | { readonly kind: "step" }
  | { readonly kind: "duration" }
  | { readonly kind: "clock"; readonly zone: Zone };

/** An axis: its ticks, and the words beside it (the zone of a clock is among them). */
export interface Axis {
  readonly ticks: readonly Tick[];
  readonly title: string;
}

export function makeAxis(scale: Scale, quantity: Quantity, title: string, count: number): Axis {
  if (scale.kind !== "linear") return { ticks: scaleTicks(scale, count), title };
  switch (quantity.kind) {
    case "duration":
      return { ticks: durationTicks(scale, count), title };
    case "clock":
      return { ticks: clockTicks(scale, count, quantity.zone), title: clockTitle(scale, quantity.zone) };
    default:
      return { ticks: scaleTicks(scale, count, quantity.kind === "step"), title };
  }
}

/** The zone, and the day when all is of one: the ticks name days only where one begins. */
function clockTitle(scale: Scale, zone: Zone): string {
  const [first, last] = [clockParts(scale.low, zone), clockParts(scale.high, zone)];
  const isOneDay = first.day === last.day && scale.high - scale.low < 86_400;
  return `${isOneDay ? `${last.day} ${MONTHS[last.month]} ` : ""}${zoneName(scale.high, zone)}`;
}

/** How many ticks an axis of this length has at most; words need more room side by side than one above the other. */
export function tickCount(lengthPx: number, isHorizontal: boolean): number {
  return Math.max(2, Math.min(12, Math.floor(lengthPx / (isHorizontal ? 64 : 28))));
}

/** The room between a chart's edge and what is drawn, for labels of these ticks. */
export function plotBox(
  surface: Surface,
  size: { readonly width: number; readonly height: number },
  yTicks: readonly Tick[],
  theme: Theme,
): Box {
  surface.font = labelFont(theme);
  const widest = Math.max(20, ...yTicks.map((tick) => surface.measureText(tick.label).width));
  return {
    left: Math.ceil(Math.min(widest + 10, size.width * 0.4)),
    top: 8,
    right: size.width - 10,
    bottom: size.height - LABEL_PX - 10,
  };
}

function crisp(pixel: number): number {
  return Math.round(pixel - 0.5) + 0.5;
}

export function drawGrid(surface: Surface, box: Box, axes: { x: Axis; y: Axis }, scales: { x: Scale; y: Scale }, theme: Theme): void {
  surface.lineWidth = 1;
  surface.setLineDash([]);
  surface.strokeStyle = theme.grid;
  surface.beginPath();
  for (const { value } of axes.y.ticks) {
    const y = crisp(scales.y.at(value));
    surface.moveTo(box.left, y);
    surface.lineTo(box.right, y);
  }
  for (const { value, label } of axes.x.ticks) {
    if (label === "") continue;
    const x = crisp(scales.x.at(value));
    surface.moveTo(x, box.top);
    surface.lineTo(x, box.bottom);
  }
  surface.stroke();
}

export function drawAxes(surface: Surface, box: Box, axes: { x: Axis; y: Axis }, scales: { x: Scale; y: Scale }, theme: Theme): void {
  surface.strokeStyle = theme.line;
  surface.lineWidth = 1;
  surface.setLineDash([]);
  surface.beginPath();
  surface.moveTo(box.left, crisp(box.bottom));
  surface.lineTo(box.right, crisp(box.bottom));
  surface.stroke();
  surface.font = labelFont(theme);
  surface.fillStyle = theme.soft;
  surface.textBaseline = "middle";
  surface.textAlign = "right";
  let lastY = Infinity;
  for (const { value, label } of axes.y.ticks) {
    const y = scales.y.at(value);
    if (label === "" || lastY - y < LABEL_PX + 1) continue;
    surface.fillText(label, box.left - 6, Math.max(y, LABEL_PX / 2));
    lastY = y;
  }
  surface.textAlign = "right";
  surface.fillStyle = theme.faint;
  const title = shortened(surface, axes.x.title, (box.right - box.left) / 2);
  surface.fillText(title, box.right, box.bottom + LABEL_PX);
  surface.fillStyle = theme.soft;
  drawXLabels(surface, box, axes.x.ticks, { scale: scales.x, end: box.right - surface.measureText(title).width - 8 });
}

/** Labels below the axis, up to `end`, where its title is; one that would touch another is left out. */
function drawXLabels(surface: Surface, box: Box, ticks: readonly Tick[], axis: { readonly scale: Scale; readonly end: number }): void {
  surface.textAlign = "center";
  let free = -Infinity;
  for (const { value, label } of ticks) {
    const half = surface.measureText(label).width / 2;
    const x = Math.max(axis.scale.at(value), half + 2);
    if (label === "" || x - half < free || x + half > axis.end) continue;
    surface.fillText(label, x, box.bottom + LABEL_PX);
    free = x + half + 8;
  }
}
