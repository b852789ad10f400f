/** The filters: a row of conditions, or the whole of it as text. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { filterOf, partsOf, type FilterPart } from "../../state/conditions";
import { formatFilterText, parseFilterText } from "../../state/filter_text";
import type { JsonObject } from "../../wire/json";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { ConditionEditor } from "./ConditionEditor";
import { useWorkspace } from "./context";

export function FilterBar(): JSX.Element | null {
  const { workspace, isAddingFilter, addedFilter } = useWorkspace();
  const isText = useSignal(false);
  const { filters } = workspace.view.value;
  const parts = partsOf(filters);
  const set = (next: readonly FilterPart[], said: string): void => workspace.change({ filters: filterOf(next) }, said);
  if (parts.length === 0 && !isAddingFilter.value && !isText.value) {
    return null;
  }
  const endAdding = (): void => {
    isAddingFilter.value = false;
    addedFilter.value = null;
  };
  return (
    <div class="filter-bar" role="group" aria-label="Filters">
      {isText.value ? (
        <FilterText filters={filters} end={() => (isText.value = false)} />
      ) : (
        <>
          {parts.map((part, i) => (
            <FilterChip
              key={`${i} ${textOf(part)}`}
              part={part}
              change={(next) => set(parts.with(i, next), "Changed a filter")}
              remove={() => set(parts.toSpliced(i, 1), "Took away a filter")}
            />
          ))}
          {isAddingFilter.value ? (
            <Popover key={addedFilter.value} button="New filter" label="New filter" buttonClass="chip chip-new" isOpenAtFirst onClose={endAdding}>
              {(close) => (
                <ConditionEditor
                  initial={addedFilter.value === null ? null : { name: addedFilter.value, comparison: "=", value: "" }}
                  take={(condition) => {
                    close();
                    set([...parts, { condition }], "Added a filter");
                  }}
                />
              )}
            </Popover>
          ) : (
            <button type="button" class="button-icon" aria-label="Add a filter" title="Add a filter (f)" onClick={() => (isAddingFilter.value = true)}>
              <Icon name="plus" />
            </button>
          )}
          <span class="spring" />
          <button type="button" class="button-link" onClick={() => (isText.value = true)}>
            As text
          </button>
          {parts.length > 0 && (
            <button type="button" class="button-link" onClick={() => set([], "Took away all filters")}>
              Clear
            </button>
          )}
        </>
      )}
    </div>
  );
}

type FilterChipProps = { readonly part: FilterPart; readonly change: (part: FilterPart) => void; readonly remove: () => void };

function FilterChip({ part, change, remove }: FilterChipProps): JSX.Element {
  const text = textOf(part);
  return (
    <span class="chip">
      <Popover button={<span class="chip-text">{text}</span>} label={`Filter ${text}`} buttonClass="chip-button">
        {(close) =>
          "condition" in part ? (
            <ConditionEditor
              initial={part.condition}
              take={(condition) => {
                close();
                change({ condition });
              }}
            />
          ) : (
            <FilterText
              filters={part.filter}
              end={close}
              take={(filter) => {
                close();
                change({ filter });
              }}
            />
          )
        }
      </Popover>
      <button type="button" class="chip-close" aria-label={`Take away the filter ${text}`} onClick={remove}>
        <Icon name="close" />
      </button>
    </span>
  );
}

function textOf(part: FilterPart): string {
  return formatFilterText("filter" in part ? part.filter : filterOf([part]));
}

type FilterTextProps = { readonly filters: JsonObject | null; readonly end: () => void; readonly take?: (filters: JsonObject) => void };

/** A filter as text; what is not understood is told while it is written. */
function FilterText({ filters, end, take }: FilterTextProps): JSX.Element {
  const { workspace } = useWorkspace();
  const text = useSignal(formatFilterText(filters));
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { filter, problem } = read(text.value);
  const keep = (event: Event): void => {
    event.preventDefault();
    if (problem !== null) {
      return;
    }
    if (take !== undefined && filter !== null) {
      take(filter);
    } else {
      workspace.change({ filters: filter }, "Changed the filters");
      end();
    }
  };
  return (
    <form class="filter-text" onSubmit={keep}>
      <input
        ref={field}
        class="field mono"
        spellcheck={false}
        aria-label="Filter as text"
        aria-invalid={problem !== null}
        placeholder='config.lr > 0.01 and state in ("running", "finished")'
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && end()}
      />
      <button type="submit" class="button button-main" disabled={problem !== null}>
        Apply
      </button>
      <button type="button" class="button" onClick={end}>
        Cancel
      </button>
      {problem !== null && (
        <p class="field-problem" role="status">
          {problem}
        </p>
      )}
    </form>
  );
}

function read(text: string): { readonly filter: JsonObject | null; readonly problem: string | null } {
  try {
    return { filter: parseFilterText(text), problem: null };
  } catch (error) {
    return { filter: null, problem: (error as Error).message };
  }
}
