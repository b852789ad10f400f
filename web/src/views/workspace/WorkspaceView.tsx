/** A project: its runs as a table beside its charts. */

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { showTogether } from "../../state/colours";
import { mayEdit } from "../../state/session";
import { afterwards } from "../../state/soon";
import { Workspace } from "../../state/workspace";
import { isNotFound } from "../../wire/http";
import { Icon } from "../parts/Icon";
import { useNews } from "../parts/InProject";
import { isNarrow } from "../parts/narrow";
import { Panels } from "../panels/Panels";
import { contextOf, useWorkspace, WorkspaceProvider } from "./context";
import { FilterBar } from "./FilterBar";
import { listenToKeys } from "./keyboard";
import { RunTable } from "./RunTable";
import { SelectionBar } from "./SelectionBar";
import { Toolbar } from "./Toolbar";

export function WorkspaceView({ entity, project }: { readonly entity: string; readonly project: string }): JSX.Element {
  const news = useNews();
  const context = useMemo(() => contextOf(new Workspace({ entity, project }, news)), [entity, project, news]);
  // Before the frame, so that what it asks for is on its way while the page is painted.
  useLayoutEffect(() => {
    context.workspace.begin();
    const stop = listenToKeys(context, mayEdit);
    return () => {
      stop();
      context.workspace.end();
    };
  }, [context]);
  return (
    <WorkspaceProvider value={context}>
      <div class="workspace">
        <h1 class="unseen">Runs of {project}</h1>
        <AddressProblems />
        <Toolbar />
        <FilterBar />
        <Panes />
      </div>
    </WorkspaceProvider>
  );
}

function AddressProblems(): JSX.Element | null {
  const { problems } = useWorkspace().workspace;
  if (problems.value.length === 0) {
    return null;
  }
  return (
    <div class="strip strip-warn" role="status">
      <span>{problems.value.join(" ")}</span>
      <button type="button" class="button-icon" aria-label="Dismiss" onClick={() => (problems.value = [])}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function Panes(): JSX.Element {
  const { workspace } = useWorkspace();
  const { pane, tablePercent } = workspace.view.value;
  const place = useRef<HTMLDivElement>(null);
  // Of a project that is not there the table speaks: charts would say the same beside it.
  const isMissing = isNotFound(workspace.runs.pages.error.value);
  const shown = pane === "both" && (isNarrow.value || isMissing) ? "table" : pane;
  const isAlone = shown === "table";
  // Beside charts it is made while these wait for their lines.
  const [isTableDue, setTableDue] = useState(false);
  useEffect(() => afterwards(() => setTableDue(true)), []);
  // Charts say which colours are shown together; without them the table has its own told apart, and the same as theirs.
  useEffect(() => (isAlone ? effect(() => showTogether(workspace.runs.lineIds.value)) : undefined), [isAlone, workspace]);
  return (
    <div ref={place} class={`panes panes-${shown}`}>
      {shown !== "panels" && (
        <section class="pane-table" aria-label="Runs" style={shown === "both" ? { flexBasis: `${tablePercent}%` } : {}}>
          {(isAlone || isTableDue) && <RunTable />}
          <SelectionBar />
        </section>
      )}
      {shown === "both" && <Divider place={place} />}
      {shown !== "table" && (
        <section class="pane-panels" aria-label="Charts">
          <Charts />
        </section>
      )}
    </div>
  );
}

function Charts(): JSX.Element {
  const { workspace } = useWorkspace();
  const { path, runs, panels, hidden, groupBy, chartedRuns, hoverRun } = workspace;
  return (
    <Panels
      entity={path.entity}
      project={path.project}
      runIds={chartedRuns}
      filters={runs.filters}
      groupBy={groupBy}
      hiddenRuns={hidden}
      runNames={runs.names}
      settings={panels}
      version={runs.version}
      hoverRun={hoverRun}
      hasFollow={false}
    />
  );
}

const STEP_PERCENT = 4;

function Divider({ place }: { readonly place: { readonly current: HTMLDivElement | null } }): JSX.Element {
  const { workspace } = useWorkspace();
  const isPulled = useSignal(false);
  const { tablePercent } = workspace.view.value;
  const set = (percent: number): void => {
    workspace.change({ tablePercent: Math.round(Math.min(80, Math.max(15, percent))) });
  };
  return (
    <div
      class={isPulled.value ? "divider divider-pulled" : "divider"}
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the table"
      aria-valuenow={tablePercent}
      aria-valuemin={15}
      aria-valuemax={80}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        isPulled.value = true;
      }}
      onPointerMove={(event) => {
        const box = place.current?.getBoundingClientRect();
        if (isPulled.value && box !== undefined) {
          set(((event.clientX - box.left) / box.width) * 100);
        }
      }}
      onPointerUp={() => (isPulled.value = false)}
      onPointerCancel={() => (isPulled.value = false)}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          event.preventDefault();
          set(tablePercent + (event.key === "ArrowLeft" ? -STEP_PERCENT : STEP_PERCENT));
        }
      }}
      onDblClick={() => set(38)}
    />
  );
}
