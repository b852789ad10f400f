/** The charts of some runs. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { PanelsState } from "../../state/panels";

export type PanelsProps = {
  readonly entity: string;
  readonly project: string;
  /** null: all that match the filters. */
  readonly runIds: ReadonlySignal<readonly string[] | null>;
  readonly filters: ReadonlySignal<object | null>;
  readonly groupBy: ReadonlySignal<readonly string[]>;
  readonly hiddenRuns: ReadonlySignal<ReadonlySet<string>>;
  readonly runNames: ReadonlySignal<ReadonlyMap<string, string>>;
  readonly settings: Signal<PanelsState>;
  /** Changes when data moved. */
  readonly version: ReadonlySignal<string>;
  readonly hoverRun: Signal<string | null>;
};

export function Panels(props: PanelsProps): JSX.Element {
  return <p class="empty">No charts of {props.project} yet.</p>;
}
