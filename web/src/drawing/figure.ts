/** A chart with its title and legend, as it stands in a paper or a mail. */

import { layoutChart, placeLine, type ChartFrame, type ChartLine } from "./line_chart";
import { drawChart, strokeWidth } from "./strokes";
import { LABEL_PX, labelFont, shortened, type Surface, type Theme } from "./surface";
import { SvgSurface } from "./svg";

/** The height of a title above a picture. */
export const TITLE_PX = 28;
const ROW_PX = 16;
const COLUMN_PX = 180;
/** A legend of more lines than this says how many there are more. */
const LEGEND_LINES = 60;

export interface Figure {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly frame: ChartFrame;
}

function legendRows(figure: Figure): { columns: number; rows: number; shown: readonly ChartLine[] } {
  const columns = Math.max(1, Math.floor((figure.frame.width - 20) / COLUMN_PX));
  const shown = figure.lines.slice(0, LEGEND_LINES);
  const count = shown.length + (figure.lines.length > shown.length ? 1 : 0);
  return { columns, rows: Math.ceil(count / columns), shown };
}

/** The height of a figure, of its title, chart and legend. */
export function figureHeight(figure: Figure): number {
  return TITLE_PX + figure.frame.height + legendRows(figure).rows * ROW_PX + 10;
}

/** The ground of a picture, and its title. */
export function drawTitle(surface: Surface, title: string, size: { readonly width: number; readonly height: number }, theme: Theme): void {
  surface.fillStyle = theme.ground;
  surface.fillRect(0, 0, size.width, size.height);
  surface.font = labelFont(theme, "bold").replace(`${LABEL_PX}px`, "13px");
  surface.fillStyle = theme.ink;
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  surface.fillText(shortened(surface, title, size.width - 20), 10, TITLE_PX / 2);
}

export function drawFigure(surface: Surface, figure: Figure, theme: Theme): void {
  const { frame, lines, title } = figure;
  drawTitle(surface, title, { width: frame.width, height: figureHeight(figure) }, theme);
  surface.save();
  surface.translate(0, TITLE_PX);
  const layout = layoutChart(surface, lines, frame, theme);
  drawChart(surface, lines.map((line) => placeLine(line, layout)), layout, theme);
  drawLegend(surface, figure, theme);
  surface.restore();
}

function drawLegend(surface: Surface, figure: Figure, theme: Theme): void {
  const { columns, rows, shown } = legendRows(figure);
  surface.font = labelFont(theme);
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  surface.lineWidth = Math.max(1.5, strokeWidth(shown.length));
  const place = (i: number) => ({
    x: 10 + Math.floor(i / rows) * COLUMN_PX,
    y: figure.frame.height + (i % rows) * ROW_PX + ROW_PX / 2,
  });
  shown.forEach((line, i) => {
    const { x, y } = place(i);
    surface.strokeStyle = line.colour;
    surface.setLineDash([...line.dash]);
    surface.beginPath();
    surface.moveTo(x, y);
    surface.lineTo(x + 20, y);
    surface.stroke();
    surface.fillStyle = theme.ink;
    surface.fillText(shortened(surface, line.name, COLUMN_PX - 36), x + 26, y);
  });
  surface.setLineDash([]);
  if (figure.lines.length > shown.length && columns > 0) {
    const { x, y } = place(shown.length);
    surface.fillStyle = theme.faint;
    surface.fillText(`and ${figure.lines.length - shown.length} more`, x, y);
  }
}

export function figureSvg(figure: Figure, theme: Theme): string {
  const surface = new SvgSurface(figure.frame.width, figureHeight(figure), figure.title);
  drawFigure(surface, figure, theme);
  return surface.finish();
}
