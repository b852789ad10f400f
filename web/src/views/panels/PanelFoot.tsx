/** Below a chart: how many runs it shows, what could not be drawn on its axes, and that there is more. */

import type { JSX } from "preact";
import { nonPositiveLineCount } from "../../drawing/line_chart";
import { countsOf, countsText, type LineCounts } from "../../state/chart_lines";
import type { KeyPicture } from "../../state/key_lines";

/** What is marked at the edges, in words. */
export function marksText(counts: LineCounts, nonPositiveCount: number): string {
  const parts: string[] = [];
  if (counts.nanCount > 0) parts.push(`\u00d7 ${counts.nanCount} NaN`);
  if (counts.positiveCount > 0) parts.push(`\u25b2 ${counts.positiveCount} +\u221e`);
  if (counts.negativeCount > 0) parts.push(`\u25bc ${counts.negativeCount} \u2212\u221e`);
  if (nonPositiveCount > 0) {
    parts.push(`\u25bd \u2264 0 in ${nonPositiveCount} ${nonPositiveCount === 1 ? "line" : "lines"}`);
  }
  if (counts.unplacedCount > 0) parts.push(`${counts.unplacedCount} without a place on x`);
  return parts.join(" \u00b7 ");
}

export function PanelFoot(props: {
  readonly picture: KeyPicture;
  readonly hasMore: boolean;
  readonly onShowAll: () => void;
}): JSX.Element {
  const { picture, hasMore } = props;
  const { tiles, lines, settings } = picture;
  const counts = tiles === null ? null : countsOf(tiles, lines);
  const marks = counts && marksText(counts, settings.yScale === "log" ? nonPositiveLineCount(lines) : 0);
  return (
    <footer class="panel-foot">
      {counts !== null && (
        <span title={[countsText(counts), ...counts.failed.map(({ run, error }) => `${run}: ${error}`)].join("\n")}>
          {countsText(counts)}
        </span>
      )}
      {marks !== null && marks !== "" && <span class="panel-marks" title={marks}>{marks}</span>}
      {picture.error !== null && lines.length > 0 && (
        <span class="panel-old" role="alert" title={picture.error.message}>not up to date: {picture.error.message}</span>
      )}
      {hasMore && <button type="button" class="chip" onClick={props.onShowAll}>newer values: show</button>}
    </footer>
  );
}
