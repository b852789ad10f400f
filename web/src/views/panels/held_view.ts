/** Keeps a chart's view while data comes: it moves when somebody moves it, changes what is shown, or follows. */

import { layoutChart, xExtentOf, yExtentOf, type ChartFrame, type ChartLayout, type ChartLine } from "../../drawing/line_chart";
import type { Range } from "../../drawing/scale";
import type { Surface, Theme } from "../../drawing/surface";

export class HeldView {
  private name: string | null = null;
  private x: Range | null = null;
  private y: Range | null = null;

  /** Forget the view: the next layout shows all there is. */
  release(): void {
    this.name = null;
  }

  /**
   * The layout of a chart. `name` is of all that a person chose: while it stays the same, so do the axes, and
   * `hasMore` says that there are values beyond them. With `name` null the axes follow the data.
   */
  layout(
    surface: Surface,
    chart: { readonly lines: readonly ChartLine[]; readonly frame: ChartFrame; readonly name: string | null },
    theme: Theme,
  ): { layout: ChartLayout; hasMore: boolean } {
    const { lines, frame, name } = chart;
    if (name !== null && name === this.name) {
      const xRange = frame.xRange ?? this.x;
      const yRange = frame.yRange ?? this.y;
      const layout = layoutChart(surface, lines, { ...frame, xRange, yRange }, theme);
      return { layout, hasMore: this.hasMore(lines, frame) };
    }
    const layout = layoutChart(surface, lines, frame, theme);
    this.x = { low: layout.x.low, high: layout.x.high };
    this.y = { low: layout.y.low, high: layout.y.high };
    const isWorthKeeping = lines.some(({ x }) => x.length > 1);
    this.name = isWorthKeeping ? name : null;
    return { layout, hasMore: false };
  }

  private hasMore(lines: readonly ChartLine[], frame: ChartFrame): boolean {
    if (this.x === null || this.y === null) return false;
    const all = xExtentOf(lines);
    if (frame.xRange === null && (all.high > this.x.high || all.low < this.x.low)) return true;
    if (frame.yRange !== null) return false;
    const seen = yExtentOf(lines, frame.xRange ?? this.x);
    const lowest = frame.yKind === "log" ? seen.lowestPositive : seen.low;
    return seen.high > this.y.high || lowest < this.y.low;
  }
}

