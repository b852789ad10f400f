/** What keys do on a chart, so that nothing needs a pointer. */

import type { ChartLayout } from "../../drawing/line_chart";
import { pannedRange, zoomedRange, type Range } from "../../drawing/scale";

export type KeyHandlers = {
  readonly layout: () => ChartLayout | null;
  /** The pixel of the crosshair; null when there is none. */
  readonly pointed: () => number | null;
  readonly onPoint: (pixel: number | null) => void;
  /** Choose the line above (-1) or below (1) the chosen one, as they lie at the crosshair. */
  readonly onChoose: (by: -1 | 1) => void;
  readonly onZoom: (x: Range) => void;
  readonly onReset: () => void;
  readonly onTable: () => void;
};

export const KEYS_TEXT =
  "Arrows left and right move along x, up and down choose a line, plus and minus zoom, 0 shows all, T shows a table.";

/** Do what a key wants; true if it was one of ours. */
export function handleKey(event: KeyboardEvent, handlers: KeyHandlers): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "t") {
    handlers.onTable(); // which needs no chart to be drawn
    return true;
  }
  const layout = handlers.layout();
  if (layout === null) return false;
  const { box, x } = layout;
  const width = box.right - box.left;
  const at = handlers.pointed() ?? (box.left + box.right) / 2;
  const step = event.shiftKey ? width / 10 : width / 100;
  const moveTo = (pixel: number): void => handlers.onPoint(Math.min(box.right, Math.max(box.left, pixel)));
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => moveTo(at - step),
    ArrowRight: () => moveTo(at + step),
    Home: () => moveTo(box.left),
    End: () => moveTo(box.right),
    ArrowUp: () => handlers.onChoose(-1),
    ArrowDown: () => handlers.onChoose(1),
    "+": () => handlers.onZoom(zoomedRange(x, at, 0.5)),
    "=": () => handlers.onZoom(zoomedRange(x, at, 0.5)),
    "-": () => handlers.onZoom(zoomedRange(x, at, 2)),
    "[": () => handlers.onZoom(pannedRange(x, width / 4)),
    "]": () => handlers.onZoom(pannedRange(x, -width / 4)),
    "0": () => handlers.onReset(),
    Escape: () => handlers.onPoint(null),
  };
  const action = actions[event.key];
  action?.();
  return action !== undefined;
}
