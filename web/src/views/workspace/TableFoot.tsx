/** How many runs there are, and what is wrong with some. */

import type { JSX } from "preact";
import { counted } from "../parts/format";
import { Popover } from "../parts/Popover";
import { useWorkspace } from "./context";

export function TableFoot(): JSX.Element {
  const { runs } = useWorkspace().workspace;
  const total = runs.pages.totalCount.value;
  const groups = runs.groups.value;
  const damaged = Object.entries(runs.pages.damaged.value);
  const isFiltered = runs.filters.value !== null;
  const count = total === null || runs.pages.isAsking.value ? "Loading…" : `${counted(total, "run")}${isFiltered ? (total === 1 ? " matches" : " match") : ""}`;
  return (
    <footer class="table-foot">
      <span role="status">
        {runs.pages.error.value === null && count}
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
    </footer>
  );
}
