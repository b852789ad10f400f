/** Views of a project that were given a name: files of its store, which others use too. */

import { deleteView, fetchViews, putView, type ProjectPath } from "../wire/asks";
import type { ViewInfo } from "../wire/documents";
import { writeJson } from "../wire/json";
import { both, searchFilter } from "./conditions";
import { formatView, parseView, type View } from "./view";

/** How a view of this page is told from those of other programs. */
export const VIEW_TYPE = "runlake-page";

export type SavedView = { readonly id: string; readonly title: string; readonly query: string; readonly updatedAt: number; readonly user: string | null };

/** Somebody else has changed the view since it was read. */
export class ViewConflict extends Error {
  constructor(readonly theirs: SavedView | null) {
    super(theirs === null ? "This view was deleted meanwhile." : "This view was changed meanwhile, in another tab or by somebody else.");
  }
}

export async function listSavedViews(path: ProjectPath): Promise<readonly SavedView[]> {
  const found = await fetchViews(path);
  return found.filter(({ type }) => type === VIEW_TYPE).map(savedView);
}

/** What of a view is kept: all but where it came from. */
export function queryOf(view: View): string {
  return formatView({ ...view, viewId: null });
}

/** The view that was saved, as it is looked at. */
export function viewOf(saved: SavedView): View {
  return { ...parseView(saved.query).view, viewId: saved.id };
}

/**
 * Save a view under an id. `expected` is what was saved as it was read, null for a new one: `ViewConflict` when there
 * is another meanwhile.
 */
export async function saveView(path: ProjectPath, id: string, title: string, view: View, expected: SavedView | null): Promise<SavedView> {
  const there = (await fetchViews(path)).find(({ view_id }) => view_id === id) ?? null;
  if (there !== null && there.type !== VIEW_TYPE) {
    throw new Error(`Another program keeps something as “${id}” here: save the view under another name.`);
  }
  const theirs = there && savedView(there);
  if ((theirs === null) !== (expected === null) || (theirs !== null && expected !== null && theirs.query !== expected.query)) {
    throw new ViewConflict(theirs);
  }
  // The filter is there twice: `runlake view` does not read the language of addresses.
  const spec = writeJson({ version: 1, query: queryOf(view), filters: both(view.filters, searchFilter(view.search)) });
  return savedView(await putView(path, id, { type: VIEW_TYPE, name: id, display_name: title, spec }));
}

export function removeView(path: ProjectPath, id: string): Promise<void> {
  return deleteView(path, id);
}

/** The ids that a store takes. */
const SHORTEST_ID = 4;
const READABLE_ID = 40;

/** An id that people can read in an address, and that no other view has: digits and letters, as a store has it. */
export function idFor(title: string, taken: readonly string[]): string {
  const letters = title.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "").slice(0, READABLE_ID);
  const base = letters.length < SHORTEST_ID ? `view${letters}` : letters;
  let id = base;
  for (let n = 2; taken.includes(id); n++) {
    id = `${base}${n}`;
  }
  return id;
}

function savedView({ view_id, name, display_name, spec, updated_at, user }: ViewInfo): SavedView {
  return { id: view_id, title: display_name ?? name, query: queryOfSpec(spec), updatedAt: updated_at, user };
}

function queryOfSpec(spec: string): string {
  try {
    return String((JSON.parse(spec) as { query: unknown }).query ?? "");
  } catch {
    return "";
  }
}
