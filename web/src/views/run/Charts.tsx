/** The charts of one run: what it logged, or what its machine did. */

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { DEFAULT_PANELS } from "../../state/panels";
import { Empty } from "../parts/Empty";
import { Panels } from "../panels/Panels";
import { usePanelsInAddress } from "./panels_in_address";
import type { RunPartProps } from "./RunPage";

const NOTHING_HIDDEN: ReadonlySet<string> = new Set();
const NO_GROUPS: readonly string[] = [];

export function Charts({ path, run, version, stream }: RunPartProps & { readonly stream: "history" | "events" }): JSX.Element {
  const settings = usePanelsInAddress({ ...DEFAULT_PANELS, stream });
  const runIds = useComputed<readonly string[] | null>(() => [path.runId]);
  const filters = useComputed<object | null>(() => null);
  const groupBy = useComputed(() => NO_GROUPS);
  const hiddenRuns = useComputed(() => NOTHING_HIDDEN);
  const runNames = useComputed(() => new Map([[path.runId, run.name]]));
  const hoverRun = useSignal<string | null>(null);
  if ((stream === "history" ? run.row_count : run.event_count) === 0) {
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
