/** How charts are drawn: of all panels, or of one. */

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import type { ChartSettings, ScaleName } from "../../state/panels";
import type { Aggregate, Smoothing } from "../../wire/tiles";
import { Choice } from "./Choice";
import { SmoothingFields } from "./SmoothingFields";

export type SettingsChange = { readonly [K in keyof ChartSettings]?: ChartSettings[K] | undefined };

const AXES = [["_step", "step"], ["_runtime", "runtime"], ["_timestamp", "wall clock"], ["other", "a key\u2026"]] as const;
const X_SCALES = [["linear", "linear"], ["log", "log"]] as const;
const Y_SCALES: readonly (readonly [ScaleName, string])[] = [["linear", "linear"], ["log", "log"], ["symlog", "symlog"]];
const LINES = [["mean", "mean"], ["median", "median"], ["min", "lowest"], ["max", "highest"]] as const;
const BANDS = [
  ["none", "no band"], ["std", "standard deviation"], ["stderr", "standard error"], ["minmax", "lowest to highest"], ["quantiles", "quartiles"],
] as const;
const ZONES = [["local", "local time"], ["UTC", "UTC"]] as const;

function XAxis(props: { readonly value: string; readonly keys: readonly string[]; readonly onChoose: (x: string) => void }): JSX.Element {
  const list = useId();
  const isKey = !AXES.some(([name]) => name === props.value);
  return (
    <>
      <Choice label="x axis" value={isKey ? "other" : props.value} options={AXES}
        onChoose={(name) => props.onChoose(name === "other" ? (props.keys[0] ?? "_step") : name)} />
      {isKey && (
        <label class="setting">
          <span>key of x</span>
          <input list={list} value={props.value}
            onChange={(event) => props.onChoose(event.currentTarget.value.trim() || "_step")} />
          <datalist id={list}>{props.keys.slice(0, 500).map((key) => <option key={key} value={key} />)}</datalist>
        </label>
      )}
    </>
  );
}

function YRange(props: { readonly settings: ChartSettings; readonly onChange: (change: SettingsChange) => void }): JSX.Element {
  const { yRange } = props.settings;
  const set = (place: 0 | 1, text: string): void => {
    const value = Number(text);
    const other = yRange?.[1 - place];
    if (text.trim() === "" || !Number.isFinite(value)) return props.onChange({ yRange: undefined });
    const ends = place === 0 ? ([value, other ?? value + 1] as const) : ([other ?? value - 1, value] as const);
    props.onChange({ yRange: ends[0] < ends[1] ? ends : undefined });
  };
  return (
    <div class="setting">
      <span>y from, to</span>
      <span class="pair">
        <input aria-label="y from" inputMode="decimal" placeholder="auto" value={yRange?.[0] ?? ""}
          onChange={(event) => set(0, event.currentTarget.value)} />
        <input aria-label="y to" inputMode="decimal" placeholder="auto" value={yRange?.[1] ?? ""}
          onChange={(event) => set(1, event.currentTarget.value)} />
      </span>
    </div>
  );
}

function AggregateFields(props: { readonly value: Aggregate; readonly onChange: (aggregate: Aggregate) => void }): JSX.Element {
  const { line, band } = props.value;
  return (
    <>
      <Choice label="line of a group" value={line} options={LINES} onChoose={(name) => props.onChange({ line: name, band })} />
      <Choice label="band of a group" value={band ?? "none"} options={BANDS}
        onChoose={(name) => props.onChange({ line, band: name === "none" ? null : name })} />
    </>
  );
}

export function SettingsForm(props: {
  readonly settings: ChartSettings;
  readonly isGrouped: boolean;
  readonly keys: readonly string[];
  readonly onChange: (change: SettingsChange) => void;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const { settings, onChange } = props;
  return (
    <form class="settings" onSubmit={(event) => event.preventDefault()}>
      <XAxis value={settings.x} keys={props.keys} onChoose={(x) => onChange({ x })} />
      {settings.x === "_timestamp" && (
        <Choice label="zone" value={settings.zone} options={ZONES} onChoose={(zone) => onChange({ zone })} />
      )}
      <Choice label="x scale" value={settings.xScale} options={X_SCALES} onChoose={(xScale) => onChange({ xScale })} />
      <Choice label="y scale" value={settings.yScale} options={Y_SCALES} onChoose={(yScale) => onChange({ yScale })} />
      <YRange settings={settings} onChange={onChange} />
      <SmoothingFields value={settings.smoothing} onChange={(smoothing: Smoothing | null) => onChange({ smoothing })} />
      {props.isGrouped && <AggregateFields value={settings.aggregate} onChange={(aggregate) => onChange({ aggregate })} />}
      {props.children}
    </form>
  );
}
