/** Columns of an answer as lines, and the point that the pointer is at. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useCallback, useMemo, useRef } from "preact/hooks";
import { linesOfColumns } from "../../drawing/columns_chart";
import { formatClock, formatValue } from "../../drawing/format";
import { nearestLine, nearestPoint } from "../../drawing/hit";
import { layoutChart, placeLine, type ChartLayout, type PlacedLine } from "../../drawing/line_chart";
import { drawChart, drawPoint } from "../../drawing/strokes";
import type { Surface, Theme } from "../../drawing/surface";
import { colourOf, isDark, showTogether } from "../../state/colours";
import { isTimeColumn, numbersOf, wordsOf, type SqlChart } from "../../state/sql_chart";
import type { SqlAnswer } from "../../wire/sql";
import { counted, formatCount } from "../parts/format";
import { SqlCanvas, type Point, type Size } from "./SqlCanvas";

const REACH_PX = 40;
const LEGEND_LINES = 24;

type Drawn = { readonly layout: ChartLayout; readonly placed: readonly PlacedLine[] };
type Shown = { readonly name: string; readonly x: number; readonly y: number; readonly colour: string };

export function SqlLines({ answer, chart }: { readonly answer: SqlAnswer; readonly chart: SqlChart }): JSX.Element {
  const { x, y, by } = chart;
  const drawn = useRef<Drawn | null>(null);
  const shown = useSignal<Shown | null>(null);
  const names = useMemo(() => (by === "" ? null : wordsOf(answer, by)), [answer, by]);
  useMemo(() => showTogether([...new Set(names ?? [y])]), [names, y]);
  const { lines, leftOutCount } = useMemo(
    () => linesOfColumns(numbersOf(answer, x), numbersOf(answer, y), names, y, colourOf),
    [answer, x, y, names, isDark.value],
  );
  const isTime = isTimeColumn(answer, x);
  const at = shown.value;
  const draw = useCallback(
    (surface: Surface, size: Size, theme: Theme) => {
      const quantity = isTime ? ({ kind: "clock", zone: "UTC" } as const) : ({ kind: "number" } as const);
      const frame = { ...size, xKind: "linear", yKind: "linear", xQuantity: quantity, xTitle: "", xRange: null, yRange: null } as const;
      const layout = layoutChart(surface, lines, frame, theme);
      const placed = lines.map((line) => placeLine(line, layout));
      drawn.current = { layout, placed };
      drawChart(surface, placed, layout, theme);
      if (at !== null) {
        drawPoint(surface, layout.x.at(at.x), layout.y.at(at.y), at.colour, theme);
      }
    },
    [lines, isTime, at],
  );
  const point = (place: Point | null): void => {
    shown.value = place === null || drawn.current === null ? null : nearestTo(place, drawn.current);
  };
  const read = (value: number): string => (isTime ? `${formatClock(value, "UTC")} UTC` : formatValue(value));
  return (
    <>
      <SqlCanvas label={`${y} over ${x}, ${counted(lines.length, "line")}`} height={null} draw={draw} onPoint={point} />
      <p class="sql-note soft" aria-live="off">
        {at !== null ? (
          <>
            <b style={{ color: at.colour }}>{at.name}</b> {x} {read(at.x)}, {y} {formatValue(at.y)}
          </>
        ) : (
          `${y} over ${x}${leftOutCount > 0 ? `; ${formatCount(leftOutCount)} lines more are not drawn` : ""}`
        )}
      </p>
      {names !== null && (
        <ul class="sql-legend">
          {lines.slice(0, LEGEND_LINES).map(({ id, name, colour }) => (
            <li key={id} title={name}>
              <i style={{ background: colour }} />
              {name}
            </li>
          ))}
          {lines.length > LEGEND_LINES && <li class="soft">and {formatCount(lines.length - LEGEND_LINES)} more</li>}
        </ul>
      )}
    </>
  );
}

function nearestTo(place: Point, { layout, placed }: Drawn): Shown | null {
  const hit = nearestLine(placed, place.x, place.y, REACH_PX);
  const line = hit === null ? undefined : placed[hit.index]?.line;
  const row = line === undefined ? null : nearestPoint(line, layout.x, place.x, REACH_PX);
  return line === undefined || row === null ? null : { name: line.name, x: line.x[row]!, y: line.y[row]!, colour: line.colour };
}
