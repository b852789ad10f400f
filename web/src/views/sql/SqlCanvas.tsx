/** A canvas that draws itself anew when what it draws, its size or the theme changes. */

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Surface, Theme } from "../../drawing/surface";
import { followTheme, isDark } from "../../state/colours";
import { readTheme } from "../panels/theme";

export type Size = { readonly width: number; readonly height: number };
export type Point = { readonly x: number; readonly y: number };

export type SqlCanvasProps = {
  readonly label: string;
  /** In pixels; null for that of the style. */
  readonly height: number | null;
  readonly draw: (surface: Surface, size: Size, theme: Theme) => void;
  readonly onPoint?: (at: Point | null) => void;
};

export function SqlCanvas({ label, height, draw, onPoint }: SqlCanvasProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const container = useRef<HTMLDivElement>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  const drawing = useSignal({ draw });
  if (drawing.peek().draw !== draw) {
    drawing.value = { draw };
  }
  useEffect(followTheme, []);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      size.value = { width: entry!.contentRect.width, height: entry!.contentRect.height };
    });
    observer.observe(container.current!);
    const end = effect(() => {
      const { width, height } = size.value;
      const { draw } = drawing.value;
      void isDark.value;
      const element = canvas.current;
      if (element === null || width < 40 || height < 10) {
        return;
      }
      const fine = Math.min(3, devicePixelRatio || 1);
      element.width = Math.round(width * fine);
      element.height = Math.round(height * fine);
      const context = element.getContext("2d")!;
      context.setTransform(fine, 0, 0, fine, 0, 0);
      draw(context, { width, height }, readTheme());
    });
    return () => {
      end();
      observer.disconnect();
    };
  }, []);
  const point = (event: PointerEvent): void => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    onPoint?.({ x: event.clientX - left, y: event.clientY - top });
  };
  return (
    <div ref={container} class="sql-canvas" style={height === null ? undefined : { height: `${height}px` }}>
      <canvas ref={canvas} role="img" aria-label={label} onPointerMove={point} onPointerLeave={() => onPoint?.(null)} />
    </div>
  );
}
