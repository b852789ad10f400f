/** One condition of a filter: a column, a comparison, a value; names and values are completed. */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { COMPARISONS, type Comparison, type Condition } from "../../state/conditions";
import { valueOfWord } from "../../state/filter_text";
import { nearest, searchedName } from "../../state/usual_columns";
import { fetchColumns } from "../../wire/asks";
import type { ColumnKind, Facet } from "../../wire/documents";
import { writeJson, type Json } from "../../wire/json";
import { Completion } from "../parts/Completion";
import { counted } from "../parts/format";
import { ColumnName } from "./ColumnPicker";
import { useWorkspace } from "./context";

const MOST_CHOICES = 60;

export type ConditionEditorProps = {
  readonly initial: Condition | null;
  readonly take: (condition: Condition) => void;
};

export function ConditionEditor({ initial, take }: ConditionEditorProps): JSX.Element {
  const { workspace } = useWorkspace();
  const name = useSignal(initial?.name ?? "");
  const comparison = useSignal<Comparison>(initial?.comparison ?? "=");
  const text = useSignal(initial === null ? "" : textOf(initial.value));
  const facets = useSignal<readonly Facet[]>([]);
  const known = workspace.runs.columnList.value ?? [];
  const kind = known.find((column) => column.name === name.value)?.kind;
  useSignalEffect(() => {
    const column = name.value;
    facets.value = [];
    if (known.some((one) => one.name === column)) {
      fetchColumns(workspace.path, { columns: [], limit: 0, facets: [column] }).then(
        (answer) => {
          if (name.peek() === column) {
            facets.value = answer.facets?.[column] ?? [];
          }
        },
        () => {}, // a value can be written as well
      );
    }
  });
  const hasValue = comparison.value !== "exists" && comparison.value !== "missing";
  const isReady = name.value.trim() !== "" && (!hasValue || text.value !== "");
  const apply = (value = text.value): void => {
    if (name.value.trim() !== "" && (!hasValue || value !== "")) {
      take({ name: name.value.trim(), comparison: comparison.value, value: valueOf(value, comparison.value, kind) });
    }
  };
  return (
    <form
      class="condition"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <Completion
        label="Column"
        placeholder="config.lr"
        initial={name.value}
        isFree
        choicesFor={(typed) =>
          nearest(typed, known, (column) => searchedName(column.name), MOST_CHOICES).map((column) => ({
            value: column.name,
            label: <ColumnName name={column.name} />,
            hint: column.kind,
          }))
        }
        onText={(typed) => (name.value = typed)}
        onTake={(taken) => (name.value = taken)}
      />
      <select class="field" aria-label="Comparison" value={comparison.value} onChange={(event) => (comparison.value = event.currentTarget.value as Comparison)}>
        {COMPARISONS.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      {hasValue && (
        <Completion
          key={name.value}
          label="Value"
          placeholder={comparison.value.endsWith("in") ? "adam, sgd" : "Value"}
          initial={text.value}
          isFree
          choicesFor={(typed) => choicesOf(facets.value, typed, comparison.value)}
          onText={(typed) => (text.value = typed)}
          onTake={(taken, isChoice) => {
            text.value = taken;
            if (!isChoice || !comparison.value.endsWith("in")) {
              apply(taken);
            }
          }}
        />
      )}
      <button type="submit" class="button button-main" disabled={!isReady}>
        Apply
      </button>
    </form>
  );
}

/** Values that runs have; behind a comma those for the next of a list. */
function choicesOf(facets: readonly Facet[], typed: string, comparison: Comparison): { value: string; label: string; hint: string }[] {
  const isList = comparison.endsWith("in");
  const cut = isList ? typed.lastIndexOf(",") + 1 : 0;
  const head = typed.slice(0, cut);
  const taken = new Set(isList ? head.split(",").map((part) => part.trim()) : []);
  const texts = facets.map(({ value, run_count }) => ({ text: textOf(value), run_count })).filter(({ text }) => !taken.has(text));
  return nearest(typed.slice(cut).trim(), texts, ({ text }) => text, MOST_CHOICES).map(({ text, run_count }) => ({
    value: head === "" ? text : `${head} ${text}`,
    label: text,
    hint: counted(run_count, "run"),
  }));
}

function textOf(value: Json): string {
  if (value === null) {
    return "null";
  }
  if (Array.isArray(value)) {
    return value.map(textOf).join(", ");
  }
  return typeof value === "string" ? value : writeJson(value);
}

function valueOf(text: string, comparison: Comparison, kind: ColumnKind | undefined): Json {
  if (comparison === "exists" || comparison === "missing") {
    return null;
  }
  if (comparison === "contains" || comparison === "matches") {
    return text;
  }
  if (comparison === "in" || comparison === "not in") {
    const parts = text.split(",").map((part) => part.trim());
    return parts.filter(Boolean).map((part) => single(part, kind));
  }
  return single(text.trim(), kind);
}

/** Text where a column has text, even if it looks like a number. */
function single(text: string, kind: ColumnKind | undefined): Json {
  return (kind === "text" || kind === "list" || kind === "time") && text !== "null" ? text : valueOfWord(text);
}
