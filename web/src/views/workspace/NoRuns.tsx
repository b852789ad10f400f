/** A table without runs: nothing matches, or there is none yet. */

import type { JSX } from "preact";
import { Empty } from "../parts/Empty";
import { useWorkspace } from "./context";

export function NoRuns(): JSX.Element {
  const { workspace } = useWorkspace();
  const { entity, project } = workspace.path;
  if (workspace.runs.filters.value !== null) {
    return (
      <Empty title="No run matches">
        <button type="button" class="button" onClick={() => workspace.change({ filters: null, search: "" }, "Took away the filters")}>
          Take away filters and search
        </button>
      </Empty>
    );
  }
  const code = `import runlake

run = runlake.init(entity=${JSON.stringify(entity)}, project=${JSON.stringify(project)})
run.log({"loss": 0.5})
run.finish()`;
  return (
    <Empty title="No run yet" code={code}>
      <p>It is here as soon as it has begun.</p>
    </Empty>
  );
}
