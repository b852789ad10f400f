/** A sweep in a few words. */

import { metricOf } from "../../state/sweep";
import type { SweepInfo } from "../../wire/sweeps";
import { formatCount } from "../parts/format";

export function metricText(sweep: SweepInfo): string {
  const metric = metricOf(sweep.config);
  return metric === null ? "" : `${metric.name} (${metric.isLessBetter ? "minimize" : "maximize"})`;
}

export function runsText(sweep: SweepInfo): string {
  const expected = sweep.expected_run_count;
  return formatCount(sweep.run_count) + (expected === null ? "" : ` of ${formatCount(expected)}`);
}
