/** A chart as a picture, as a drawing and as numbers: as it is seen. */

import { chartCsv } from "../../drawing/csv";
import { drawFigure, drawTitle, figureHeight, figureSvg, TITLE_PX, type Figure } from "../../drawing/figure";
import type { ChartLayout, ChartLine } from "../../drawing/line_chart";
import { SvgSurface } from "../../drawing/svg";
import type { Surface, Theme } from "../../drawing/surface";
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
  const size = { width: figure.frame.width, height: figureHeight(figure) };
  paint(shown.title, size, (surface) => drawFigure(surface, figure, theme));
}

/** Give the person a PNG of what is drawn. */
function paint(title: string, size: Picture["size"], draw: (surface: Surface) => void): void {
  const canvas = document.createElement("canvas");
  canvas.width = size.width * PICTURE_DENSITY;
  canvas.height = size.height * PICTURE_DENSITY;
  const context = canvas.getContext("2d")!;
  context.scale(PICTURE_DENSITY, PICTURE_DENSITY);
  draw(context);
  canvas.toBlob((blob) => blob && download(fileName(title, "png"), blob), "image/png");
}

/** What a panel shows that is no chart of lines. */
export type Picture = {
  readonly size: { readonly width: number; readonly height: number };
  readonly draw: (surface: Surface, size: Picture["size"], theme: Theme) => void;
};

/** The picture below its title. */
function drawPicture(surface: Surface, title: string, { size, draw }: Picture, theme: Theme): void {
  drawTitle(surface, title, { width: size.width, height: size.height + TITLE_PX }, theme);
  surface.save();
  surface.translate(0, TITLE_PX);
  draw(surface, size, theme);
  surface.restore();
}

export function savePicturePng(title: string, picture: Picture, theme: Theme): void {
  const size = { width: picture.size.width, height: picture.size.height + TITLE_PX };
  paint(title, size, (surface) => drawPicture(surface, title, picture, theme));
}

export function savePictureSvg(title: string, picture: Picture, theme: Theme): void {
  const { width, height } = picture.size;
  const surface = new SvgSurface(width, height + TITLE_PX, title);
  drawPicture(surface, title, picture, theme);
  download(fileName(title, "svg"), new Blob([surface.finish()], { type: "image/svg+xml" }));
}

export function saveCsv(shown: Shown): void {
  const { layout, settings, title } = shown;
  const text = chartCsv(shown.lines, { x: settings.x, y: title }, layout.x);
  download(fileName(title, "csv"), new Blob([text], { type: "text/csv" }));
}
