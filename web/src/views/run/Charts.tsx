/** The charts of one run: what it logged, or what its machine did. */

import { useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { DEFAULT_PANELS } from "../../state/panels";
import { Empty } from "../parts/Empty";
import { Panels } from "../panels/Panels";
import { usePanelsInAddress } from "./panels_in_address";
import type { RunInfo, RunPath } from "../../wire/run";
import type { JsonObject } from "../../wire/json";

const NOTHING_HIDDEN: ReadonlySet<string> = new Set();
const NO_GROUPS: readonly string[] = [];

type ChartsProps = {
  readonly path: RunPath;
  /** null while it is on its way. */
  readonly run: RunInfo | null;
  readonly version: ReadonlySignal<string>;
  readonly stream: "history" | "events";
};

export function Charts({ path, run, version, stream }: ChartsProps): JSX.Element {
  const settings = usePanelsInAddress({ ...DEFAULT_PANELS, stream });
  const runIds = useComputed<readonly string[] | null>(() => [path.runId]);
  const filters = useComputed<JsonObject | null>(() => null);
  const groupBy = useComputed(() => NO_GROUPS);
  const hiddenRuns = useComputed(() => NOTHING_HIDDEN);
  const name = useSignal(path.runId);
  const runNames = useComputed(() => new Map([[path.runId, name.value]]));
  useLayoutEffect(() => {
    name.value = run?.name ?? path.runId;
  }, [run?.name]);
  const hoverRun = useSignal<string | null>(null);
  if (run !== null && (stream === "history" ? run.row_count : run.event_count) === 0) {
    return stream === "history" ? (
      <Empty title="This run has logged nothing yet." code={"run.log({\"loss\": loss})"} />
    ) : (
      <Empty title="No system metrics yet: the first are measured some seconds after the run begins." />
    );
  }
  return (
    <Panels
      entity={path.entity}
      project={path.project}
      runIds={runIds}
      filters={filters}
      groupBy={groupBy}
      hiddenRuns={hiddenRuns}
      runNames={runNames}
      settings={settings}
      version={version}
      hoverRun={hoverRun}
    />
  );
}
