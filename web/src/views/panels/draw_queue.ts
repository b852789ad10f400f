/** Draws what has to be drawn anew, a little in each frame, so that scrolling stays smooth. */

/** So much of a frame is for drawing; what is left waits for the next one. */
const FRAME_BUDGET_MS = 9;

export class DrawQueue {
  private readonly waiting = new Map<object, () => void>();
  private frame: number | null = null;

  /** Draw soon; a later `draw` of the same owner takes the place of one that waits. */
  add(owner: object, draw: () => void): void {
    this.waiting.set(owner, draw);
    this.frame ??= requestAnimationFrame(() => this.run());
  }

  drop(owner: object): void {
    this.waiting.delete(owner);
  }

  private run(): void {
    const end = performance.now() + FRAME_BUDGET_MS;
    for (const [owner, draw] of this.waiting) {
      this.waiting.delete(owner);
      draw();
      if (performance.now() >= end) break;
    }
    this.frame = this.waiting.size === 0 ? null : requestAnimationFrame(() => this.run());
  }
}
