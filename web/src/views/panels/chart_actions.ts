/** What hands, keys and pointers do with a chart. */

import { batch, type Signal } from "@preact/signals";
import { formatValue } from "../../drawing/format";
import type { Range } from "../../drawing/scale";
import type { KeyLines } from "../../state/key_lines";
import { withSettings, withZoom } from "../../state/panels";
import type { PanelsModel } from "../../state/panels_model";
import type { ChartCanvas } from "./chart_canvas";
import { formatX } from "./frame";
import { readAt, type Readout } from "./readout";

export type ChartParts = {
  readonly panelKey: string;
  readonly lines: KeyLines;
  /** The canvas while there is one. */
  readonly canvas: Signal<ChartCanvas | null>;
  readonly readout: Signal<Readout | null>;
  readonly isLegendLeft: Signal<boolean>;
  /** What a screen reader says of the place that keys chose. */
  readonly spoken: Signal<string>;
};

/** What the hands of a chart change. */
export class ChartActions {
  constructor(
    private readonly model: PanelsModel,
    private readonly parts: ChartParts,
  ) {}

  private get canvas(): ChartCanvas | null {
    return this.parts.canvas.peek();
  }

  readonly layout = () => this.canvas?.layout ?? null;

  /** Show the values at a pixel; with `y` also which line is meant. */
  readonly point = (at: { readonly x: number; readonly y: number | null } | null): void => {
    const layout = this.layout();
    const { hoverRun } = this.model.source;
    const { readout, panelKey, lines } = this.parts;
    const isInside = at !== null && layout !== null && at.x >= layout.box.left - 4 && at.x <= layout.box.right + 4;
    batch(() => {
      if (!isInside) {
        readout.value = null;
        if (at === null) hoverRun.value = null;
        this.model.pointedAt.value = null;
        return;
      }
      const hit = at.y === null ? hoverRun.peek() : (this.canvas!.lineAt(at.x, at.y)?.line.id ?? null);
      if (at.y !== null) hoverRun.value = hit;
      const drawn = this.canvas!.placed.map(({ line }) => line);
      readout.value = readAt(drawn, layout, at.x, hit);
      this.parts.isLegendLeft.value = at.x > (layout.box.left + layout.box.right) / 2;
      this.model.pointedAt.value = { x: lines.settings.peek().x, value: layout.x.valueAt(at.x), key: panelKey };
    });
  };

  readonly choose = (by: -1 | 1): void => {
    const rows = this.parts.readout.peek()?.rows ?? [];
    const { hoverRun } = this.model.source;
    const at = rows.findIndex(({ id }) => id === hoverRun.peek());
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    hoverRun.value = next.id;
    this.parts.readout.value = { ...this.parts.readout.peek()!, hitId: next.id };
    this.speak();
  };

  readonly pointByKey = (pixel: number | null): void => {
    this.point(pixel === null ? null : { x: pixel, y: null });
    this.speak();
  };

  readonly pointed = (): number | null => {
    const pointed = this.model.pointedAt.peek();
    return pointed === null ? null : (this.layout()?.x.at(pointed.value) ?? null);
  };

  readonly zoom = (x: Range, y: Range | null): void => {
    // Closer than numbers are to each other there is nothing to see.
    if (!(x.high > x.low) || (y !== null && !(y.high > y.low))) return;
    const { panelKey } = this.parts;
    this.model.change((state) => {
      const zoomed = withZoom(state, panelKey, [x.low, x.high]);
      return y === null ? zoomed : withSettings(zoomed, panelKey, { yRange: [y.low, y.high] });
    });
  };

  readonly move = (x: Range): void => {
    if (x.high > x.low) this.model.moveZoom(this.parts.panelKey, [x.low, x.high]);
  };

  readonly reset = (): void => {
    const { panelKey } = this.parts;
    this.model.change((state) => {
      const isOwnRange = state.panels?.[panelKey]?.yRange !== undefined;
      const whole = withZoom(state, panelKey, null);
      return isOwnRange ? withSettings(whole, panelKey, { yRange: undefined }) : whole;
    });
    this.canvas?.showAll();
  };

  private speak(): void {
    const readout = this.parts.readout.peek();
    if (readout === null) return;
    const row = readout.rows.find(({ id }) => id === readout.hitId) ?? readout.rows[0];
    const place = formatX(readout.x, this.parts.lines.settings.peek());
    this.parts.spoken.value = row === undefined ? `${place}: no values` : `${place}: ${row.name} ${formatValue(row.value)}`;
  }
}
