/** The project that the views below are of. */

import { signal, type Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Workspace } from "../../state/workspace";

/** What is edited in place at the moment. */
export type Editing = { readonly runId: string; readonly column: "name" | "notes" | "tags" };

export type WorkspaceContext = {
  readonly workspace: Workspace;
  readonly editing: Signal<Editing | null>;
  /** The line that was selected last: where a selection of many begins. */
  readonly lastSelected: Signal<number | null>;
  /** Whether a condition is being added, and of which column if that is known. */
  readonly isAddingFilter: Signal<boolean>;
  readonly addedFilter: Signal<string | null>;
};

const Context = createContext<WorkspaceContext | null>(null);
export const WorkspaceProvider = Context.Provider;

export function contextOf(workspace: Workspace): WorkspaceContext {
  return {
    workspace,
    editing: signal(null),
    lastSelected: signal(null),
    isAddingFilter: signal(false),
    addedFilter: signal(null),
  };
}

export function useWorkspace(): WorkspaceContext {
  const found = useContext(Context);
  if (found === null) {
    throw new Error("this view stands outside of a project");
  }
  return found;
}
