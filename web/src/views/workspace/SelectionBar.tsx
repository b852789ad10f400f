/** What can be done with the runs that are selected. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { mayEdit } from "../../state/session";
import { failed } from "../../state/undo";
import { counted } from "../parts/format";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { TagMany } from "./TagMany";
import { useWorkspace } from "./context";

const MOST_COMPARED = 200;

export function SelectionBar(): JSX.Element | null {
  const { workspace } = useWorkspace();
  const { isSelectedOnly, selected } = workspace.view.value;
  const count = workspace.selectedCount.value;
  if (count === 0 && !isSelectedOnly) {
    return null;
  }
  const { entity, project } = workspace.path;
  const compared = selected.isAllBut || count > MOST_COMPARED ? null : formatHash([entity, project, "compare"], `runs=${selected.ids.map(encodeURIComponent).join(",")}`);
  const toggleLines = (): void => {
    workspace.selectedIds().then((ids) => workspace.toggleHidden(ids), failed);
  };
  return (
    <div class="selection-bar" role="toolbar" aria-label="Selected runs">
      <span class="selection-count">{counted(count, "run")} selected</span>
      <button type="button" class="button-icon" aria-label="Select none" title="Select none" onClick={() => workspace.change({ selected: { isAllBut: false, ids: [] }, isSelectedOnly: false })}>
        <Icon name="close" />
      </button>
      <button type="button" class="button" title="Only these in charts" aria-label="Only these in charts" aria-pressed={isSelectedOnly} onClick={() => workspace.change({ isSelectedOnly: !isSelectedOnly })}>
        Only these
      </button>
      <button type="button" class="button" onClick={toggleLines}>
        <Icon name="eye" /> Lines
      </button>
      {compared !== null && count > 1 && (
        <a class="button" href={compared}>
          <Icon name="compare" /> Compare
        </a>
      )}
      {mayEdit.value && (
        <>
          <Popover button={<><Icon name="tag" /> Tag</>} label="Tag the selected runs">
            {(close) => <TagMany close={close} />}
          </Popover>
          <button type="button" class="button button-bad" aria-label="Delete" title="Delete (Del); undo takes it back" onClick={() => void workspace.deleteSelected()}>
            <Icon name="trash" />
          </button>
        </>
      )}
    </div>
  );
}
