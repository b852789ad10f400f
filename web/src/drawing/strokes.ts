/** What a chart of lines looks like: the same calls for the screen, a picture and an SVG document. */

import { drawAxes, drawGrid } from "./axes";
import { isFilledMark, traceMark } from "./marks";
import type { ChartLayout, PlacedLine } from "./line_chart";
import { traceBand, traceLone, tracePixels, type PixelLine } from "./polyline";
import type { Box, Surface, Theme } from "./surface";

const RAW_SHARE = 0.32;
const BAND_ALPHA = 0.16;
const LONE_RADIUS_PX = 2.5;

/** Lines that are drawn the same way, and so in one stroke. */
interface Style {
  readonly colour: string;
  readonly dash: readonly number[];
  readonly placed: PlacedLine[];
}

function byStyle(placed: readonly PlacedLine[]): Style[] {
  const styles = new Map<string, Style>();
  for (const one of placed) {
    const { colour, dash } = one.line;
    const name = `${colour} ${dash.join()}`;
    const style = styles.get(name);
    if (style === undefined) styles.set(name, { colour, dash, placed: [one] });
    else style.placed.push(one);
  }
  return [...styles.values()];
}

/** Of very many lines each look is drawn in so many parts, one of each after the other: else the last one covers the others. */
const PARTS = 4;
const COVERING_LINES = 100;

function inParts(styles: readonly Style[], lineCount: number): readonly Style[] {
  if (lineCount <= COVERING_LINES) return styles;
  return Array.from({ length: PARTS }, (_, part) =>
    styles.map((style) => ({ ...style, placed: style.placed.filter((_, i) => i % PARTS === part) })),
  ).flat();
}

/** How wide a line is where so many are drawn. */
export function strokeWidth(lineCount: number): number {
  return lineCount <= 12 ? 1.5 : lineCount <= 40 ? 1.25 : 1;
}

/** Only what lies in the box is drawn by `draw`; what it sets is set back. */
function clipped(surface: Surface, box: Box, draw: () => void): void {
  surface.save();
  surface.beginPath();
  surface.rect(box.left, box.top - 1, box.right - box.left + 1, box.bottom - box.top + 2);
  surface.clip();
  draw();
  surface.restore();
}

function strokeAll(surface: Surface, lines: readonly PixelLine[]): void {
  if (lines.length === 0) return;
  surface.beginPath();
  for (const line of lines) tracePixels(surface, line);
  surface.stroke();
}

function dotLone(surface: Surface, lines: readonly PixelLine[], radius: number): void {
  if (lines.every((line) => line.lone.length === 0)) return;
  surface.beginPath();
  for (const line of lines) traceLone(surface, line, radius);
  surface.fill();
}

/** How strokes are; `hair` is the thinnest one, which is drawn far faster than any other. */
interface Widths {
  readonly line: number;
  readonly hair: number;
  readonly hasDashes: boolean;
}

/** Among more lines than this dashes are not told apart, and take most of the time; a chosen line has its own. */
const DASHED_LINES = 150;

function drawBands(surface: Surface, style: Style, layout: ChartLayout): void {
  surface.fillStyle = style.colour;
  surface.globalAlpha = BAND_ALPHA;
  for (const { line } of style.placed) {
    if (line.band === null) continue;
    surface.beginPath();
    traceBand(surface, line.band, layout.x, layout.y);
    surface.fill();
  }
  surface.globalAlpha = 1;
}

/** The colour as it were with most of the ground shining through; strokes that do let it through take far longer. */
function faded(colour: string, ground: string): string {
  if (colour.length !== 7 || ground.length !== 7) return colour;
  const channels = [1, 3, 5].map((at) => {
    const [from, to] = [parseInt(ground.slice(at, at + 2), 16), parseInt(colour.slice(at, at + 2), 16)];
    return Math.round(from + (to - from) * RAW_SHARE);
  });
  return `rgb(${channels.join(", ")})`;
}

function drawRaws(surface: Surface, style: Style, ground: string, hair: number): void {
  const raws = style.placed.flatMap(({ raw }) => (raw === null ? [] : [raw]));
  if (raws.length === 0) return;
  surface.strokeStyle = surface.fillStyle = faded(style.colour, ground);
  surface.lineWidth = hair;
  surface.setLineDash([]);
  strokeAll(surface, raws);
  dotLone(surface, raws, LONE_RADIUS_PX);
}

function drawLines(surface: Surface, style: Style, widths: Widths): void {
  surface.strokeStyle = surface.fillStyle = style.colour;
  const lines = style.placed.map(({ pixels }) => pixels);
  surface.lineWidth = widths.hair;
  surface.setLineDash([]);
  strokeAll(surface, lines.filter(({ isRough }) => isRough));
  surface.lineWidth = widths.line;
  surface.setLineDash(widths.hasDashes ? [...style.dash] : []);
  strokeAll(surface, lines.filter(({ isRough }) => !isRough));
  dotLone(surface, lines, widths.line + 1);
}

/** Bands lie below what was logged, and that below the lines. */
function drawStyles(surface: Surface, styles: readonly Style[], layout: ChartLayout, look: { ground: string; widths: Widths }): void {
  for (const style of styles) drawBands(surface, style, layout);
  for (const style of styles) drawRaws(surface, style, look.ground, look.widths.hair);
  for (const style of styles) drawLines(surface, style, look.widths);
}

/** Marks at the edge, over all lines, each in the colour of its line. */
function drawMarks(surface: Surface, placed: readonly PlacedLine[], box: Box, theme: Theme): void {
  surface.setLineDash([]);
  surface.lineWidth = 1.5;
  for (const { line, marks } of placed) {
    if (marks.length === 0) continue;
    surface.strokeStyle = line.colour;
    for (const isFilled of [false, true]) {
      const some = marks.filter((mark) => isFilledMark(mark) === isFilled);
      if (some.length === 0) continue;
      surface.fillStyle = isFilled ? line.colour : theme.ground;
      surface.beginPath();
      for (const mark of some) traceMark(surface, mark, box);
      if (isFilled) surface.fill();
      surface.stroke();
    }
  }
}

/** Draw a chart on a clear surface; `hair` is the width of one pixel of the screen. */
export function drawChart(surface: Surface, placed: readonly PlacedLine[], layout: ChartLayout, theme: Theme, hair = 1): void {
  const { box } = layout;
  drawGrid(surface, box, layout.axes, layout, theme);
  clipped(surface, box, () => {
    surface.lineJoin = "bevel";
    surface.lineCap = "butt";
    const widths = { line: strokeWidth(placed.length), hair, hasDashes: placed.length <= DASHED_LINES };
    drawStyles(surface, inParts(byStyle(placed), placed.length), layout, { ground: theme.ground, widths });
    drawMarks(surface, placed, box, theme);
  });
  drawAxes(surface, box, layout.axes, layout, theme);
}

/** Draw one line over a chart that was drawn, all others faded. */
export function drawHighlight(surface: Surface, placed: readonly PlacedLine[], layout: ChartLayout, theme: Theme, hair = 1): void {
  const { box } = layout;
  clipped(surface, box, () => {
    surface.globalAlpha = 0.6;
    surface.fillStyle = theme.ground;
    surface.fillRect(box.left, box.top - 1, box.right - box.left + 1, box.bottom - box.top + 2);
    surface.globalAlpha = 1;
    surface.lineJoin = "round";
    drawStyles(surface, byStyle(placed), layout, { ground: theme.ground, widths: { line: 2.25, hair, hasDashes: true } });
    drawMarks(surface, placed, box, theme);
  });
}

/** The vertical line at a place of x. */
export function drawCrosshair(surface: Surface, layout: ChartLayout, x: number, theme: Theme): void {
  const { box } = layout;
  if (!(x >= box.left && x <= box.right)) return;
  const pixel = Math.round(x - 0.5) + 0.5;
  surface.strokeStyle = theme.crosshair;
  surface.lineWidth = 1;
  surface.setLineDash([3, 3]);
  surface.beginPath();
  surface.moveTo(pixel, box.top);
  surface.lineTo(pixel, box.bottom);
  surface.stroke();
  surface.setLineDash([]);
}

/** A dot at a point of a line. */
export function drawPoint(surface: Surface, x: number, y: number, colour: string, theme: Theme): void {
  surface.beginPath();
  surface.arc(x, y, 4, 0, 2 * Math.PI);
  surface.fillStyle = colour;
  surface.strokeStyle = theme.ground;
  surface.lineWidth = 1.5;
  surface.fill();
  surface.stroke();
}

/** The part that a hand has drawn to zoom into. */
export function drawSelection(surface: Surface, box: Box, theme: Theme): void {
  surface.globalAlpha = 0.12;
  surface.fillStyle = theme.accent;
  surface.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  surface.globalAlpha = 1;
  surface.strokeStyle = theme.accent;
  surface.lineWidth = 1;
  surface.setLineDash([]);
  surface.beginPath();
  surface.rect(box.left + 0.5, box.top + 0.5, box.right - box.left - 1, box.bottom - box.top - 1);
  surface.stroke();
}
