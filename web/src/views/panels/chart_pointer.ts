/**
 * What a hand does on a chart. Drag: a part of x; with shift: of x and y. Alt-drag, middle button, or a drag along the
 * x axis: pan. Wheel with ctrl (or a pinch): zoom about the pointer; with shift: pan. Double click: back to all.
 */

import { rangesBetween, type ChartLayout } from "../../drawing/line_chart";
import { pannedRange, zoomedRange, type Range } from "../../drawing/scale";
import type { Box } from "../../drawing/surface";

export type PointerHandlers = {
  readonly layout: () => ChartLayout | null;
  /** The pointer is at a pixel of the plot, or no longer over it. */
  readonly onPoint: (at: { readonly x: number; readonly y: number } | null) => void;
  readonly onSelect: (box: Box | null) => void;
  readonly onZoom: (x: Range, y: Range | null) => void;
  /** A pan or a turn of the wheel; more of it may follow. */
  readonly onMove: (x: Range) => void;
  readonly onMoveEnd: () => void;
  readonly onReset: () => void;
};

type Drag = {
  readonly kind: "zoom" | "pan";
  readonly hasY: boolean;
  readonly from: { readonly x: number; readonly y: number };
  readonly layout: ChartLayout;
};

/** A drag shorter than this is a click. */
const DRAG_PX = 5;
const WHEEL_END_MS = 160;

/** Listen on a canvas until what is returned is called. */
export function listenToPointer(canvas: HTMLCanvasElement, handlers: PointerHandlers): () => void {
  const listener = new PointerListener(canvas, handlers);
  return () => listener.close();
}

class PointerListener {
  private readonly ends = new AbortController();
  private drag: Drag | null = null;
  private wheelTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly handlers: PointerHandlers,
  ) {
    const { signal } = this.ends;
    canvas.addEventListener("pointerdown", (event) => this.down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.move(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.up(event), { signal });
    canvas.addEventListener("pointercancel", () => this.cancel(), { signal });
    canvas.addEventListener("pointerleave", (event) => this.leave(event), { signal });
    canvas.addEventListener("dblclick", () => handlers.onReset(), { signal });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    canvas.addEventListener("keydown", (event) => event.key === "Escape" && this.cancel(), { signal });
  }

  close(): void {
    this.ends.abort();
    if (this.wheelTimer !== null) clearTimeout(this.wheelTimer);
  }

  private placeOf(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  private down(event: PointerEvent): void {
    const layout = this.handlers.layout();
    if (layout === null || (event.button !== 0 && event.button !== 1)) return;
    const from = this.placeOf(event);
    const isOnAxis = from.y > layout.box.bottom;
    const isPan = event.button === 1 || event.altKey || isOnAxis;
    this.drag = { kind: isPan ? "pan" : "zoom", hasY: event.shiftKey, from, layout };
    if (event.pointerType !== "touch") this.canvas.setPointerCapture(event.pointerId);
    if (event.button === 1 || event.shiftKey) event.preventDefault();
  }

  private move(event: PointerEvent): void {
    const at = this.placeOf(event);
    const { drag } = this;
    if (drag === null) {
      this.handlers.onPoint(at);
    } else if (drag.kind === "pan") {
      this.handlers.onMove(pannedRange(drag.layout.x, at.x - drag.from.x));
    } else {
      this.handlers.onSelect(selectionBox(drag, at));
    }
  }

  private up(event: PointerEvent): void {
    const { drag } = this;
    this.drag = null;
    if (drag === null) return;
    if (drag.kind === "pan") {
      this.handlers.onMoveEnd();
      return;
    }
    this.handlers.onSelect(null);
    const box = selectionBox(drag, this.placeOf(event));
    if (box === null) {
      if (event.pointerType === "touch") this.handlers.onPoint(this.placeOf(event));
      return;
    }
    const corners = [{ x: box.left, y: box.top }, { x: box.right, y: box.bottom }] as const;
    const { x, y } = rangesBetween(drag.layout, ...corners);
    this.handlers.onZoom(x, drag.hasY ? y : null);
  }

  /** What a finger pointed at stays, as a finger is never over anything. */
  private leave(event: PointerEvent): void {
    if (this.drag === null && event.pointerType !== "touch") this.handlers.onPoint(null);
  }

  private cancel(): void {
    if (this.drag?.kind === "pan") this.handlers.onMoveEnd();
    this.drag = null;
    this.handlers.onSelect(null);
    this.handlers.onPoint(null);
  }

  private wheel(event: WheelEvent): void {
    const layout = this.handlers.layout();
    if (layout === null || !(event.ctrlKey || event.shiftKey)) return;
    event.preventDefault();
    const turn = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey) {
      const factor = Math.exp(Math.max(-60, Math.min(60, event.deltaY * turn)) * 0.006);
      this.handlers.onMove(zoomedRange(layout.x, this.placeOf(event).x, factor));
    } else {
      this.handlers.onMove(pannedRange(layout.x, -(event.deltaX + event.deltaY) * turn));
    }
    if (this.wheelTimer !== null) clearTimeout(this.wheelTimer);
    this.wheelTimer = setTimeout(() => this.handlers.onMoveEnd(), WHEEL_END_MS);
  }
}

/** The part that was dragged over, within the plot; null while it is too small to be meant. */
function selectionBox(drag: Drag, at: { readonly x: number; readonly y: number }): Box | null {
  const { from, layout, hasY } = drag;
  const { box } = layout;
  if (Math.abs(at.x - from.x) < DRAG_PX) return null;
  const held = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  const xs = [held(from.x, box.left, box.right), held(at.x, box.left, box.right)];
  const ys = hasY ? [held(from.y, box.top, box.bottom), held(at.y, box.top, box.bottom)] : [box.top, box.bottom];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}
