/** Amounts of smoothing on a slider from 0 to 1000, so that both ends of their scale can be set finely. */

import type { Smoothing } from "../../wire/tiles";

export const SLIDER_END = 1000;
/** How many powers of ten the slider goes through. */
const DECADES = 4;

export function sliderOf({ kind, amount }: Smoothing): number {
  const power = kind === "ema" ? -Math.log10(1 - amount) : Math.log10(amount);
  return Math.round((power / DECADES) * SLIDER_END);
}

export function amountOf(kind: Smoothing["kind"], slider: number): number {
  const power = 10 ** ((DECADES * slider) / SLIDER_END);
  if (kind === "ema") return Number((1 - 1 / power).toFixed(4));
  return power < 10 ? Number(power.toFixed(1)) : Math.round(power);
}
