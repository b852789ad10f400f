/** Adds a panel that is not the lines of a key. */

import type { JSX } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { withPanelAdded, type AddedPanel } from "../../state/panels";
import { columnNames } from "../../state/run_columns";
import { usePanels } from "./panels_context";
import { Popover } from "./Popover";
import { Choice } from "./Choice";

type Kind = AddedPanel["kind"];

const KINDS: readonly (readonly [Kind, string])[] = [
  ["scatter", "scatter of two columns"],
  ["bar", "bars of a key by run"],
  ["parallel", "parallel coordinates"],
  ["importance", "importance of the config for a metric"],
];
const VALUES = [["last", "last"], ["min", "lowest"], ["max", "highest"]] as const;

/** The columns of runs are named here as in the table: `config.lr`, `summary.loss`, `runtime_s`. */
export function AddPanel(): JSX.Element {
  return (
    <Popover label="Add a panel" face={<span aria-hidden="true">+</span>}>
      {(close) => <AddForm onDone={close} />}
    </Popover>
  );
}

function AddForm(props: { readonly onDone: () => void }): JSX.Element {
  const { model } = usePanels();
  const columns = useMemo(() => columnNames(model.source), [model]);
  const [kind, setKind] = useState<Kind>("scatter");
  const [names, setNames] = useState<readonly [string, string, string]>(["", "", ""]);
  const [value, setValue] = useState<"last" | "min" | "max">("last");
  const panel = panelOf(kind, names, value);
  const add = (event: Event): void => {
    event.preventDefault();
    if (panel === null) return;
    model.change((state) => withPanelAdded(state, panel));
    props.onDone();
  };
  const set = (place: number, text: string): void =>
    setNames(names.map((name, i) => (i === place ? text : name)) as unknown as readonly [string, string, string]);
  return (
    <form class="settings" onSubmit={add}>
      <Choice label="panel" value={kind} options={KINDS} onChoose={setKind} />
      {FIELDS[kind].map((label, i) => (
        <NameField key={`${kind} ${label}`} label={label} value={names[i] ?? ""} onChange={(text) => set(i, text)}
          names={kind === "bar" ? model.numberKeys.value : columns.value} />
      ))}
      {kind === "bar" && <Choice label="value" value={value} options={VALUES} onChoose={setValue} />}
      <button type="submit" class="tool" disabled={panel === null}>Add</button>
    </form>
  );
}

const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  scatter: ["x", "y", "colour (or nothing)"],
  bar: ["key"],
  parallel: ["columns, by commas"],
  importance: ["metric"],
};

function panelOf(kind: Kind, names: readonly [string, string, string], value: "last" | "min" | "max"): AddedPanel | null {
  const [first, second, third] = names.map((name) => name.trim()) as [string, string, string];
  if (first === "") return null;
  switch (kind) {
    case "scatter":
      if (second === "") return null;
      return { kind, x: first, y: second, ...(third === "" ? {} : { colour: third }) };
    case "bar":
      return { kind, key: first, value };
    case "parallel": {
      const columns = first.split(",").map((name) => name.trim()).filter(Boolean);
      return columns.length < 2 ? null : { kind, columns };
    }
    case "importance":
      return { kind, metric: first };
  }
}

/** So many names are offered; others can be typed. */
const OFFERED = 500;

function NameField(props: {
  readonly label: string;
  readonly value: string;
  readonly names: readonly string[];
  readonly onChange: (text: string) => void;
}): JSX.Element {
  const list = useId();
  return (
    <label class="setting">
      <span>{props.label}</span>
      <input list={list} value={props.value} onInput={(event) => props.onChange(event.currentTarget.value)} />
      <datalist id={list}>{props.names.slice(0, OFFERED).map((name) => <option key={name} value={name} />)}</datalist>
    </label>
  );
}
