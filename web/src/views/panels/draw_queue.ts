/** Draws what has to be drawn anew: at once, and where that is much a little in each frame, so that scrolling stays smooth. */

import { expectDrawing, noteDrawn } from "../../state/charts_first";
import { soon } from "../../state/soon";
import { watchPrinting } from "../../state/printing";

/** So long is drawn at a stretch while somebody scrolls, and while nobody does; what is left waits for the next frame. */
const SCROLLED_BUDGET_MS = 9;
const STILL_BUDGET_MS = 40;
/** Somebody scrolls until this after it was seen last. */
const SCROLL_END_MS = 250;

export class DrawQueue {
  private readonly waiting = new Map<object, () => void>();
  private readonly end = new AbortController();
  private frame: number | null = null;
  private isBegun = false;
  private scrolledAtMs = -Infinity;
  private readonly endPrinting: () => void;

  constructor() {
    const seen = (): void => void (this.scrolledAtMs = performance.now());
    addEventListener("scroll", seen, { capture: true, passive: true, signal: this.end.signal });
    this.endPrinting = watchPrinting(() => this.run(Infinity)); // paper waits for no frame
  }

  /** Draw soon; a later `draw` of the same owner takes the place of one that waits. */
  add(owner: object, draw: () => void): void {
    this.waiting.set(owner, draw);
    expectDrawing();
    if (this.frame !== null || this.isBegun) return;
    if (this.isScrolled()) {
      this.frame = requestAnimationFrame(() => this.run());
      return;
    }
    // Frames come when the screen is ready for one: by then this is drawn.
    this.isBegun = true;
    soon(() => {
      this.isBegun = false;
      this.run();
    });
  }

  drop(owner: object): void {
    this.waiting.delete(owner);
  }

  close(): void {
    this.end.abort();
    this.endPrinting();
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.waiting.clear();
  }

  private isScrolled(): boolean {
    return performance.now() - this.scrolledAtMs < SCROLL_END_MS;
  }

  private run(budgetMs: number | null = null): void {
    const now = performance.now();
    const end = now + (budgetMs ?? (this.isScrolled() ? SCROLLED_BUDGET_MS : STILL_BUDGET_MS));
    for (const [owner, draw] of this.waiting) {
      this.waiting.delete(owner);
      draw();
      if (performance.now() >= end) break;
    }
    noteDrawn();
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = this.waiting.size === 0 ? null : requestAnimationFrame(() => this.run());
  }
}
