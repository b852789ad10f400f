/** A cell that is written into: Enter keeps, Escape leaves as it was. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { RunRow } from "../../state/run_pages";
import { tagsOf } from "../../state/tags";
import type { Json } from "../../wire/json";
import { useWorkspace, type Editing } from "./context";

export function InPlace({ column, row }: { readonly column: Editing["column"]; readonly row: RunRow }): JSX.Element {
  const { workspace, editing } = useWorkspace();
  const input = useRef<HTMLInputElement>(null);
  const isOver = useRef(false);
  const before = textOf(row.value(column));
  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);
  const end = (isKept: boolean): void => {
    if (isOver.current) {
      return;
    }
    isOver.current = true;
    const text = input.current?.value ?? before;
    editing.value = null;
    if (isKept && text !== before && !(column === "name" && text.trim() === "")) {
      void workspace.editInfo(row.runId, column, valueOf(column, text));
    }
  };
  return (
    <div class={column === "name" ? "cell cell-name cell-edited" : "cell cell-edited"} role="gridcell">
      <input
        ref={input}
        class="field"
        aria-label={column === "tags" ? "Tags, with commas between them" : `The run's ${column}`}
        placeholder={column === "tags" ? "best, baseline" : ""}
        defaultValue={before}
        onBlur={() => end(true)}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Enter" || event.key === "Escape") {
            end(event.key === "Enter");
          }
        }}
      />
    </div>
  );
}

function textOf(value: Json): string {
  return value === null ? "" : Array.isArray(value) ? value.join(", ") : String(value);
}

function valueOf(column: Editing["column"], text: string): Json {
  if (column !== "tags") {
    return text.trim();
  }
  return tagsOf(text);
}
