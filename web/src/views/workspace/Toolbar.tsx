/** What shapes the page of a project: views, search, filters, groups, columns, following, panes. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { allOf, parseFilterText } from "../../state/filter_text";
import type { Following, Pane } from "../../state/view";
import { counted } from "../parts/format";
import { Icon, type IconName } from "../parts/Icon";
import { isNarrow } from "../parts/narrow";
import { Popover } from "../parts/Popover";
import { ColumnPicker } from "./ColumnPicker";
import { useWorkspace } from "./context";
import { GroupPicker } from "./GroupPicker";
import { SavedViews } from "./SavedViews";

export function Toolbar(): JSX.Element {
  const { workspace, isAddingFilter } = useWorkspace();
  const { groupBy } = workspace.view.value;
  return (
    <div class="toolbar" role="toolbar" aria-label="View">
      <SavedViews />
      <Search />
      <button type="button" class="button" title="Add a filter (f)" aria-label="Filter" onClick={() => (isAddingFilter.value = true)}>
        <Icon name="filter" /> <span class="wide-only">Filter</span>
      </button>
      <Popover
        button={
          <>
            <Icon name="group" /> <span class="wide-only">Group{groupBy.length > 0 && ` (${groupBy.length})`}</span>
          </>
        }
        label={groupBy.length > 0 ? `Group (${groupBy.length})` : "Group"}
        buttonClass={groupBy.length > 0 ? "button button-on" : "button"}
      >
        {() => <GroupPicker />}
      </Popover>
      <Popover
        button={
          <>
            <Icon name="columns" /> <span class="wide-only">Columns</span>
          </>
        }
        label="Columns"
        wide
      >
        {() => <ColumnPicker />}
      </Popover>
      <span class="spring" />
      <News />
      <Segments label="New data" value={workspace.view.value.following} choices={FOLLOWING} onChoice={(following) => choose(following)} />
      <Segments label="Panes" value={workspace.view.value.pane} choices={isNarrow.value ? PANES.slice(1) : PANES} onChoice={(pane) => workspace.change({ pane })} />
    </div>
  );

  function choose(following: Following): void {
    const wasPaused = workspace.view.peek().following === "paused";
    workspace.change({ following });
    if (wasPaused || following === "follow") {
      workspace.runs.again();
    }
  }
}

type SegmentChoice<T> = readonly [value: T, icon: IconName, title: string];

const FOLLOWING: readonly SegmentChoice<Following>[] = [
  ["paused", "pause", "Paused: nothing changes by itself"],
  ["live", "play", "Live: values change where they stand; new runs are announced"],
  ["follow", "follow", "Follow: new runs come in and axes move by themselves, until you scroll or touch a chart"],
];
const PANES: readonly SegmentChoice<Pane>[] = [
  ["both", "split", "Table and charts"],
  ["table", "table", "Only the table"],
  ["panels", "charts", "Only the charts"],
];

type SegmentsProps<T> = {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly SegmentChoice<T>[];
  readonly onChoice: (value: T) => void;
};

function Segments<T extends string>({ label, value, choices, onChoice }: SegmentsProps<T>): JSX.Element {
  const shown = choices.some(([choice]) => choice === value) ? value : choices[0]?.[0];
  return (
    <div class="segments" role="group" aria-label={label}>
      {choices.map(([choice, icon, title]) => (
        <button key={choice} type="button" class="segment" aria-pressed={choice === shown} aria-label={title} title={title} onClick={() => onChoice(choice)}>
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}

/** What came since and is not shown: the view moves when somebody says so. */
function News(): JSX.Element | null {
  const { workspace } = useWorkspace();
  const { runCount, hasMoved } = workspace.runs.news.value;
  if (runCount === 0 && !hasMoved) {
    return null;
  }
  const text = runCount > 0 ? counted(runCount, "new run") : runCount < 0 ? `${counted(-runCount, "run")} fewer` : "News";
  return (
    <button type="button" class="badge badge-news" title="Show it" onClick={() => workspace.showNews()}>
      {text}: show
    </button>
  );
}

const REST_MS = 200;

/** Text is searched for as it is written; what is a filter becomes one with Enter. */
function Search(): JSX.Element {
  const { workspace } = useWorkspace();
  const { search } = workspace.view.value;
  const text = useSignal(search);
  useEffect(() => {
    text.value = search;
  }, [search]);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (asFilter(text.peek()) === null && text.peek() !== workspace.view.peek().search) {
        workspace.change({ search: text.peek() });
      }
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text.value]);
  const filter = asFilter(text.value);
  const take = (): void => {
    if (filter !== null) {
      const { filters } = workspace.view.peek();
      workspace.change({ filters: filters === null ? filter : allOf([filters, filter]), search: "" }, "Added a filter");
      text.value = "";
    }
  };
  return (
    <label class="search-box">
      <Icon name="search" />
      <input
        class="field"
        type="search"
        data-search
        spellcheck={false}
        placeholder="Search, or config.lr > 0.01"
        aria-label="Search runs, or write a filter"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            take();
          } else if (event.key === "Escape") {
            text.value = "";
            event.currentTarget.blur();
          }
        }}
      />
      {filter !== null && <span class="search-hint">Enter: filter</span>}
    </label>
  );
}

function asFilter(text: string): ReturnType<typeof parseFilterText> {
  try {
    return parseFilterText(text);
  } catch {
    return null;
  }
}
