/** A panel that was added by name. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { withPanelRemoved, type AddedPanel } from "../../state/panels";
import { RunColumns } from "../../state/run_columns";
import { BarPanel } from "./BarPanel";
import { ImportancePanel, ParallelPanel, ScatterPanel } from "./ColumnPanels";
import { savePicturePng, savePictureSvg, type Picture } from "./exports";
import { usePanels } from "./panels_context";
import { MenuItem, Popover } from "./Popover";
import { ResizeCorner, usePanelSize } from "./ResizeCorner";

const VALUES = { last: "last", min: "lowest", max: "highest" } as const;

function titleOf(panel: AddedPanel): string {
  switch (panel.kind) {
    case "scatter":
      return `${panel.y} by ${panel.x}`;
    case "bar":
      return `${VALUES[panel.value]} ${panel.key}`;
    case "parallel":
      return "parallel coordinates";
    case "importance":
      return `importance for ${panel.metric}`;
  }
}

function columnsOf(panel: AddedPanel): readonly string[] {
  switch (panel.kind) {
    case "scatter":
      return [panel.x, panel.y, ...(panel.colour === undefined ? [] : [panel.colour])];
    case "bar":
      return [];
    case "parallel":
      return panel.columns;
    case "importance":
      return [panel.metric];
  }
}

export function AddedPanelView(props: { readonly panel: AddedPanel; readonly index: number }): JSX.Element {
  const { model, sight } = usePanels();
  const { panel, index } = props;
  const place = useRef<HTMLElement>(null);
  const [isInSight, setInSight] = useState(false);
  const picture = useRef<Picture | null>(null);
  const name = `added ${JSON.stringify(panel)}`;
  usePanelSize(place, name);
  useEffect(() => sight.watch(place.current!, setInSight), [sight]);
  return (
    <article ref={place} class="panel" aria-label={titleOf(panel)}>
      <header class="panel-head">
        <h3 title={titleOf(panel)}>{titleOf(panel)}</h3>
        {panel.kind !== "importance" && <PictureMenu title={titleOf(panel)} picture={picture} />}
        <button type="button" class="tool" aria-label={`Remove ${titleOf(panel)}`} title="Remove"
          onClick={() => model.change((state) => withPanelRemoved(state, index))}>
          <span aria-hidden="true">×</span>
        </button>
      </header>
      <div class="panel-body">
        {isInSight && (panel.kind === "bar" ? <BarPanel panel={panel} picture={picture} /> : <ColumnPanel panel={panel} picture={picture} />)}
      </div>
      <ResizeCorner panelKey={name} place={place} />
    </article>
  );
}

type PictureRef = { current: Picture | null };

function PictureMenu({ title, picture }: { readonly title: string; readonly picture: PictureRef }): JSX.Element {
  const { theme } = usePanels();
  return (
    <Popover label={`Menu of ${title}`} face={<span aria-hidden="true">⋯</span>}>
      {(close) => {
        const save = (write: typeof savePicturePng): void => {
          if (picture.current !== null) write(title, picture.current, theme.peek());
          close();
        };
        return (
          <>
            <MenuItem onChoose={() => save(savePicturePng)}>Save as PNG</MenuItem>
            <MenuItem onChoose={() => save(savePictureSvg)}>Save as SVG</MenuItem>
          </>
        );
      }}
    </Popover>
  );
}

function ColumnPanel(props: { readonly panel: Exclude<AddedPanel, { kind: "bar" }>; readonly picture: PictureRef }): JSX.Element {
  const { model } = usePanels();
  const { panel, picture } = props;
  const columns = useMemo(() => new RunColumns(model.source, columnsOf(panel), panel.kind === "importance"), [model, JSON.stringify(panel)]);
  useEffect(() => {
    columns.start();
    return () => columns.stop();
  }, [columns]);
  const runs = columns.state.value;
  if (runs.error !== null) return <div class="panel-message is-error" role="alert"><p>{runs.error.message}</p></div>;
  if (runs.isLoading && runs.runIds.length === 0) return <div class="panel-message" aria-busy="true" />;
  if (runs.runIds.length === 0) return <div class="panel-message"><p>No run is chosen.</p></div>;
  switch (panel.kind) {
    case "scatter":
      return <ScatterPanel panel={panel} runs={runs} picture={picture} />;
    case "parallel":
      return <ParallelPanel panel={panel} runs={runs} picture={picture} />;
    case "importance":
      return <ImportancePanel panel={panel} runs={runs} />;
  }
}
