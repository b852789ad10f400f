/** A canvas that draws itself anew when what it draws, its size or the theme changes. */

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Surface, Theme } from "../../drawing/surface";
import type { Picture } from "./exports";
import { usePanels } from "./panels_context";

export type Size = { readonly width: number; readonly height: number };

export function PlainCanvas(props: {
  readonly label: string;
  /** Draws on a clear surface; signals it reads make it draw again. */
  readonly draw: (surface: Surface, size: Size, theme: Theme) => void;
  /** Gets what is drawn, for pictures of it. */
  readonly picture: { current: Picture | null };
  readonly onPoint: (at: { readonly x: number; readonly y: number } | null) => void;
}): JSX.Element {
  const { theme } = usePanels();
  const canvas = useRef<HTMLCanvasElement>(null);
  const container = useRef<HTMLDivElement>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  const draw = useRef(props.draw);
  draw.current = props.draw;
  const drawn = useSignal(0);
  useEffect(() => void drawn.value++);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width, height };
    });
    observer.observe(container.current!);
    const end = effect(() => {
      void drawn.value;
      const { width, height } = size.value;
      const [element, colours] = [canvas.current, theme.value];
      if (element === null) return; // the page is on its way to another part
      const context = element.getContext("2d")!;
      const fine = Math.min(3, devicePixelRatio || 1);
      if (width < 40 || height < 40) return;
      element.width = Math.round(width * fine);
      element.height = Math.round(height * fine);
      context.setTransform(fine, 0, 0, fine, 0, 0);
      draw.current(context, { width, height }, colours);
      props.picture.current = { size: { width, height }, draw: (...drawn) => draw.current(...drawn) };
    });
    return () => {
      end();
      observer.disconnect();
      props.picture.current = null;
    };
  }, []);
  const point = (event: PointerEvent): void => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    props.onPoint({ x: event.clientX - left, y: event.clientY - top });
  };
  return (
    <div ref={container} class="chart">
      <canvas ref={canvas} role="img" aria-label={props.label} onPointerMove={point} onPointerLeave={() => props.onPoint(null)} />
    </div>
  );
}
