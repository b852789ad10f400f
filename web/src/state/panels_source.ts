/** What the panels of one project are of. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { JsonObject } from "../wire/json";
import type { PanelsState } from "./panels";

/** Which runs the panels are of. */
export type PanelsSource = {
  readonly entity: string;
  readonly project: string;
  /** null: all that match the filters. */
  readonly runIds: ReadonlySignal<readonly string[] | null>;
  readonly filters: ReadonlySignal<JsonObject | null>;
  readonly groupBy: ReadonlySignal<readonly string[]>;
  readonly hiddenRuns: ReadonlySignal<ReadonlySet<string>>;
  readonly runNames: ReadonlySignal<ReadonlyMap<string, string>>;
  readonly settings: Signal<PanelsState>;
  /** Changes when data moved. */
  readonly version: ReadonlySignal<string>;
  readonly hoverRun: Signal<string | null>;
};
