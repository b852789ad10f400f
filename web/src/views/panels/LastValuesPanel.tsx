/** What a panel shows of a key that no run has logged as rows: the last value of each run that has one. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { colourOf } from "../../state/colours";
import { lastValueColumn } from "../../state/last_values";
import type { KeyPicture } from "../../state/key_lines";
import { streamOf } from "../../state/panels";
import type { PanelsModel } from "../../state/panels_model";
import { usePanels } from "./panels_context";
import { RunBars, type RunBar } from "./RunBars";

/** True if there are runs, and none of them has a row of the key: then its values are those of summaries. */
export function isOfSummaries(model: PanelsModel, picture: KeyPicture): boolean {
  const { tiles, isLoading, settings } = picture;
  if (tiles === null || isLoading || tiles.left_out.length > 0 || tiles.run_count === 0) return false;
  return tiles.series.length === 0 && settings.x.startsWith("_") && streamOf(model.source.settings.value) === "history";
}

export function LastValuesPanel({ panelKey }: { readonly panelKey: string }): JSX.Element {
  const { model } = usePanels();
  const { lastValues, source } = model;
  useEffect(() => lastValues.want(panelKey), [lastValues, panelKey]);
  const { runIds, columns, isLoading, error } = lastValues.state.value;
  const values = columns[lastValueColumn(panelKey)];
  if (values === undefined) {
    return error === null || isLoading ? (
      <div class="panel-message" aria-busy="true" />
    ) : (
      <div class="panel-message is-error" role="alert"><p>{error.message}</p></div>
    );
  }
  const names = source.runNames.value;
  const bars: RunBar[] = [];
  runIds.forEach((id, i) => {
    const value = values[i];
    if (typeof value !== "number" && typeof value !== "bigint") return;
    bars.push({ id, name: names.get(id) ?? id, colour: colourOf(id).colour, value: Number(value) });
  });
  if (bars.length === 0) return <div class="panel-message"><p>None of these runs has it.</p></div>;
  return <RunBars label={`Last value of ${panelKey} by run`} bars={bars} />;
}
