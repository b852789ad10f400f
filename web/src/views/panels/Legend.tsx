/** The values at the pointer, beside it. */

import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatValue } from "../../drawing/format";
import type { ChartSettings } from "../../state/panels";
import { formatX } from "./frame";
import { rowsAbout, type Readout } from "./readout";
import { Swatch } from "./Swatch";

const ROWS = 12;
const ROW_PX = 15;
/** The room of what stands above and below the rows. */
const REST_PX = 60;

export function Legend(props: {
  readonly readout: ReadonlySignal<Readout | null>;
  readonly settings: ChartSettings;
  readonly isLeft: boolean;
  readonly heightPx: number;
}): JSX.Element | null {
  const readout = props.readout.value;
  if (readout === null || (readout.rows.length === 0 && readout.absentCount === 0)) return null;
  const { rows, above, below } = rowsAbout(readout, Math.max(3, Math.min(ROWS, Math.floor((props.heightPx - REST_PX) / ROW_PX))));
  return (
    <div class={`chart-legend ${props.isLeft ? "is-left" : ""}`} aria-hidden="true">
      <div class="chart-legend-x">{formatX(readout.x, props.settings)}</div>
      {above > 0 && <div class="chart-legend-more">{above} higher</div>}
      {rows.map((row) => (
        <div key={row.id} class={`chart-legend-row ${row.id === readout.hitId ? "is-hit" : ""}`}>
          <Swatch colour={row.colour} dash={row.dash} />
          <span class="chart-legend-name">{row.name}</span>
          <span class="chart-legend-value">{formatValue(row.value)}</span>
          {row.runCount !== null && <span class="chart-legend-count">n = {row.runCount}</span>}
        </div>
      ))}
      {below > 0 && <div class="chart-legend-more">{below} lower</div>}
      {readout.absentCount > 0 && <div class="chart-legend-more">{readout.absentCount} without a value here</div>}
    </div>
  );
}
