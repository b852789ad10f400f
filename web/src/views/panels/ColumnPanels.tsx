/** Panels of what runs have in columns: points, parallel coordinates, and what matters for a metric. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { makeColumnAxis } from "../../drawing/column_axis";
import { drawParallel, layoutParallel, nearestRun, type ParallelLayout } from "../../drawing/parallel";
import { formatValue } from "../../drawing/format";
import { drawScatter, layoutScatter, nearestDot, type ScatterLayout } from "../../drawing/scatter";
import { colourOf } from "../../state/colours";
import { importanceOf } from "../../state/importance";
import type { AddedPanel } from "../../state/panels";
import type { RunColumnsState } from "../../state/run_columns";
import { plainName } from "../../wire/keys";
import { shadeOf } from "./column_shade";
import type { Picture } from "./exports";
import { PlainCanvas } from "./PlainCanvas";
import { usePanels } from "./panels_context";

type Of<Kind extends AddedPanel["kind"]> = { readonly panel: AddedPanel & { kind: Kind }; readonly runs: RunColumnsState };
/** What can be saved as a picture of its canvas. */
type Drawn = { readonly picture: { current: Picture | null } };

const REACH_PX = 14;

/** The colour of each run: its own, or by a column from low to high. */
function coloursOf(runs: RunColumnsState, column: string | undefined): string[] {
  const values = column === undefined ? undefined : runs.columns[column];
  if (values === undefined) return runs.runIds.map((id) => colourOf(id).colour);
  const axis = makeColumnAxis(column!, values);
  return [...axis.numbers].map((value) => shadeOf(axis, value));
}

/** The place of the run that is pointed at, wherever. */
function useChosen(runs: RunColumnsState): number | null {
  const { model } = usePanels();
  const at = runs.runIds.indexOf(model.source.hoverRun.value ?? "");
  return at < 0 ? null : at;
}

/** What is read of the run that is pointed at. */
function Chosen(props: { readonly runs: RunColumnsState; readonly chosen: number | null; readonly names: readonly string[] }): JSX.Element | null {
  const { model } = usePanels();
  const { runs, chosen, names } = props;
  if (chosen === null) return null;
  const id = runs.runIds[chosen]!;
  return (
    <div class="chart-legend" aria-hidden="true">
      <div class="chart-legend-x">{model.source.runNames.value.get(id) ?? id}</div>
      {names.map((name) => {
        const value = runs.columns[name]?.[chosen];
        return (
          <div key={name} class="chart-legend-row">
            <span class="chart-legend-name">{name}</span>
            <span class="chart-legend-value">{typeof value === "number" ? formatValue(value) : String(value ?? "")}</span>
          </div>
        );
      })}
    </div>
  );
}

export function ScatterPanel({ panel, runs, picture }: Of<"scatter"> & Drawn): JSX.Element {
  const { model } = usePanels();
  const chosen = useChosen(runs);
  const colours = coloursOf(runs, panel.colour);
  const points = useMemo(() => {
    const axis = (name: string) => makeColumnAxis(name, runs.columns[name] ?? []);
    return { x: axis(panel.x), y: axis(panel.y) };
  }, [runs, panel]);
  const drawn = { ...points, colours };
  const place: { layout: ScatterLayout | null } = useMemo(() => ({ layout: null }), []);
  const missing = runs.runIds.filter((_, i) => Number.isNaN(points.x.numbers[i]! + points.y.numbers[i]!)).length;
  return (
    <>
      <PlainCanvas label={`${panel.y} by ${panel.x}, ${runs.runIds.length} runs`}
        picture={picture} draw={(surface, size, theme) => {
          place.layout = layoutScatter(surface, drawn, size, theme);
          drawScatter(surface, drawn, place.layout, theme, chosen);
        }}
        onPoint={(at) => {
          const run = at === null || place.layout === null ? null : nearestDot(drawn, place.layout, at, REACH_PX);
          model.source.hoverRun.value = run === null ? null : runs.runIds[run]!;
        }} />
      <Chosen runs={runs} chosen={chosen} names={[panel.x, panel.y, ...(panel.colour === undefined ? [] : [panel.colour])]} />
      {missing > 0 && <span class="panel-note">{missing} without one of the two</span>}
    </>
  );
}

export function ParallelPanel({ panel, runs, picture }: Of<"parallel"> & Drawn): JSX.Element {
  const { model } = usePanels();
  const chosen = useChosen(runs);
  const axes = useMemo(() => panel.columns.map((name) => makeColumnAxis(name, runs.columns[name] ?? [])), [runs, panel]);
  const drawn = { axes, colours: coloursOf(runs, panel.columns.at(-1)) };
  const place: { layout: ParallelLayout | null } = useMemo(() => ({ layout: null }), []);
  return (
    <>
      <PlainCanvas label={`${panel.columns.join(", ")} of ${runs.runIds.length} runs`}
        picture={picture} draw={(surface, size, theme) => {
          place.layout = layoutParallel(drawn, size);
          drawParallel(surface, drawn, place.layout, theme, chosen);
        }}
        onPoint={(at) => {
          const run = at === null || place.layout === null ? null : nearestRun(drawn, place.layout, at, REACH_PX);
          model.source.hoverRun.value = run === null ? null : runs.runIds[run]!;
        }} />
      <Chosen runs={runs} chosen={chosen} names={panel.columns} />
    </>
  );
}

export function ImportancePanel({ panel, runs }: Of<"importance">): JSX.Element {
  const found = useMemo(() => {
    const names = Object.keys(runs.columns).filter((name) => name !== panel.metric);
    return importanceOf(names.map((name) => ({ name, values: runs.columns[name]! })), runs.columns[panel.metric] ?? []);
  }, [runs, panel.metric]);
  if (found.length === 0) {
    return <div class="panel-message"><p>It needs two runs that have {panel.metric} and differ in their config.</p></div>;
  }
  return (
    <div class="table-twin" tabIndex={0} role="region" aria-label={`Importance for ${panel.metric}`}>
      <table>
        <thead>
          <tr>{["Config", "Importance", "Correlation", "Runs"].map((name) => <th key={name} scope="col">{name}</th>)}</tr>
        </thead>
        <tbody>
          {found.map(({ name, importance, correlation, runCount }) => (
            <tr key={name}>
              <th scope="row">{plainName(name.replace(/^config\./, ""))}</th>
              <td class="bar-cell"><Bar to={Math.min(1, importance)} /> {importance.toFixed(2)}</td>
              <td class={correlation !== null && correlation < 0 ? "is-negative" : ""}>
                {correlation === null ? "" : formatValue(Number(correlation.toFixed(2)))}
              </td>
              <td>{runCount}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A bar between two shares of its room, from 0 to 1. */
export function Bar({ from = 0, to, colour }: { readonly from?: number; readonly to: number; readonly colour?: string }): JSX.Element {
  const place = { marginLeft: `${from * 100}%`, width: `${(to - from) * 100}%` };
  return (
    <span class="bar" aria-hidden="true">
      <span style={{ ...place, ...(colour === undefined ? {} : { background: colour }) }} />
    </span>
  );
}
