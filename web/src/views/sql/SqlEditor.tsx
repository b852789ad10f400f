/** Where a query is written, beside the tables and columns that it can name. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { SqlModel } from "../../state/sql";
import type { SqlTable } from "../../wire/sql";
import { isNarrow } from "../parts/narrow";

const FEWEST_LINES = 5;
const MOST_LINES = 16;

export function SqlEditor({ model, tables, run }: { readonly model: SqlModel; readonly tables: readonly SqlTable[]; readonly run: () => void }): JSX.Element {
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = model.text.value.split("\n").length;
  const insert = (name: string): void => {
    const element = area.current;
    if (element === null) {
      return;
    }
    const { selectionStart: start, selectionEnd: end, value } = element;
    element.setRangeText(start > 0 && /\w$/.test(value.slice(0, start)) ? ` ${name}` : name, start, end, "end");
    model.text.value = element.value;
    element.focus();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  };
  return (
    <>
      <textarea
        ref={area}
        class="field sql-text"
        aria-label="Query"
        placeholder="SELECT run_id, value FROM summary WHERE key = 'loss' ORDER BY value"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        rows={Math.min(MOST_LINES, Math.max(FEWEST_LINES, lines))}
        value={model.text.value}
        onInput={(event) => (model.text.value = event.currentTarget.value)}
        onKeyDown={press}
      />
      <details class="sql-tables" open={!isNarrow.value}>
        <summary>Tables and columns</summary>
        {tables.map(({ name, columns }) => (
          <details key={name} class="sql-table">
            <summary>
              <code>{name}</code> <span class="soft">{columns.length}</span>
            </summary>
            <ul>
              <li>
                <button type="button" class="text-button" title={`Write ${name}`} onClick={() => insert(name)}>
                  {name}
                </button>
                <span class="soft"> the table</span>
              </li>
              {columns.map((column) => (
                <li key={column.name}>
                  <button type="button" class="text-button" title={`Write ${column.name}`} onClick={() => insert(quoted(column.name))}>
                    {column.name}
                  </button>
                  <span class="soft"> {typeName(column.type)}</span>
                </li>
              ))}
            </ul>
          </details>
        ))}
      </details>
    </>
  );
}

/** `group` is a word of SQL. */
function quoted(name: string): string {
  return name === "group" ? '"group"' : name;
}

function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = { string: "text", double: "number", int64: "integer" };
  return names[type] ?? (type.startsWith("list") ? "texts" : type);
}
