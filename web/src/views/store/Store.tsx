/** All projects: how many runs each has, when one last gave a sign of life, and search over all their runs. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { formatHash } from "../../state/address";
import { reconnectCount, session } from "../../state/session";
import { nearest } from "../../state/usual_columns";
import { fetchProjects } from "../../wire/asks";
import type { ProjectInfo } from "../../wire/documents";
import { counted } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Icon } from "../parts/Icon";
import { Problem } from "../parts/Problem";
import { FoundRuns } from "./FoundRuns";
import { ProjectLine } from "./ProjectLine";

const FIRST_CODE = `import runlake

run = runlake.init(project="first", config={"lr": 0.01})
for step in range(100):
    run.log({"loss": 1 / (step + 1)})
run.finish()`;

const AT_FIRST = 100;

export function Store(): JSX.Element {
  const projects = useSignal<readonly ProjectInfo[] | null>(null);
  const error = useSignal<Error | null>(null);
  const text = useSignal("");
  const isWhole = useSignal(false);
  const load = (): void => {
    fetchProjects().then(
      (found) => {
        projects.value = found;
        error.value = null;
      },
      (reason: Error) => (error.value = reason),
    );
  };
  useEffect(load, []);
  useSignalEffect(() => {
    if (reconnectCount.value > 0) {
      load();
    }
  });
  const found = useComputed(() => nearest(text.value, projects.value ?? [], ({ entity, name }) => `${name} ${entity}`, Infinity));

  if (projects.value === null) {
    return error.value === null ? <p class="waiting">Loading…</p> : <Problem error={error.value} again={load} />;
  }
  if (projects.value.length === 0) {
    return (
      <Empty title="No project yet" code={FIRST_CODE}>
        <p>The first run makes one. {where()}</p>
      </Empty>
    );
  }
  const shown = isWhole.value ? found.value : found.value.slice(0, AT_FIRST);
  return (
    <div class="store">
      <div class="store-head">
        <h1>Projects</h1>
        <label class="search-box">
          <Icon name="search" />
          <input
            class="field"
            type="search"
            placeholder="Search projects and runs"
            aria-label="Search projects and runs"
            data-search
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <span class="spring" />
        <span class="soft">
          {counted(projects.value.length, "project")}, {counted(projects.value.reduce((sum, { run_count }) => sum + run_count, 0), "run")}
        </span>
      </div>
      {error.value !== null && <Problem error={error.value} again={load} />}
      <table class="projects">
        <thead>
          <tr>
            <th scope="col">Project</th>
            <th scope="col" class="number">
              Runs
            </th>
            <th scope="col">State</th>
            <th scope="col">Last sign of life</th>
            <th scope="col" class="projects-newest">
              Newest run
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((project) => (
            <ProjectLine key={formatHash([project.entity, project.name])} project={project} />
          ))}
        </tbody>
      </table>
      {found.value.length === 0 && <p class="soft">No project is called so.</p>}
      {shown.length < found.value.length && (
        <button type="button" class="button" onClick={() => (isWhole.value = true)}>
          Show all {counted(found.value.length, "project")}
        </button>
      )}
      {text.value.trim().length > 1 && <FoundRuns text={text.value.trim()} projects={projects.value} />}
    </div>
  );
}

function where(): string {
  const store = session.value?.store ?? "";
  return store === "" ? "" : `This page shows ${store}.`;
}
