/** The frame of a chart, as the settings of its panel want it. */

import type { Quantity } from "../../drawing/axes";
import { formatClock, formatDuration, formatValue, zoneName } from "../../drawing/format";
import type { ChartFrame } from "../../drawing/line_chart";
import type { ChartSettings, Window } from "../../state/panels";

const TITLES: Readonly<Record<string, string>> = { _step: "step", _runtime: "runtime", _timestamp: "wall clock" };

/** The name of an x axis. */
export function xTitle(x: string): string {
  return TITLES[x] ?? x;
}

export function xQuantity(settings: ChartSettings): Quantity {
  switch (settings.x) {
    case "_step":
      return { kind: "step" };
    case "_runtime":
      return { kind: "duration" };
    case "_timestamp":
      return { kind: "clock", zone: settings.zone };
    default:
      return { kind: "number" };
  }
}

const rangeOf = (window: Window | null) => window && { low: window[0], high: window[1] };

export function frameOf(settings: ChartSettings, zoom: Window | null): Omit<ChartFrame, "width" | "height"> {
  return {
    xKind: settings.xScale,
    yKind: settings.yScale,
    xQuantity: xQuantity(settings),
    xTitle: xTitle(settings.x),
    xRange: rangeOf(zoom),
    yRange: rangeOf(settings.yRange),
  };
}

/** A place on the x axis, to be read. */
export function formatX(value: number, settings: ChartSettings): string {
  if (settings.x === "_step") return `step ${formatValue(Math.round(value))}`;
  if (settings.x === "_runtime") return formatDuration(value);
  if (settings.x === "_timestamp") return `${formatClock(value, settings.zone)} ${zoneName(value, settings.zone)}`;
  return `${settings.x} ${formatValue(value, 7)}`;
}
