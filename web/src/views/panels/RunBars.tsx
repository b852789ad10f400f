/** A bar a run, the highest value first. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { barSpans, barsHeight, drawBars } from "../../drawing/bars";
import { formatValue } from "../../drawing/format";
import { Bar } from "./ColumnPanels";
import type { Picture } from "./exports";
import { usePanels } from "./panels_context";

export type RunBar = { readonly id: string; readonly name: string; readonly colour: string; readonly value: number | null };

/** Bars of more runs are counted. */
const BARS = 500;

const PICTURE_WIDTH_PX = 560;
/** Browsers have no canvas of any height. */
const PICTURE_BARS = 300;

/** The bars in their order: those without a number last. */
export function sortedBars(bars: readonly RunBar[]): RunBar[] {
  const rank = ({ value }: RunBar): number => (value === null || Number.isNaN(value) ? -Infinity : value);
  return [...bars].sort((one, other) => (rank(one) < rank(other) ? 1 : rank(one) > rank(other) ? -1 : 0));
}

export function RunBars(props: {
  readonly label: string;
  readonly bars: readonly RunBar[];
  /** Gets what is shown, for pictures of it. */
  readonly picture?: { current: Picture | null };
}): JSX.Element {
  const { hoverRun } = usePanels().model.source;
  const bars = sortedBars(props.bars);
  const { picture } = props;
  useEffect(() => {
    if (picture === undefined) return;
    const more = { name: `and ${bars.length - PICTURE_BARS} more`, colour: "", value: null };
    const drawn = bars.length > PICTURE_BARS ? [...bars.slice(0, PICTURE_BARS), more] : bars;
    picture.current = {
      size: { width: PICTURE_WIDTH_PX, height: barsHeight(drawn.length) },
      draw: (surface, size, theme) => drawBars(surface, drawn, size.width, theme),
    };
    return () => {
      picture.current = null;
    };
  });
  const spans = barSpans(bars.map(({ value }) => value));
  return (
    <div class="table-twin" tabIndex={0} role="region" aria-label={props.label}>
      <table>
        <tbody>
          {bars.slice(0, BARS).map(({ id, name, colour, value }, i) => (
            <tr key={id} class={id === hoverRun.value ? "is-hit" : ""} onPointerEnter={() => (hoverRun.value = id)}
              onPointerLeave={() => (hoverRun.value = null)}>
              <th scope="row" title={name}>{name}</th>
              <td class="bar-cell is-wide"><Bar from={spans[i]![0]} to={spans[i]![1]} colour={colour} /></td>
              <td>{value === null ? "" : formatValue(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {bars.length > BARS && <p>and {bars.length - BARS} more</p>}
    </div>
  );
}
