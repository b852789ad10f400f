/** The first charts of a tab are drawn by code that ran before: until then a browser takes several times as long. */

import { layoutChart, placeLine, type ChartFrame, type ChartLine } from "../../drawing/line_chart";
import { drawChart } from "../../drawing/strokes";
import { readTheme } from "./theme";

const CHARTS = 40;
const POINTS = 1_600;
const SIZE = { width: 400, height: 220 };
const FRAME: ChartFrame = {
  ...SIZE, xKind: "linear", yKind: "linear", xQuantity: { kind: "number" }, xTitle: "step", xRange: null, yRange: null,
};

/** Draw charts that nobody sees, for as long as the browser has nothing else to do. */
export function warmUp(): void {
  const surface = document.createElement("canvas").getContext("2d");
  if (surface === null || globalThis.requestIdleCallback === undefined) return;
  const theme = readTheme();
  const lines = [roughLine()];
  let leftCount = CHARTS;
  const go = (deadline: IdleDeadline): void => {
    for (; leftCount > 0 && deadline.timeRemaining() > 3; leftCount--) {
      const layout = layoutChart(surface, lines, FRAME, theme);
      drawChart(surface, lines.map((line) => placeLine(line, layout)), layout, theme);
    }
    if (leftCount > 0) requestIdleCallback(go);
  };
  requestIdleCallback(go);
}

/** Several points in each pixel column, as of many rows. */
function roughLine(): ChartLine {
  const x = Float64Array.from({ length: POINTS }, (_, i) => i);
  const y = x.map((i) => 1 / (1 + i / POINTS) + (i % 7) / 20);
  const marks = { x: new Float64Array(0), kind: new Float64Array(0) };
  return { id: "", name: "", colour: "#000000", dash: [], x, y, raw: null, band: null, marks };
}
