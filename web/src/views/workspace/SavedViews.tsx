/** The saved views of a project: taken, kept, given another name, deleted. */

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { idFor, listSavedViews, queryOf, removeView, saveView, ViewConflict, viewOf, type SavedView } from "../../state/saved_views";
import { mayEdit } from "../../state/session";
import { done, failed } from "../../state/undo";
import { DEFAULT_VIEW } from "../../state/view";
import { formatTime } from "../parts/format";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { useWorkspace } from "./context";

export function SavedViews(): JSX.Element {
  const { workspace } = useWorkspace();
  const views = useSignal<readonly SavedView[]>([]);
  const conflict = useSignal<ViewConflict | null>(null);
  const load = (): void => {
    listSavedViews(workspace.path).then((found) => (views.value = found), () => {}); // the table tells what is the matter
  };
  useEffect(load, []);
  const current = useComputed(() => views.value.find(({ id }) => id === workspace.view.value.viewId) ?? null);
  const isChanged = useComputed(() => current.value !== null && queryOf(workspace.view.value) !== current.value.query);

  const keep = async (id: string, title: string, expected: SavedView | null): Promise<void> => {
    try {
      const saved = await saveView(workspace.path, id, title, workspace.view.peek(), expected);
      views.value = [...views.value.filter((one) => one.id !== id), saved];
      workspace.change({ viewId: id });
      conflict.value = null;
      done(`Saved the view “${title}”`);
    } catch (error) {
      if (error instanceof ViewConflict) {
        conflict.value = error;
      } else {
        failed(error);
      }
    }
  };
  const remove = async (view: SavedView): Promise<void> => {
    try {
      await removeView(workspace.path, view.id);
      views.value = views.value.filter(({ id }) => id !== view.id);
      done(`Deleted the view “${view.title}”`, async () => {
        const again = await saveView(workspace.path, view.id, view.title, viewOf(view), null);
        views.value = [...views.value, again];
      });
    } catch (error) {
      failed(error);
    }
  };
  return (
    <>
      <Popover
        button={
          <>
            <span class="view-title">{current.value?.title ?? "View"}</span>
            {isChanged.value && (
              <span class="view-changed" title="Changed since it was saved">
                •
              </span>
            )}
            <Icon name="down" />
          </>
        }
        label={`${current.value?.title ?? "View"}: saved views`}
      >
        {(close) => (
          <div class="menu views">
            {views.value.length === 0 && <p class="soft menu-text">No saved view yet. One keeps columns, filters, charts and all else that is in the address.</p>}
            {views.value.map((view) => (
              <div key={view.id} class="view-item">
                <button
                  type="button"
                  class="menu-item"
                  aria-current={view.id === current.value?.id}
                  title={`saved ${formatTime(view.updatedAt)}${view.user === null ? "" : ` · first by ${view.user}`}`}
                  onClick={() => {
                    close();
                    workspace.show(viewOf(view));
                  }}
                >
                  {view.id === current.value?.id && <Icon name="check" />} {view.title}
                </button>
                {mayEdit.value && (
                  <button type="button" class="button-icon" aria-label={`Delete the view ${view.title}`} onClick={() => void remove(view)}>
                    <Icon name="trash" />
                  </button>
                )}
              </div>
            ))}
            <hr />
            <button
              type="button"
              class="menu-item"
              onClick={() => {
                close();
                workspace.show(DEFAULT_VIEW);
              }}
            >
              Start afresh
            </button>
            {mayEdit.value && <SaveAs taken={views.value.map(({ id }) => id)} save={(id, title) => void keep(id, title, null)} close={close} />}
          </div>
        )}
      </Popover>
      {isChanged.value && current.value !== null && mayEdit.value && (
        <button type="button" class="button" title="Save the view as it is now" onClick={() => void keep(current.value?.id ?? "", current.value?.title ?? "", current.value)}>
          <Icon name="save" /> <span class="wide-only">Save</span>
        </button>
      )}
      {conflict.value !== null && (
        <Conflict
          conflict={conflict.value}
          mine={() => void keep(current.value?.id ?? idFor("view", []), current.value?.title ?? "View", conflict.value?.theirs ?? null)}
          theirs={(view) => {
            conflict.value = null;
            views.value = views.value.map((one) => (one.id === view.id ? view : one));
            workspace.show(viewOf(view));
          }}
          close={() => (conflict.value = null)}
        />
      )}
    </>
  );
}

type SaveAsProps = { readonly taken: readonly string[]; readonly save: (id: string, title: string) => void; readonly close: () => void };

function SaveAs({ taken, save, close }: SaveAsProps): JSX.Element {
  const title = useSignal("");
  return (
    <form
      class="save-as"
      onSubmit={(event) => {
        event.preventDefault();
        const text = title.value.trim();
        if (text !== "") {
          close();
          save(idFor(text, taken), text);
        }
      }}
    >
      <input class="field" placeholder="Save as…" aria-label="Name of the new view" value={title.value} onInput={(event) => (title.value = event.currentTarget.value)} />
      <button type="submit" class="button" disabled={title.value.trim() === ""}>
        Save
      </button>
    </form>
  );
}

type ConflictProps = {
  readonly conflict: ViewConflict;
  readonly mine: () => void;
  readonly theirs: (view: SavedView) => void;
  readonly close: () => void;
};

function Conflict({ conflict, mine, theirs, close }: ConflictProps): JSX.Element {
  const other = conflict.theirs;
  return (
    <div class="strip strip-warn strip-floating" role="alertdialog" aria-label="The view was changed">
      <span>{conflict.message}</span>
      <button type="button" class="button" onClick={mine}>
        Save mine
      </button>
      {other !== null && (
        <button type="button" class="button" onClick={() => theirs(other)}>
          Take theirs
        </button>
      )}
      <button type="button" class="button-icon" aria-label="Later" onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}
