/** What charts are drawn on: the calls of a canvas that they make, so that an SVG document can take them as well. */

export type Surface = Pick<
  CanvasRenderingContext2D,
  | "beginPath" | "moveTo" | "lineTo" | "closePath" | "rect" | "arc" | "stroke" | "fill" | "fillRect" | "clip"
  | "save" | "restore" | "translate" | "rotate" | "setLineDash" | "fillText" | "measureText"
> & {
  strokeStyle: CanvasRenderingContext2D["strokeStyle"];
  fillStyle: CanvasRenderingContext2D["fillStyle"];
  lineWidth: number;
  lineJoin: CanvasLineJoin;
  lineCap: CanvasLineCap;
  globalAlpha: number;
  font: string;
  textAlign: CanvasTextAlign;
  textBaseline: CanvasTextBaseline;
};

/** The colours and letters of a chart, from the page's style. */
export interface Theme {
  readonly ground: string;
  readonly ink: string;
  readonly soft: string;
  readonly faint: string;
  readonly grid: string;
  readonly line: string;
  readonly accent: string;
  readonly crosshair: string;
  readonly fontFamily: string;
}

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The size of the letters at the axes, in pixels. */
export const LABEL_PX = 11;

export function labelFont(theme: Theme, weight = ""): string {
  return `${weight} ${LABEL_PX}px ${theme.fontFamily}`.trim();
}

/** `text` in at most `width` pixels, its middle left out when it is longer. */
export function shortened(surface: Surface, text: string, width: number): string {
  if (surface.measureText(text).width <= width) return text;
  let kept = Math.max(1, Math.floor((text.length * width) / surface.measureText(text).width) - 1);
  for (; kept > 1; kept--) {
    const head = Math.ceil(kept / 2);
    const short = `${text.slice(0, head)}\u2026${text.slice(text.length - (kept - head))}`;
    if (surface.measureText(short).width <= width) return short;
  }
  return "\u2026";
}
