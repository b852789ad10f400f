/** The lines of a key on a canvas. */

import { effect, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Box, Theme } from "../../drawing/surface";
import type { KeyLines } from "../../state/key_lines";
import type { PanelsModel } from "../../state/panels_model";
import { ChartActions } from "./chart_actions";
import { ChartCanvas } from "./chart_canvas";
import { handleKey, KEYS_TEXT } from "./chart_keys";
import { listenToPointer } from "./chart_pointer";
import { frameOf, xTitle } from "./frame";
import { Legend } from "./Legend";
import { usePanels, type PanelsTools } from "./panels_context";
import type { Readout } from "./readout";

export type KeyChartProps = {
  readonly panelKey: string;
  readonly lines: KeyLines;
  /** Gets the canvas while there is one. */
  readonly canvas: Signal<ChartCanvas | null>;
  /** Whether there is data beyond the axes. */
  readonly hasMore: Signal<boolean>;
  readonly readout: Signal<Readout | null>;
  readonly onTable: () => void;
  /** False: the values at the pointer are shown elsewhere. */
  readonly hasLegend: boolean;
};

/** Draw each picture that comes, and the shared crosshair. */
function follow(
  canvas: ChartCanvas,
  of: { model: PanelsModel; lines: KeyLines; panelKey: string; theme: ReadonlySignal<Theme>; selection: Signal<Box | null> },
): (() => void)[] {
  const { model, lines, panelKey, selection } = of;
  const { source } = model;
  return [
    effect(() => {
      const { lines: drawn, settings, name, tiles } = lines.drawing.value;
      if (tiles === null) return; // axes of nothing, drawn while the lines are on their way
      const zoom = model.shownZoom(panelKey);
      const isFollowing = source.settings.value.isFollowing === true;
      const view = isFollowing ? null : `${name} ${JSON.stringify(zoom)}`;
      canvas.show({ lines: drawn, frame: frameOf(settings, zoom), name: view, theme: of.theme.value });
    }),
    effect(() => {
      const pointed = model.pointedAt.value;
      const x = pointed !== null && pointed.x === lines.settings.value.x ? pointed.value : null;
      canvas.point({ x, lineId: source.hoverRun.value, selection: selection.value });
    }),
  ];
}

type Mounted = {
  readonly props: KeyChartProps;
  readonly tools: PanelsTools;
  readonly actions: ChartActions;
  readonly selection: Signal<Box | null>;
  readonly heightPx: Signal<number>;
};

/** Bring the canvases to life, until what is returned is called. */
function mount(
  elements: { readonly container: HTMLElement; readonly base: HTMLCanvasElement; readonly top: HTMLCanvasElement },
  { props, tools, actions, selection, heightPx }: Mounted,
): () => void {
  const { model, queue, theme } = tools;
  const { lines, panelKey } = props;
  const canvas = new ChartCanvas(elements.base, elements.top, queue);
  canvas.onDrawn = (hasMore) => (props.hasMore.value = hasMore);
  props.canvas.value = canvas;
  const resize = ({ width, height }: { readonly width: number; readonly height: number }): void => {
    if (width === 0) return; // taken out of the page: the lines are wanted as they were, by a table in its place
    lines.widthPx.value = width; // first, so that what it asks for is on its way while axes are drawn
    canvas.resize(width, height);
    heightPx.value = height;
  };
  const observer = new ResizeObserver(([entry]) => resize(entry!.contentRect));
  observer.observe(elements.container);
  resize(elements.container.getBoundingClientRect()); // what the observer says, a frame earlier
  const ends = follow(canvas, { model, lines, panelKey, theme, selection });
  ends.push(
    listenToPointer(elements.top, {
      layout: actions.layout,
      onPoint: actions.point,
      onSelect: (box) => (selection.value = box),
      onZoom: actions.zoom,
      onMove: actions.move,
      onMoveEnd: () => model.endMove(),
      onReset: actions.reset,
    }),
  );
  return () => {
    for (const end of ends) end();
    observer.disconnect();
    canvas.close();
    props.canvas.value = null;
  };
}

export function KeyChart(props: KeyChartProps): JSX.Element {
  const tools = usePanels();
  const container = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const top = useRef<HTMLCanvasElement>(null);
  const isLegendLeft = useSignal(false);
  const heightPx = useSignal(0);
  const spoken = useSignal("");
  const selection = useSignal<Box | null>(null);
  const { lines, panelKey, readout } = props;
  const actions = useMemo(
    () => new ChartActions(tools.model, { panelKey, lines, canvas: props.canvas, readout, isLegendLeft, spoken }),
    [lines],
  );
  useLayoutEffect(
    () => mount({ container: container.current!, base: base.current!, top: top.current! }, { props, tools, actions, selection, heightPx }),
    [lines],
  );
  const onKeyDown = (event: KeyboardEvent): void => {
    const isOurs = handleKey(event, {
      layout: actions.layout,
      pointed: actions.pointed,
      onPoint: actions.pointByKey,
      onChoose: actions.choose,
      onZoom: (x) => actions.zoom(x, null),
      onReset: actions.reset,
      onTable: props.onTable,
    });
    if (isOurs) event.preventDefault();
  };
  const { settings, lines: drawn } = lines.drawing.value;
  const label = `${panelKey} by ${xTitle(settings.x)}, ${drawn.length} ${drawn.length === 1 ? "line" : "lines"}`;
  return (
    <div ref={container} class="chart">
      <canvas ref={base} class="chart-lines" aria-hidden="true" />
      <canvas ref={top} class="chart-top" tabIndex={0} role="img" aria-roledescription="chart" aria-label={`${label}. ${KEYS_TEXT}`}
        onKeyDown={onKeyDown} onBlur={() => actions.point(null)} />
      {props.hasLegend && <Legend readout={readout} settings={settings} isLeft={isLegendLeft.value} heightPx={heightPx.value} />}
      <span class="unseen" aria-live="polite">{spoken}</span>
    </div>
  );
}
