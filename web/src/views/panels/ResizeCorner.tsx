/** The size of a panel: as it is kept, and as a hand drags it. */

import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { withSize, type PanelSize } from "../../state/panels";
import { usePanels } from "./panels_context";

export const DEFAULT_HEIGHT_PX = 240;
const LOWEST_PX = 140;

function apply(panel: HTMLElement, { columnCount = 1, heightPx = DEFAULT_HEIGHT_PX }: PanelSize): void {
  panel.style.setProperty("--columns", String(columnCount));
  panel.style.setProperty("--height", `${heightPx}px`);
}

/** Give the panel the size that is kept for its key. */
export function usePanelSize(place: RefObject<HTMLElement | null>, panelKey: string): void {
  const { model } = usePanels();
  const size = model.source.settings.value.sizes?.[panelKey];
  const isSized = useRef(false);
  useLayoutEffect(() => {
    if (place.current === null || (size === undefined && !isSized.current)) return; // as the style has it
    isSized.current = true;
    apply(place.current, size ?? {});
  }, [size?.columnCount, size?.heightPx]);
}

export function ResizeCorner(props: { readonly panelKey: string; readonly place: RefObject<HTMLElement | null> }): JSX.Element {
  const { model } = usePanels();
  const drag = (event: PointerEvent): void => {
    const panel = props.place.current;
    const corner = event.currentTarget as HTMLElement;
    if (panel === null) return;
    event.preventDefault();
    corner.setPointerCapture(event.pointerId);
    const from = panel.getBoundingClientRect();
    const { columnCount = 1, heightPx = DEFAULT_HEIGHT_PX } = model.source.settings.peek().sizes?.[props.panelKey] ?? {};
    const columnPx = from.width / columnCount;
    let size: PanelSize = { columnCount, heightPx };
    const move = (at: PointerEvent): void => {
      const columns = Math.max(1, Math.round((at.clientX - from.left) / columnPx));
      const height = Math.max(LOWEST_PX, Math.round((heightPx + at.clientY - from.bottom) / 4) * 4);
      size = { columnCount: Math.min(6, columns), heightPx: height };
      apply(panel, size);
    };
    const end = (): void => {
      corner.removeEventListener("pointermove", move);
      model.change((state) => withSize(state, props.panelKey, size));
    };
    corner.addEventListener("pointermove", move);
    corner.addEventListener("lostpointercapture", end, { once: true });
  };
  // With keys the size is changed in the menu of the panel.
  return <div class="resize-corner" aria-hidden="true" onPointerDown={drag} />;
}
