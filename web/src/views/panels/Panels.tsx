/** The charts of some runs: panels of all keys they logged, in sections, drawn while they are in sight. */

import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import "../../style/panels.css";
import { isDark } from "../../state/colours";
import { DRAWN_KEYS, streamOf } from "../../state/panels";
import { PanelsModel } from "../../state/panels_model";
import type { PanelsSource } from "../../state/panels_source";
import { AddedPanelView } from "./AddedPanelView";
import { DrawQueue } from "./draw_queue";
import { KeyPanel } from "./KeyPanel";
import { PanelsToolsProvider, usePanels, type PanelsTools } from "./panels_context";
import { SectionView } from "./SectionView";
import { Sight } from "./sight";
import { readTheme } from "./theme";
import { Toolbar } from "./Toolbar";

export type PanelsProps = PanelsSource & {
  /** False: what is around the panels has the switch for following. */
  readonly hasFollow?: boolean;
};

export function Panels(props: PanelsProps): JSX.Element {
  const { entity, project } = props;
  const tools = useMemo((): PanelsTools => {
    const theme = computed(() => {
      void isDark.value;
      return readTheme();
    });
    return { model: new PanelsModel(props), queue: new DrawQueue(), sight: new Sight(), theme };
  }, [entity, project, props.runIds, props.settings]);
  useLayoutEffect(() => {
    tools.model.start();
    return () => {
      tools.model.stop();
      tools.sight.close();
      tools.queue.close();
    };
  }, [tools]);
  const size = props.settings.value.size ?? "medium";
  return (
    <PanelsToolsProvider value={tools}>
      <div class={`panels is-${size}`}>
        <Toolbar hasFollow={props.hasFollow ?? true} />
        <Pinned />
        <Sections />
      </div>
    </PanelsToolsProvider>
  );
}

function Pinned(): JSX.Element | null {
  const { model } = usePanels();
  const { pinned = [], added = [], search } = model.source.settings.value;
  const found = new Set(model.found.value);
  const shown = search === undefined ? pinned : pinned.filter((key) => found.has(key));
  if (shown.length + added.length === 0) return null;
  return (
    <section class="panels-section" aria-label="On top">
      <h2 class="unseen">On top</h2>
      <div class="panels-grid">
        {shown.map((key) => <KeyPanel key={key} panelKey={key} title={key} />)}
        {added.map((panel, i) => <AddedPanelView key={JSON.stringify(panel)} panel={panel} index={i} />)}
      </div>
    </section>
  );
}

/** So many sections are listed at first, and more each time they are asked for. */
const PAGE_SECTIONS = 100;

function Sections(): JSX.Element {
  const { model } = usePanels();
  const [count, setCount] = useState(PAGE_SECTIONS);
  const { keyList, numberKeys, found, sections } = model;
  const { isLoading, error, keys } = keyList.value;
  if (error !== null) {
    return (
      <div class="panel-message is-error" role="alert">
        <p>{error.message}</p>
        <button type="button" class="tool" onClick={() => model.reloadKeys()}>Try again</button>
      </div>
    );
  }
  if (isLoading && keys.length === 0) return <p class="empty" aria-busy="true">Looking for what was logged…</p>;
  if (numberKeys.value.length === 0) return <NothingLogged />;
  if (found.value?.length === 0) return <p class="empty">No key has all these words.</p>;
  const pinned = new Set(model.source.settings.value.pinned);
  const isLong = (found.value?.length ?? 0) > DRAWN_KEYS;
  const all = sections.value;
  const withoutPinned = (keys: readonly string[]) => (pinned.size === 0 ? keys : keys.filter((key) => !pinned.has(key)));
  const shown = all.slice(0, count).map((section) => ({ ...section, keys: withoutPinned(section.keys) }));
  return (
    <>
      {isLong && <p class="panels-hint">More than {DRAWN_KEYS} keys: search, or open a section.</p>}
      {shown.filter((section) => section.keys.length > 0).map((section) => (
        <SectionView key={section.name} section={section} isNamed={all.length > 1 || section.name !== "" || isLong} />
      ))}
      {all.length > count && (
        <button type="button" class="tool more" onClick={() => setCount(count + PAGE_SECTIONS)}>
          {Math.min(PAGE_SECTIONS, all.length - count)} more sections of {(all.length - count).toLocaleString("en")}
        </button>
      )}
    </>
  );
}

function NothingLogged(): JSX.Element {
  const { model } = usePanels();
  if (streamOf(model.source.settings.value) === "events") {
    return <p class="empty">No system metrics were recorded. They are, every few seconds, while a run lives.</p>;
  }
  return (
    <div class="empty">
      <p>No numbers were logged yet. A chart needs one line:</p>
      <pre>run.log({"{"}"loss": loss{"}"})</pre>
    </div>
  );
}
