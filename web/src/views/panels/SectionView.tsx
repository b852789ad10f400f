/** The panels of one prefix, folded or not. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { streamOf, titleInSection, withSectionTurned, type Section } from "../../state/panels";
import { KeyPanel } from "./KeyPanel";
import { usePanels } from "./panels_context";

/** So many panels are laid out at first, and more each time they are asked for. */
const PAGE_PANELS = 60;

export function SectionView(props: { readonly section: Section; readonly isNamed: boolean }): JSX.Element {
  const { model } = usePanels();
  const { name, keys, isOpen } = props.section;
  const [count, setCount] = useState(PAGE_PANELS);
  const stream = streamOf(model.source.settings.value);
  const title = name === "" ? "Charts" : name;
  const panels = isOpen ? keys.slice(0, count) : [];
  return (
    <section class="panels-section" aria-label={title}>
      {!props.isNamed && <h2 class="unseen">{title}</h2>}
      {props.isNamed && (
        <h2>
          <button type="button" class="fold" aria-expanded={isOpen}
            onClick={() => model.change((state) => withSectionTurned(state, name))}>
            <span class="fold-mark" aria-hidden="true" />
            <span class="fold-name" title={title}>{title}</span>
            <span class="fold-count">{keys.length.toLocaleString("en")}</span>
          </button>
        </h2>
      )}
      {isOpen && (
        <div class="panels-grid">
          {panels.map((key) => <KeyPanel key={key} panelKey={key} title={titleInSection(key, stream)} />)}
        </div>
      )}
      {isOpen && keys.length > count && (
        <button type="button" class="tool more" onClick={() => setCount(count + PAGE_PANELS)}>
          {Math.min(PAGE_PANELS, keys.length - count)} more of {(keys.length - count).toLocaleString("en")}
        </button>
      )}
    </section>
  );
}
