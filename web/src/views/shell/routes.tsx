/** Which view an address names. Views beside the store and the project come when they are looked at. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { Empty } from "../parts/Empty";
import { Store } from "../store/Store";
import { WorkspaceView } from "../workspace/WorkspaceView";

export function viewOf(parts: readonly string[]): JSX.Element {
  const [entity, project, ...rest] = parts;
  if (entity === undefined) {
    return <Store />;
  }
  if (project !== undefined && rest.length === 0) {
    return <WorkspaceView key={`${entity}/${project}`} entity={entity} project={project} />;
  }
  return (
    <Empty title="There is nothing at this address">
      <p>
        <a href={formatHash(project === undefined ? [] : [entity, project])}>
          {project === undefined ? "All projects" : `The runs of ${project}`}
        </a>
      </p>
    </Empty>
  );
}
