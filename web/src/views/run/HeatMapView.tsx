/** Histograms over steps, drawn as a heat map, with a table of the same for who does not see it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { heatMap, heatMapPixels, type Histogram } from "../../drawing/heat_map";
import { formatCount, formatNumber } from "../parts/format";

const ROW_COUNT = 64;

export function HeatMapView({ histograms, name }: { readonly histograms: readonly Histogram[]; readonly name: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const at = useSignal<{ readonly column: number; readonly row: number } | null>(null);
  const map = heatMap(histograms, ROW_COUNT);
  useLayoutEffect(() => {
    const drawn = canvas.current?.getContext("2d");
    if (canvas.current === null || drawn == null || map === null) {
      return;
    }
    canvas.current.width = map.steps.length;
    canvas.current.height = ROW_COUNT;
    const pixels = new ImageData(map.steps.length, ROW_COUNT);
    pixels.data.set(heatMapPixels(map, inkOf(canvas.current)));
    drawn.putImageData(pixels, 0, 0);
  });
  if (map === null) {
    return <p class="soft">These histograms have no bins that can be drawn.</p>;
  }
  const width = (map.high - map.low) / ROW_COUNT;
  const point = at.value;
  const share = point === null ? 0 : (map.shares[point.column * ROW_COUNT + point.row] ?? 0);
  return (
    <div class="heat-map">
      <div class="heat-map-frame">
        <span class="heat-map-high">{formatNumber(map.high)}</span>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Histograms of ${name} over ${map.steps.length} steps, from ${formatNumber(map.low)} to ${formatNumber(map.high)}`}
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const column = Math.floor(((event.clientX - box.left) / box.width) * map.steps.length);
            const row = ROW_COUNT - 1 - Math.floor(((event.clientY - box.top) / box.height) * ROW_COUNT);
            at.value = column >= 0 && column < map.steps.length && row >= 0 && row < ROW_COUNT ? { column, row } : null;
          }}
          onPointerLeave={() => (at.value = null)}
        />
        <span class="heat-map-low">{formatNumber(map.low)}</span>
      </div>
      <p class="soft">
        {point === null
          ? `steps ${formatCount(map.steps[0] ?? 0)} to ${formatCount(map.steps.at(-1) ?? 0)}`
          : `step ${formatCount(map.steps[point.column] ?? 0)}: ${formatNumber(share * 100)} % in ${formatNumber(map.low + point.row * width)} … ${formatNumber(map.low + (point.row + 1) * width)}`}
      </p>
    </div>
  );
}

/** The page's accent colour as three bytes. */
function inkOf(element: Element): [number, number, number] {
  const hex = getComputedStyle(element).getPropertyValue("--accent").trim();
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) || 0) as [number, number, number];
}
