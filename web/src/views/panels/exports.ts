/** A chart as a picture, as a drawing and as numbers: as it is seen. */

import { chartCsv } from "../../drawing/csv";
import { drawFigure, figureHeight, figureSvg, type Figure } from "../../drawing/figure";
import type { ChartLayout, ChartLine } from "../../drawing/line_chart";
import type { Theme } from "../../drawing/surface";
import type { ChartSettings } from "../../state/panels";
import { download, fileName } from "./download";
import { frameOf } from "./frame";

/** What a panel shows. */
export type Shown = {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly settings: ChartSettings;
  readonly layout: ChartLayout;
  readonly size: { readonly width: number; readonly height: number };
};

/** Pictures are this many times as fine as the page. */
const PICTURE_DENSITY = 2;

function figureOf(shown: Shown): Figure {
  const { layout, settings, size } = shown;
  const frame = {
    ...frameOf(settings, [layout.x.low, layout.x.high]),
    yRange: { low: layout.y.low, high: layout.y.high },
    width: Math.max(480, Math.round(size.width)),
    height: Math.max(260, Math.round(size.height)),
  };
  return { title: shown.title, lines: shown.lines, frame };
}

export function saveSvg(shown: Shown, theme: Theme): void {
  const text = figureSvg(figureOf(shown), theme);
  download(fileName(shown.title, "svg"), new Blob([text], { type: "image/svg+xml" }));
}

export function savePng(shown: Shown, theme: Theme): void {
  const figure = figureOf(shown);
  const canvas = document.createElement("canvas");
  canvas.width = figure.frame.width * PICTURE_DENSITY;
  canvas.height = figureHeight(figure) * PICTURE_DENSITY;
  const context = canvas.getContext("2d")!;
  context.scale(PICTURE_DENSITY, PICTURE_DENSITY);
  drawFigure(context, figure, theme);
  canvas.toBlob((blob) => blob && download(fileName(shown.title, "png"), blob), "image/png");
}

export function saveCsv(shown: Shown): void {
  const { layout, settings, title } = shown;
  const text = chartCsv(shown.lines, { x: settings.x, y: title }, layout.x);
  download(fileName(title, "csv"), new Blob([text], { type: "text/csv" }));
}
