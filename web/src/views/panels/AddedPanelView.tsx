/** A panel that was added by name. */

import type { JSX } from "preact";
import { withPanelRemoved, type AddedPanel } from "../../state/panels";
import { usePanels } from "./panels_context";

export function AddedPanelView(props: { readonly panel: AddedPanel; readonly index: number }): JSX.Element {
  const { model } = usePanels();
  return (
    <article class="panel">
      <button type="button" class="tool" onClick={() => model.change((state) => withPanelRemoved(state, props.index))}>Remove</button>
    </article>
  );
}
