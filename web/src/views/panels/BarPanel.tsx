/** The last, lowest or highest value of a key, a bar a run. */

import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { formatValue } from "../../drawing/format";
import { KeyLines } from "../../state/key_lines";
import type { AddedPanel } from "../../state/panels";
import { Bar } from "./ColumnPanels";
import { PanelMessage } from "./PanelMessage";
import { usePanels } from "./panels_context";

const VALUES = { last: "last", min: "lowest", max: "highest" } as const;
/** Bars of more runs are counted. */
const BARS = 500;

export function BarPanel({ panel }: { readonly panel: AddedPanel & { kind: "bar" } }): JSX.Element {
  const { model } = usePanels();
  const { hoverRun } = model.source;
  const lines = useMemo(() => new KeyLines(model, panel.key), [model, panel.key]);
  useEffect(() => {
    // The values come with lines of any width: the narrowest ones will do.
    lines.widthPx.value = 100;
    lines.start();
    return () => lines.stop();
  }, [lines]);
  const picture = lines.picture.value;
  const bars = picture.lines.map(({ id, name, colour, series }) => ({ id, name, colour, value: series[VALUES[panel.value]] }));
  bars.sort((one, other) => (other.value ?? -Infinity) - (one.value ?? -Infinity));
  const largest = bars.reduce((most, { value }) => Math.max(most, Math.abs(value ?? 0)), 0);
  return (
    <>
      <div class="table-twin" tabIndex={0} role="region" aria-label={`${VALUES[panel.value]} value of ${panel.key} by run`}>
        <table>
          <tbody>
            {bars.slice(0, BARS).map(({ id, name, colour, value }) => (
              <tr key={id} class={id === hoverRun.value ? "is-hit" : ""} onPointerEnter={() => (hoverRun.value = id)}
                onPointerLeave={() => (hoverRun.value = null)}>
                <th scope="row" title={name}>{name}</th>
                <td class="bar-cell is-wide"><Bar share={largest > 0 ? Math.abs((value ?? 0) / largest) : 0} colour={colour} /></td>
                <td>{value === null ? "" : formatValue(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {bars.length > BARS && <p>and {bars.length - BARS} more</p>}
      </div>
      <PanelMessage picture={picture} panelKey={panel.key} />
    </>
  );
}
