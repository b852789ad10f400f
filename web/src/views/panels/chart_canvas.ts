/** Two canvases, one above the other: the lines, and what moves with the pointer. */

import { nearestLine } from "../../drawing/hit";
import { isSameLayout, placeLine, type ChartFrame, type ChartLayout, type ChartLine, type PlacedLine } from "../../drawing/line_chart";
import { drawChart, drawCrosshair, drawHighlight, drawPoint, drawSelection } from "../../drawing/strokes";
import type { Box, Surface, Theme } from "../../drawing/surface";
import type { DrawQueue } from "./draw_queue";
import { HeldView } from "./held_view";

/** What a chart shows; `name` as of `HeldView`. */
export type Picture = {
  readonly lines: readonly ChartLine[];
  readonly frame: Omit<ChartFrame, "width" | "height">;
  readonly name: string | null;
  readonly theme: Theme;
};

/** What moves over the lines. */
export type Overlay = {
  /** A place of x, in its values. */
  readonly x: number | null;
  readonly lineId: string | null;
  readonly selection: Box | null;
};

const NO_OVERLAY: Overlay = { x: null, lineId: null, selection: null };

/** How far from a line the pointer may be to mean it, in pixels. */
const REACH_PX = 24;

export class ChartCanvas {
  layout: ChartLayout | null = null;
  placed: readonly PlacedLine[] = [];
  /** Told after each drawing: whether there is data beyond the axes. */
  onDrawn: (hasMore: boolean) => void = () => {};
  private readonly view = new HeldView();
  private readonly lines: CanvasRenderingContext2D;
  /** Made when there is something to show above the lines: a canvas that nobody drew on costs no frame anything. */
  private above: CanvasRenderingContext2D | null = null;
  private readonly overlayOwner = {};
  private cache = new Map<Float64Array, PlacedLine>();
  private picture: Picture | null = null;
  private overlay = NO_OVERLAY;
  private width = 0;
  private height = 0;

  constructor(
    private readonly base: HTMLCanvasElement,
    readonly top: HTMLCanvasElement,
    private readonly queue: DrawQueue,
  ) {
    this.lines = base.getContext("2d")!;
  }

  get size(): { width: number; height: number } {
    return { width: this.width, height: this.height };
  }

  show(picture: Picture): void {
    this.picture = picture;
    this.queue.add(this, () => this.draw());
  }

  /** Show all there is from now on. */
  showAll(): void {
    this.view.release();
    this.queue.add(this, () => this.draw());
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    if (this.picture !== null) this.queue.add(this, () => this.draw()); // nothing drawn is no chart that is there
  }

  point(overlay: Overlay): void {
    const before = this.overlay;
    if (before.x === overlay.x && before.lineId === overlay.lineId && before.selection === overlay.selection) return;
    this.overlay = overlay;
    this.queue.add(this.overlayOwner, () => this.drawOverlay());
  }

  /** The line at a pixel, if one is near. */
  lineAt(x: number, y: number): PlacedLine | null {
    const hit = nearestLine(this.placed, x, y, REACH_PX);
    return hit === null ? null : (this.placed[hit.index] ?? null);
  }

  close(): void {
    this.queue.drop(this);
    this.queue.drop(this.overlayOwner);
  }

  private draw(): void {
    const { picture, width, height } = this;
    if (picture === null || width < 20 || height < 20) return;
    const { lines, theme, name } = picture;
    const surface = cleared(this.base, this.lines, width, height);
    const frame = { ...picture.frame, width, height };
    const { layout, hasMore } = this.view.layout(surface, { lines, frame, name }, theme);
    this.place(lines, layout);
    drawChart(surface, this.placed, layout, theme, 1 / density());
    this.drawOverlay();
    this.onDrawn(hasMore);
  }

  /** Lines whose points and axes are those of before are where they were. */
  private place(lines: readonly ChartLine[], layout: ChartLayout): void {
    const isKept = this.layout !== null && isSameLayout(this.layout, layout);
    const cache = new Map<Float64Array, PlacedLine>();
    this.placed = lines.map((line) => {
      const before = isKept ? this.cache.get(line.y) : undefined;
      const placed = before === undefined ? placeLine(line, layout) : { ...before, line };
      if (line.y.length > 0) cache.set(line.y, placed);
      return placed;
    });
    this.cache = cache;
    this.layout = layout;
  }

  private drawOverlay(): void {
    const { layout, picture, overlay } = this;
    if (layout === null || picture === null) return;
    if (this.above === null && overlay.x === null && overlay.lineId === null && overlay.selection === null) return;
    const { theme } = picture;
    this.above ??= this.top.getContext("2d")!;
    const surface = cleared(this.top, this.above, this.width, this.height);
    const chosen = overlay.lineId === null ? [] : this.placed.filter(({ line }) => line.id === overlay.lineId);
    if (chosen.length > 0 && this.placed.length > 1) drawHighlight(surface, chosen, layout, theme, 1 / density());
    if (overlay.x !== null) {
      const x = layout.x.at(overlay.x);
      drawCrosshair(surface, layout, x, theme);
      for (const placed of chosen) drawPointOf(surface, placed, x, theme);
    }
    if (overlay.selection !== null) drawSelection(surface, overlay.selection, theme);
  }
}

function drawPointOf(surface: Surface, placed: PlacedLine, x: number, theme: Theme): void {
  const { pixels, line } = placed;
  let nearest = -1;
  let least = 12;
  for (let i = 0; i < pixels.count; i++) {
    const distance = Math.abs(pixels.x[i]! - x);
    if (distance < least && !Number.isNaN(pixels.y[i]!)) {
      least = distance;
      nearest = i;
    }
  }
  if (nearest >= 0) drawPoint(surface, pixels.x[nearest]!, pixels.y[nearest]!, line.colour, theme);
}

/** Pixels of the screen to one of the page. */
function density(): number {
  return Math.min(3, globalThis.devicePixelRatio || 1);
}

/** The canvas, clear, of this size in pixels of the page, as sharp as the screen. */
function cleared(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, width: number, height: number): Surface {
  const fine = density();
  const [across, down] = [Math.round(width * fine), Math.round(height * fine)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  context.setTransform(fine, 0, 0, fine, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
