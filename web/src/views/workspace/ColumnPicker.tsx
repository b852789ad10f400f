/** Which columns the table has: those that it has, and all others by name. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { nearest, searchedName, titleOf } from "../../state/usual_columns";
import { counted } from "../parts/format";
import { Icon } from "../parts/Icon";
import { moved } from "./column_widths";
import { useWorkspace } from "./context";

const MOST_CHOICES = 200;

export function ColumnPicker(): JSX.Element {
  const { workspace } = useWorkspace();
  const text = useSignal("");
  const columns = workspace.runs.columns.value;
  const known = workspace.runs.columnList.value ?? [];
  const shown = new Set(columns.map(({ name }) => name));
  const others = known.filter(({ name }) => !shown.has(name) && name !== "name");
  const found = nearest(text.value, others, ({ name }) => searchedName(name), MOST_CHOICES);
  const add = (name: string): void => workspace.change({ columns: [...columns, { name, widthPx: null }] }, "Added a column");
  const remove = (name: string): void => workspace.change({ columns: columns.filter((one) => one.name !== name) }, "Took away a column");
  return (
    <div class="picker">
      <input
        class="field"
        type="search"
        data-first
        spellcheck={false}
        placeholder={`Search ${counted(known.length, "column")}`}
        aria-label="Search columns"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          const first = found[0];
          if (event.key === "Enter" && first !== undefined) {
            add(first.name);
          }
        }}
      />
      <div class="picker-lists">
        <section aria-label="Shown">
          <h2>Shown</h2>
          <ul>
            {columns.map(({ name }, place) => (
              <li key={name} class="picker-item">
                <span class="picker-name" title={name}>
                  <ColumnName name={name} />
                </span>
                <button type="button" class="button-icon" disabled={place === 0} aria-label={`Move ${name} up`} onClick={() => workspace.change({ columns: moved(columns, name, place - 1) }, "Moved a column")}>
                  <Icon name="up" />
                </button>
                <button type="button" class="button-icon" disabled={place === columns.length - 1} aria-label={`Move ${name} down`} onClick={() => workspace.change({ columns: moved(columns, name, place + 1) }, "Moved a column")}>
                  <Icon name="down" />
                </button>
                <button type="button" class="button-icon" aria-label={`Take away ${name}`} onClick={() => remove(name)}>
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
          {workspace.view.value.columns !== null && (
            <button type="button" class="button" onClick={() => workspace.change({ columns: null }, "Took the usual columns")}>
              The usual columns
            </button>
          )}
        </section>
        <section aria-label="Others">
          <h2>Others</h2>
          <ul>
            {found.map(({ name, run_count }) => (
              <li key={name}>
                <button type="button" class="picker-item picker-add" title={name} onClick={() => add(name)}>
                  <Icon name="plus" />
                  <span class="picker-name">
                    <ColumnName name={name} />
                  </span>
                  <span class="soft">{run_count}</span>
                </button>
              </li>
            ))}
          </ul>
          {found.length === 0 && <p class="soft">No other column is called so.</p>}
          {found.length === MOST_CHOICES && <p class="soft">These are the nearest {MOST_CHOICES}; write more of the name.</p>}
        </section>
      </div>
    </div>
  );
}

export function ColumnName({ name }: { readonly name: string }): JSX.Element {
  const { root, title } = titleOf(name);
  return (
    <>
      {root !== "" && <span class="soft">{root}.</span>}
      {title}
    </>
  );
}
