/** One chart over the whole page, with all its lines named beside it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatValue } from "../../drawing/format";
import { KeyLines, type KeyPicture } from "../../state/key_lines";
import type { ChartCanvas } from "./chart_canvas";
import { formatX } from "./frame";
import { KeyChart } from "./KeyChart";
import { PanelMessage } from "./PanelMessage";
import { PanelFoot } from "./PanelFoot";
import { usePanels } from "./panels_context";
import type { Readout } from "./readout";
import { Swatch } from "./Swatch";

/** More names than these are counted. */
const NAMES = 500;

type Named = { readonly id: string; readonly name: string; readonly colour: string; readonly dash: readonly number[]; readonly value: number | null };

function namesOf(picture: KeyPicture, readout: Readout | null): readonly Named[] {
  if (readout !== null) return readout.rows;
  const rows = picture.lines.map(({ id, name, colour, dash, series }) => ({ id, name, colour, dash, value: series.last }));
  return rows.sort((one, other) => (other.value ?? -Infinity) - (one.value ?? -Infinity));
}

export function FullScreen(props: { readonly panelKey: string; readonly onClose: () => void }): JSX.Element {
  const { model } = usePanels();
  const { panelKey } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const lines = useMemo(() => new KeyLines(model, panelKey), [model, panelKey]);
  const canvas = useSignal<ChartCanvas | null>(null);
  const hasMore = useSignal(false);
  const readout = useSignal<Readout | null>(null);
  useEffect(() => {
    dialog.current?.showModal();
    lines.start();
    return () => lines.stop();
  }, [lines]);
  const picture = lines.picture.value;
  return (
    <dialog ref={dialog} class="full-panel" aria-label={panelKey} onClose={props.onClose}>
      <header class="panel-head">
        <h2 title={panelKey}>{panelKey}</h2>
        <button type="button" class="tool" onClick={() => dialog.current?.close()}>Close</button>
      </header>
      <div class="full-body">
        <div class={`panel-body ${picture.isLoading ? "is-loading" : ""}`}>
          <KeyChart panelKey={panelKey} lines={lines} canvas={canvas} hasMore={hasMore} readout={readout} hasLegend={false}
            onTable={() => {}} />
          <PanelMessage picture={picture} panelKey={panelKey} />
        </div>
        <Names picture={picture} readout={readout.value} />
      </div>
      <PanelFoot picture={picture} hasMore={hasMore.value} onShowAll={() => canvas.peek()?.showAll()} />
    </dialog>
  );
}

function Names(props: { readonly picture: KeyPicture; readonly readout: Readout | null }): JSX.Element {
  const { model } = usePanels();
  const { hoverRun } = model.source;
  const { picture, readout } = props;
  const rows = namesOf(picture, readout);
  return (
    <div class="full-names" tabIndex={0} role="region" aria-label="Lines">
      <div class="chart-legend-x">{readout === null ? "last values" : formatX(readout.x, picture.settings)}</div>
      {rows.slice(0, NAMES).map(({ id, name, colour, dash, value }) => (
        <div key={id} class={`chart-legend-row ${id === hoverRun.value ? "is-hit" : ""}`}
          onPointerEnter={() => (hoverRun.value = id)} onPointerLeave={() => (hoverRun.value = null)}>
          <Swatch colour={colour} dash={dash} />
          <span class="chart-legend-name" title={name}>{name}</span>
          <span class="chart-legend-value">{value === null ? "" : formatValue(value)}</span>
        </div>
      ))}
      {rows.length > NAMES && <div class="chart-legend-more">and {rows.length - NAMES} more</div>}
    </div>
  );
}
