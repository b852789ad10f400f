/** What the parts of a run's page have in common. */

import type { ReadonlySignal } from "@preact/signals";
import type { RunInfo, RunPath } from "../../wire/run";

/** What each part of the page needs: the run as it was read last, and where it is. */
export type RunPartProps = {
  readonly path: RunPath;
  readonly run: RunInfo;
  /** Changes when the project moved. */
  readonly version: ReadonlySignal<string>;
  /** Ask for the run again, after a change. */
  readonly again: () => void;
};
