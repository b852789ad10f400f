/** A surface that writes an SVG document of what is drawn on it. */

import type { Surface } from "./surface";

interface Settings {
  strokeStyle: Surface["strokeStyle"];
  fillStyle: Surface["fillStyle"];
  lineWidth: number;
  lineJoin: CanvasLineJoin;
  lineCap: CanvasLineCap;
  globalAlpha: number;
  font: string;
  textAlign: CanvasTextAlign;
  textBaseline: CanvasTextBaseline;
  dash: readonly number[];
  groupCount: number;
}

const ANCHORS: Readonly<Record<string, string>> = { center: "middle", right: "end", end: "end" };

export function escapeXml(text: string): string {
  const legal = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return legal.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function short(pixel: number): string {
  return String(Math.round(pixel * 100) / 100);
}

/** Takes the calls of a chart; `finish` gives the document. Letters are measured as on average. */
export class SvgSurface implements Surface {
  strokeStyle: Surface["strokeStyle"] = "#000";
  fillStyle: Surface["fillStyle"] = "#000";
  lineWidth = 1;
  lineJoin: CanvasLineJoin = "miter";
  lineCap: CanvasLineCap = "butt";
  globalAlpha = 1;
  font = "10px sans-serif";
  textAlign: CanvasTextAlign = "start";
  textBaseline: CanvasTextBaseline = "alphabetic";
  private dash: readonly number[] = [];
  private path: string[] = [];
  private readonly parts: string[] = [];
  private readonly saved: Settings[] = [];
  private groupCount = 0;
  private clipCount = 0;

  constructor(
    private readonly width: number,
    private readonly height: number,
    private readonly title: string,
  ) {}

  beginPath(): void {
    this.path = [];
  }

  moveTo(x: number, y: number): void {
    this.path.push(`M${short(x)} ${short(y)}`);
  }

  lineTo(x: number, y: number): void {
    this.path.push(`L${short(x)} ${short(y)}`);
  }

  closePath(): void {
    this.path.push("Z");
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.path.push(`M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`);
  }

  /** Whole circles only. */
  arc(x: number, y: number, radius: number): void {
    const size = short(radius);
    const across = short(2 * radius);
    this.path.push(`M${short(x - radius)} ${short(y)}a${size} ${size} 0 1 0 ${across} 0a${size} ${size} 0 1 0 -${across} 0Z`);
  }

  stroke(): void {
    if (this.path.length === 0) return;
    const dash = this.dash.length > 0 ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    const style = `stroke="${escapeXml(String(this.strokeStyle))}" stroke-width="${short(this.lineWidth)}" stroke-linejoin="${this.lineJoin}"`;
    this.parts.push(`<path d="${this.path.join("")}" fill="none" ${style}${dash}${this.opacity()}/>`);
  }

  fill(): void {
    if (this.path.length === 0) return;
    this.parts.push(`<path d="${this.path.join("")}" fill="${escapeXml(String(this.fillStyle))}"${this.opacity()}/>`);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    const place = `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
    this.parts.push(`<rect ${place} fill="${escapeXml(String(this.fillStyle))}"${this.opacity()}/>`);
  }

  clip(): void {
    const id = `clip${++this.clipCount}`;
    this.parts.push(`<clipPath id="${id}"><path d="${this.path.join("")}"/></clipPath><g clip-path="url(#${id})">`);
    this.groupCount++;
  }

  save(): void {
    const { strokeStyle, fillStyle, lineWidth, lineJoin, lineCap, globalAlpha, font, textAlign, textBaseline } = this;
    const { dash, groupCount } = this;
    this.saved.push({
      strokeStyle, fillStyle, lineWidth, lineJoin, lineCap, globalAlpha, font, textAlign, textBaseline, dash, groupCount,
    });
  }

  restore(): void {
    const before = this.saved.pop();
    if (before === undefined) return;
    this.parts.push("</g>".repeat(this.groupCount - before.groupCount));
    Object.assign(this, before);
  }

  translate(x: number, y: number): void {
    this.group(`translate(${short(x)} ${short(y)})`);
  }

  rotate(angle: number): void {
    this.group(`rotate(${short((angle * 180) / Math.PI)})`);
  }

  setLineDash(dash: Iterable<number>): void {
    this.dash = [...dash];
  }

  fillText(text: string, x: number, y: number): void {
    const { size, weight, family } = this.letters();
    const anchor = ANCHORS[this.textAlign];
    const down = this.textBaseline === "middle" ? 0.35 * size : this.textBaseline === "top" ? 0.8 * size : 0;
    const place = `x="${short(x)}" y="${short(y + down)}"${anchor === undefined ? "" : ` text-anchor="${anchor}"`}`;
    const style = `font-family="${escapeXml(family)}" font-size="${size}"${weight === "" ? "" : ` font-weight="${weight}"`}`;
    this.parts.push(`<text ${place} ${style} fill="${escapeXml(String(this.fillStyle))}"${this.opacity()}>${escapeXml(text)}</text>`);
  }

  measureText(text: string): TextMetrics {
    return { width: text.length * this.letters().size * 0.56 } as TextMetrics;
  }

  finish(): string {
    const { width, height } = this;
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`;
    return `${head}<title>${escapeXml(this.title)}</title>${this.parts.join("")}${"</g>".repeat(this.groupCount)}</svg>\n`;
  }

  private group(transform: string): void {
    this.parts.push(`<g transform="${transform}">`);
    this.groupCount++;
  }

  private opacity(): string {
    return this.globalAlpha === 1 ? "" : ` opacity="${this.globalAlpha}"`;
  }

  private letters(): { size: number; weight: string; family: string } {
    const found = /^(?:(\w+) )?(\d+(?:\.\d+)?)px (.*)$/.exec(this.font);
    return { size: Number(found?.[2] ?? 10), weight: found?.[1] ?? "", family: found?.[3] ?? "sans-serif" };
  }
}
