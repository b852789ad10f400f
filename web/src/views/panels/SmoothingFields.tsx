/** How lines are smoothed, and how much. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Smoothing } from "../../wire/tiles";
import { Choice } from "./SettingsForm";

const KINDS = [["none", "not smoothed"], ["ema", "exponential mean"], ["gaussian", "Gaussian"], ["mean", "running mean"]] as const;
const FIRST: Readonly<Record<Smoothing["kind"], number>> = { ema: 0.9, gaussian: 10, mean: 20 };
/** While a slider moves, lines are asked for no sooner than this after it rests. */
const REST_MS = 120;

/** The place on a slider from 0 to 1000 of an amount; both ends of the scale can be set finely. */
export function sliderOf({ kind, amount }: Smoothing): number {
  if (kind === "ema") return Math.round((-Math.log10(1 - amount) / 4) * 1000);
  return Math.round((Math.log10(amount) / 4) * 1000);
}

export function amountOf(kind: Smoothing["kind"], slider: number): number {
  const power = 10 ** ((4 * slider) / 1000);
  if (kind === "ema") return Number((1 - 1 / power).toFixed(4));
  return power < 10 ? Number(power.toFixed(1)) : Math.round(power);
}

function words({ kind, amount }: Smoothing): string {
  return kind === "ema" ? String(amount) : `${amount} rows`;
}

export function SmoothingFields(props: {
  readonly value: Smoothing | null;
  readonly onChange: (smoothing: Smoothing | null) => void;
}): JSX.Element {
  const [moving, setMoving] = useState<Smoothing | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => () => void (timer.current !== null && clearTimeout(timer.current)), []);
  const shown = moving ?? props.value;
  const move = (kind: Smoothing["kind"], slider: number): void => {
    const smoothing = { kind, amount: amountOf(kind, slider) };
    setMoving(smoothing);
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setMoving(null);
      props.onChange(smoothing);
    }, REST_MS);
  };
  return (
    <>
      <Choice label="smoothing" value={shown?.kind ?? "none"} options={KINDS}
        onChoose={(kind) => props.onChange(kind === "none" ? null : { kind, amount: FIRST[kind] })} />
      {shown !== null && (
        <label class="field">
          <span>amount: {words(shown)}</span>
          <input type="range" min="0" max={shown.kind === "ema" ? 990 : 1000} value={sliderOf(shown)}
            onInput={(event) => move(shown.kind, Number(event.currentTarget.value))} />
        </label>
      )}
    </>
  );
}
