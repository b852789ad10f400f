/** What keys do in a project, wherever the focus is but in a field. */

import type { ReadonlySignal } from "@preact/signals";
import { goTo } from "../../state/address";
import { lineIdOf } from "../../state/table_lines";
import type { Pane } from "../../state/view";
import { undo } from "../../state/undo";
import { isHelpOpen } from "../shell/Help";
import type { WorkspaceContext } from "./context";

const NEXT_PANE: Readonly<Record<Pane, Pane>> = { both: "panels", panels: "table", table: "both" };

/** Listen until the function that is given back is called. */
export function listenToKeys(context: WorkspaceContext, mayEdit: ReadonlySignal<boolean>): () => void {
  const { workspace } = context;
  const move = (step: number): void => {
    const last = Math.max(0, workspace.runs.lines.peek().count - 1);
    workspace.cursor.value = Math.max(0, Math.min(last, workspace.cursor.peek() + step));
  };
  const ofRun = (act: (runId: string) => void): void => {
    const row = workspace.runs.rowAt(workspace.cursor.peek());
    if (row !== null) {
      act(row.runId);
    }
  };
  const open = (): void => {
    const lines = workspace.runs.lines.peek();
    const at = workspace.cursor.peek();
    const line = at < lines.count ? lines.at(at) : null;
    if (line?.kind === "group") {
      toggleGroup(context, line.groupKey);
    } else {
      ofRun((runId) => goTo([workspace.path.entity, workspace.path.project, "runs", runId]));
    }
  };
  const hide = (): void => {
    const lines = workspace.runs.lines.peek();
    const at = workspace.cursor.peek();
    const line = at < lines.count ? lines.at(at) : null;
    if (line?.kind === "group") {
      workspace.toggleHidden([lineIdOf(line.group)]);
    } else {
      ofRun((runId) => workspace.toggleHidden([runId]));
    }
  };
  const acts: Readonly<Record<string, () => void>> = {
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    PageDown: () => move(20),
    PageUp: () => move(-20),
    Home: () => move(-Infinity),
    End: () => move(Infinity),
    Enter: open,
    x: () => ofRun((runId) => workspace.toggle([runId])),
    h: hide,
    p: () => ofRun((runId) => workspace.togglePinned(runId)),
    b: () => ofRun((runId) => workspace.toggleBaseline(runId)),
    u: () => void undo(),
    "/": () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
    f: () => (context.isAddingFilter.value = true),
    "[": () => workspace.change({ pane: NEXT_PANE[workspace.view.peek().pane] }),
    "?": () => (isHelpOpen.value = true),
  };
  const edits: Readonly<Record<string, () => void>> = {
    e: () => ofRun((runId) => (context.editing.value = { runId, column: "name" })),
    Delete: () => void workspace.deleteSelected(),
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target, event.key)) {
      return;
    }
    const act = acts[event.key] ?? (mayEdit.peek() ? edits[event.key] : undefined);
    if (act !== undefined) {
      event.preventDefault();
      act();
    }
  };
  addEventListener("keydown", onKeyDown);
  return () => removeEventListener("keydown", onKeyDown);
}

export function toggleGroup({ workspace }: WorkspaceContext, groupKey: string): void {
  const { openGroups } = workspace.view.peek();
  const isOpen = openGroups.includes(groupKey);
  workspace.change({ openGroups: isOpen ? openGroups.filter((key) => key !== groupKey) : [...openGroups, groupKey] });
}

/** Whether a key belongs to what has the focus: a field, something that floats, or a button that Enter presses. */
function isWriting(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) {
    return false;
  }
  if (target.closest("dialog, [role=dialog], [role=separator], input:not([type=checkbox]), textarea, select, [contenteditable]") !== null) {
    return true;
  }
  const isMove = key.startsWith("Arrow") || key.startsWith("Page") || key === "Home" || key === "End" || key === "Enter";
  return isMove && target.closest("button, a, .pane-panels, [data-keys]") !== null;
}
