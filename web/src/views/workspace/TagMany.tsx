/** Give a tag to all runs that are selected, or take it from them. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { nearest } from "../../state/usual_columns";
import { fetchColumns } from "../../wire/asks";
import { Completion } from "../parts/Completion";
import { useWorkspace } from "./context";

const MOST_CHOICES = 12;

export function TagMany({ close }: { readonly close: () => void }): JSX.Element {
  const { workspace } = useWorkspace();
  const known = useSignal<readonly string[]>([]);
  const isTaken = useSignal(false);
  useEffect(() => {
    fetchColumns(workspace.path, { columns: [], limit: 0, facets: ["tags"] }).then(
      ({ facets }) => (known.value = (facets?.["tags"] ?? []).map(({ value }) => String(value))),
      () => {}, // a tag can be written as well
    );
  }, []);
  return (
    <div class="tag-many">
      <Completion
        label={isTaken.value ? "Tag to take away" : "Tag to add"}
        placeholder="A tag"
        isFree
        isAlwaysOpen
        choicesFor={(text) => nearest(text, known.value, (tag) => tag, MOST_CHOICES).map((value) => ({ value }))}
        onTake={(tag) => {
          if (tag.trim() !== "") {
            close();
            void workspace.tagSelected(tag.trim(), !isTaken.value);
          }
        }}
      />
      <label class="check">
        <input type="checkbox" checked={isTaken.value} onChange={(event) => (isTaken.value = event.currentTarget.checked)} /> take it away instead
      </label>
    </div>
  );
}
