/**
 * How long drawing takes in this browser: `npx vite`, then /bench/measure.html. Medians of several, in milliseconds;
 * each waits for the pixels, which a canvas otherwise draws when it likes.
 */

import { nearestLine, nearestPoint } from "../src/drawing/hit";
import { layoutChart, placeLine, type ChartFrame, type ChartLine, type PlacedLine } from "../src/drawing/line_chart";
import { drawChart, drawHighlight } from "../src/drawing/strokes";
import type { Theme } from "../src/drawing/surface";
import { DARK_COLOURS, DASHES, LIGHT_COLOURS } from "../src/state/colours";

const THEME: Theme = {
  ground: "#fff", ink: "#111", soft: "#555", faint: "#777", grid: "#eee", line: "#ccc", accent: "#00f",
  crosshair: "#888", fontFamily: "sans-serif",
};

function makeLines(lineCount: number, columnCount: number, hasRaw: boolean): ChartLine[] {
  return Array.from({ length: lineCount }, (_, i) => {
    const x = new Float64Array(4 * columnCount);
    const y = new Float64Array(x.length);
    for (let k = 0; k < x.length; k++) {
      x[k] = k / 4 + 0.2;
      y[k] = 2 * Math.exp((-3 * k) / x.length) + i / lineCount + [0, -0.05, 0.05, 0.01][k % 4]! * (1 + Math.sin(k * 12.9898 + i));
    }
    const dash = DASHES[Math.floor(i / LIGHT_COLOURS.length) % DASHES.length]!;
    return {
      id: `run${i}`, name: `run${i}`, colour: (i % 20 < 10 ? LIGHT_COLOURS : DARK_COLOURS)[i % 10]!, dash, x, y,
      raw: hasRaw ? { x, y } : null, band: null, marks: { x: new Float64Array(0), kind: new Float64Array(0) },
    };
  });
}

const frameOf = (width: number, height: number): ChartFrame => ({
  width, height, xKind: "linear", yKind: "linear", xQuantity: { kind: "step" }, xTitle: "step", xRange: null, yRange: null,
});

function contextOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  document.body.append(canvas);
  return canvas.getContext("2d")!;
}

function median(times: number[]): number {
  times.sort((one, other) => one - other);
  return Math.round(times[Math.floor(times.length / 2)]! * 100) / 100;
}

function timed(count: number, work: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  return median(times);
}

function measureChart(lineCount: number, width: number, height: number, hasRaw = false) {
  const context = contextOf(width, height);
  const lines = makeLines(lineCount, width, hasRaw);
  const layout = layoutChart(context, lines, frameOf(width, height), THEME);
  let placed: PlacedLine[] = [];
  const place = timed(7, () => (placed = lines.map((line) => placeLine(line, layout))));
  const redraw = timed(7, () => {
    context.clearRect(0, 0, width, height);
    drawChart(context, placed, layout, THEME);
    context.getImageData(0, 0, 1, 1);
  });
  const highlight = timed(7, () => {
    drawHighlight(context, placed.slice(0, 1), layout, THEME);
    context.getImageData(0, 0, 1, 1);
  });
  const layoutMs = timed(7, () => layoutChart(context, lines, frameOf(width, height), THEME));
  const hit = timed(7, () => {
    for (let i = 0; i < 100; i++) nearestLine(placed, 50 + i, 100 + i, 24);
  });
  const values = timed(7, () => {
    for (const line of lines) nearestPoint(line, layout.x, width / 2, 12);
  });
  context.canvas.remove();
  return { lineCount, points: lineCount * width * 4, layoutMs, placeMs: place, redrawMs: redraw, highlightMs: highlight, hitMs: hit / 100, valuesMs: values };
}

function measurePanels(panelCount: number, lineCount: number) {
  const [width, height] = [400, 200];
  const contexts = Array.from({ length: panelCount }, () => contextOf(width, height));
  const lines = makeLines(lineCount, width, false);
  const all = timed(3, () => {
    for (const context of contexts) {
      context.clearRect(0, 0, width, height);
      const layout = layoutChart(context, lines, frameOf(width, height), THEME);
      drawChart(context, lines.map((line) => placeLine(line, layout)), layout, THEME);
    }
    for (const context of contexts) context.getImageData(0, 0, 1, 1);
  });
  for (const context of contexts) context.canvas.remove();
  return { panelCount, lineCount, allMs: all };
}

const results = {
  charts: [measureChart(1, 1000, 400), measureChart(50, 1000, 400), measureChart(50, 1000, 400, true), measureChart(200, 1000, 400)],
  panels: [measurePanels(24, 50)],
};
document.body.append(Object.assign(document.createElement("pre"), { textContent: JSON.stringify(results, null, 1) }));
Object.assign(globalThis, { results });
