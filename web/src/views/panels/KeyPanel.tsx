/** The panel of one key: its chart while it is in sight, and what can be done with it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { KeyLines, type KeyPicture } from "../../state/key_lines";
import { withPinTurned } from "../../state/panels";
import type { ChartCanvas } from "./chart_canvas";
import type { Shown } from "./exports";
import { FullScreen } from "./FullScreen";
import { KeyChart } from "./KeyChart";
import { isOfSummaries, LastValuesPanel } from "./LastValuesPanel";
import { PanelFoot } from "./PanelFoot";
import { PanelMenu } from "./PanelMenu";
import { PanelMessage } from "./PanelMessage";
import { usePanels } from "./panels_context";
import type { Readout } from "./readout";
import { ResizeCorner, usePanelSize } from "./ResizeCorner";
import { Swatch } from "./Swatch";
import { TableTwin } from "./TableTwin";

/** What of a chart can be saved as it is seen. */
export function shownOf(title: string, picture: KeyPicture, canvas: ChartCanvas | null): Shown | null {
  if (canvas === null || canvas.layout === null) return null;
  return { title, lines: picture.lines, settings: picture.settings, layout: canvas.layout, size: canvas.size };
}

export function KeyPanel(props: { readonly panelKey: string; readonly title: string }): JSX.Element {
  const { model, sight } = usePanels();
  const { panelKey, title } = props;
  const place = useRef<HTMLElement>(null);
  const [isInSight, setInSight] = useState(false);
  const [isTable, setTable] = useState(false);
  const [isFull, setFull] = useState(false);
  const lines = useMemo(() => new KeyLines(model, panelKey), [model, panelKey]);
  const canvas = useSignal<ChartCanvas | null>(null);
  const hasMore = useSignal(false);
  const readout = useSignal<Readout | null>(null);
  usePanelSize(place, panelKey);
  // Before the frame, as all that leads to a question to the server: an effect begins it one or two frames later.
  useLayoutEffect(() => sight.watch(place.current!, setInSight), [sight]);
  useLayoutEffect(() => {
    if (!isInSight) return;
    lines.start();
    return () => lines.stop();
  }, [lines, isInSight]);
  const isPinned = (model.source.settings.value.pinned ?? []).includes(panelKey);
  const picture = lines.picture.value;
  const hasLastOnly = isOfSummaries(model, picture);
  return (
    <article ref={place} class="panel" aria-label={panelKey}>
      <header class="panel-head">
        <h3 title={panelKey}>{title}</h3>
        <button type="button" class={`tool pin ${isPinned ? "is-on" : ""}`} aria-pressed={isPinned}
          aria-label={`Pin ${panelKey} on top`} title="Pin on top" onClick={() => model.change((state) => withPinTurned(state, panelKey))}>
          <PinIcon />
        </button>
        <PanelMenu panelKey={panelKey} shown={() => shownOf(panelKey, lines.picture.peek(), canvas.peek())} isTable={isTable}
          onTable={() => setTable(!isTable)} onFull={() => setFull(true)} />
      </header>
      <GroupNames picture={picture} />
      <div class={`panel-body ${picture.isLoading ? "is-loading" : ""}`}>
        {isInSight && hasLastOnly && <LastValuesPanel panelKey={panelKey} />}
        {isInSight && !hasLastOnly && !isTable && (
          <KeyChart panelKey={panelKey} lines={lines} canvas={canvas} hasMore={hasMore} readout={readout} hasLegend
            onTable={() => setTable(true)} />
        )}
        {isInSight && !hasLastOnly && isTable && <TableTwin title={panelKey} lines={picture.lines} />}
        {!hasLastOnly && <PanelMessage picture={picture} panelKey={panelKey} />}
      </div>
      {hasLastOnly ? <LastValuesFoot /> : <PanelFoot picture={picture} hasMore={hasMore.value} onShowAll={() => canvas.peek()?.showAll()} />}
      <ResizeCorner panelKey={panelKey} place={place} />
      {isFull && <FullScreen panelKey={panelKey} onClose={() => setFull(false)} />}
    </article>
  );
}

function LastValuesFoot(): JSX.Element {
  return <footer class="panel-foot">Last values by run: none has logged it as rows</footer>;
}

/** More groups than this are named at the pointer only. */
const NAMED_GROUPS = 8;

/** Groups have no row in the table of runs that shows their colour. */
function GroupNames(props: { readonly picture: KeyPicture }): JSX.Element | null {
  const { model } = usePanels();
  const { lines } = props.picture;
  if (lines.length === 0 || lines.length > NAMED_GROUPS || lines[0]!.series.run !== null) return null;
  const { hoverRun } = model.source;
  return (
    <div class="group-names">
      {lines.map(({ id, name, colour, dash }) => (
        <span key={id} title={name} onPointerEnter={() => (hoverRun.value = id)} onPointerLeave={() => (hoverRun.value = null)}>
          <Swatch colour={colour} dash={dash} />
          {name}
        </span>
      ))}
    </div>
  );
}

function PinIcon(): JSX.Element {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M4 1h4M5 1v4L3 7h6L7 5V1M6 7v4" fill="none" stroke="currentColor" stroke-width="1.3" stroke-linejoin="round" />
    </svg>
  );
}
