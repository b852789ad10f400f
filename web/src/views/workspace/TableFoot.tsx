/** How many runs there are, what is wrong with some, and what came since. */

import type { JSX } from "preact";
import { counted, formatCount } from "../parts/format";
import { Popover } from "../parts/Popover";
import { useWorkspace } from "./context";

export function TableFoot({ scrollToTop }: { readonly scrollToTop: () => void }): JSX.Element {
  const { runs, view } = useWorkspace().workspace;
  const total = runs.pages.totalCount.value;
  const groups = runs.groups.value;
  const { runCount, hasMoved } = runs.news.value;
  const damaged = Object.entries(runs.pages.damaged.value);
  const isFiltered = runs.filters.value !== null;
  const show = (): void => {
    runs.again();
    scrollToTop();
  };
  return (
    <footer class="table-foot">
      <span role="status">
        {total === null ? "Loading…" : `${counted(total, "run")}${isFiltered ? " match" : ""}`}
        {groups !== null && ` in ${counted(groups.length, "group")}`}
      </span>
      {damaged.length > 0 && (
        <Popover button={`${counted(damaged.length, "run")} damaged`} label="Runs that cannot be read" buttonClass="badge badge-bad">
          {() => (
            <div class="menu damaged">
              <p class="menu-title">Shown as last read. `runlake check` says more.</p>
              {damaged.map(([runId, text]) => (
                <p key={runId}>
                  <code>{runId}</code> {text}
                </p>
              ))}
            </div>
          )}
        </Popover>
      )}
      <span class="spring" />
      {(runCount !== 0 || hasMoved) && (
        <button type="button" class="badge badge-news" onClick={show}>
          {runCount > 0 ? `${counted(runCount, "new run")}: show` : runCount < 0 ? `${formatCount(-runCount)} fewer: show` : "News: show"}
        </button>
      )}
      {view.value.following === "paused" && <span class="soft">paused</span>}
    </footer>
  );
}
