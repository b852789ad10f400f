/** Parallel coordinates: an axis a column, a line a run. */

import { columnScale, columnTicks, type ColumnAxis } from "./column_axis";
import type { Scale } from "./scale";
import { LABEL_PX, labelFont, shortened, type Surface, type Theme } from "./surface";

export interface ParallelRuns {
  readonly axes: readonly ColumnAxis[];
  readonly colours: readonly string[];
}

export interface ParallelLayout {
  readonly xs: readonly number[];
  readonly scales: readonly Scale[];
  readonly top: number;
  readonly bottom: number;
}

const SIDE_PX = 44;

export function layoutParallel(runs: ParallelRuns, size: { width: number; height: number }): ParallelLayout {
  const top = 26;
  const bottom = size.height - 10;
  const last = Math.max(1, runs.axes.length - 1);
  const xs = runs.axes.map((_, i) => SIDE_PX + (i * (size.width - 2 * SIDE_PX)) / last);
  return { xs, scales: runs.axes.map((axis) => columnScale(axis, [bottom, top])), top, bottom };
}

function placeOf(runs: ParallelRuns, layout: ParallelLayout, axis: number, run: number): number {
  return layout.scales[axis]!.at(runs.axes[axis]!.numbers[run]!);
}

/** Add the line of a run to the path; what it lacks is a gap. */
function traceRun(surface: Surface, runs: ParallelRuns, layout: ParallelLayout, run: number): void {
  let isOpen = false;
  layout.xs.forEach((x, axis) => {
    const y = placeOf(runs, layout, axis, run);
    if (Number.isNaN(y)) isOpen = false;
    else if (isOpen) surface.lineTo(x, y);
    else {
      surface.moveTo(x, y);
      isOpen = true;
    }
  });
}

function strokeRun(surface: Surface, runs: ParallelRuns, layout: ParallelLayout, run: number): void {
  surface.strokeStyle = runs.colours[run]!;
  surface.beginPath();
  traceRun(surface, runs, layout, run);
  surface.stroke();
}

export function drawParallel(surface: Surface, runs: ParallelRuns, layout: ParallelLayout, theme: Theme, chosen: number | null): void {
  surface.setLineDash([]);
  surface.lineWidth = 1;
  surface.globalAlpha = chosen === null ? 0.7 : 0.2;
  runs.colours.forEach((_, run) => strokeRun(surface, runs, layout, run));
  surface.globalAlpha = 1;
  surface.lineWidth = 2.5;
  if (chosen !== null) strokeRun(surface, runs, layout, chosen);
  runs.axes.forEach((axis, i) => drawAxis(surface, axis, { x: layout.xs[i]!, scale: layout.scales[i]!, layout }, theme));
}

function drawAxis(
  surface: Surface,
  axis: ColumnAxis,
  place: { readonly x: number; readonly scale: Scale; readonly layout: ParallelLayout },
  theme: Theme,
): void {
  const { x, scale, layout } = place;
  const width = layout.xs.length > 1 ? layout.xs[1]! - layout.xs[0]! : 200;
  surface.strokeStyle = theme.line;
  surface.lineWidth = 1;
  surface.beginPath();
  surface.moveTo(Math.round(x) + 0.5, layout.top);
  surface.lineTo(Math.round(x) + 0.5, layout.bottom);
  surface.stroke();
  surface.textBaseline = "middle";
  surface.textAlign = "center";
  surface.font = labelFont(theme, "bold");
  surface.fillStyle = theme.ink;
  surface.fillText(shortened(surface, axis.name.replace(/^(config|summary)\./, ""), Math.min(width, 2 * SIDE_PX) - 6), x, LABEL_PX - 1);
  surface.font = labelFont(theme);
  surface.textAlign = "left";
  for (const { value, label } of columnTicks(axis, scale, 5)) {
    if (label === "") continue;
    const text = shortened(surface, label, Math.max(24, width - 12));
    const y = scale.at(value);
    surface.globalAlpha = 0.8;
    surface.fillStyle = theme.ground;
    surface.fillRect(x + 2, y - LABEL_PX / 2, surface.measureText(text).width + 4, LABEL_PX);
    surface.globalAlpha = 1;
    surface.fillStyle = theme.soft;
    surface.fillText(text, x + 4, y);
  }
}

/** The run whose line is nearest to a pixel, within reach. */
export function nearestRun(runs: ParallelRuns, layout: ParallelLayout, at: { x: number; y: number }, reach: number): number | null {
  const right = layout.xs.findIndex((x) => x >= at.x);
  const axis = right <= 0 ? (right === 0 ? 0 : layout.xs.length - 2) : right - 1;
  const [from, to] = [layout.xs[axis], layout.xs[axis + 1]];
  if (from === undefined || to === undefined) return null;
  const part = Math.min(1, Math.max(0, (at.x - from) / (to - from)));
  let nearest: number | null = null;
  let least = reach;
  runs.colours.forEach((_, run) => {
    const y = placeOf(runs, layout, axis, run) * (1 - part) + placeOf(runs, layout, axis + 1, run) * part;
    const distance = Math.abs(y - at.y);
    if (distance < least) {
      least = distance;
      nearest = run;
    }
  });
  return nearest;
}
