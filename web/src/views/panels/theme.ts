/** The colours of charts, out of the page's style. */

import type { Theme } from "../../drawing/surface";

const NAMES = {
  ground: "--ground",
  ink: "--ink",
  soft: "--ink-soft",
  faint: "--ink-faint",
  grid: "--grid",
  line: "--line-strong",
  accent: "--accent",
  crosshair: "--crosshair",
} as const;

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.entries(NAMES).map(([name, variable]) => [name, style.getPropertyValue(variable).trim() || "#888"]);
  const fontFamily = style.getPropertyValue("--font").trim() || "sans-serif";
  return { ...Object.fromEntries(colours), fontFamily } as Theme;
}
