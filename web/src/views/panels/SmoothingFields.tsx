/** How lines are smoothed, and how much. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Smoothing } from "../../wire/tiles";
import { Choice } from "./Choice";
import { amountOf, SLIDER_END, sliderOf } from "./smoothing_scale";

const KINDS = [["none", "not smoothed"], ["ema", "exponential mean"], ["gaussian", "Gaussian"], ["mean", "running mean"]] as const;
const FIRST: Readonly<Record<Smoothing["kind"], number>> = { ema: 0.9, gaussian: 10, mean: 20 };
/** While a slider moves, lines are asked for no sooner than this after it rests. */
const REST_MS = 120;

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
        <label class="setting">
          <span>amount: {words(shown)}</span>
          <input type="range" min="0" max={SLIDER_END} value={sliderOf(shown)}
            onInput={(event) => move(shown.kind, Number(event.currentTarget.value))} />
        </label>
      )}
    </>
  );
}
