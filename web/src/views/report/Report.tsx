/** A view in a file of its own: where it is from, and its runs and charts. */

import type { JSX } from "preact";
import { address, formatHash } from "../../state/address";
import { session } from "../../state/session";
import type { Embedded } from "../../wire/embedded";
import { Empty } from "../parts/Empty";
import { formatTime } from "../parts/format";
import { InProject } from "../parts/InProject";
import { Toast } from "../parts/Toast";
import { WorkspaceView } from "../workspace/WorkspaceView";

export function Report({ embedded }: { readonly embedded: Embedded }): JSX.Element {
  const { entity, project, title, query } = embedded;
  const [, , part] = address.value.parts;
  const isHere = part === undefined && address.value.parts[0] === entity && address.value.parts[1] === project;
  return (
    <div class="page">
      <header class="top-bar">
        <span class="crumbs">
          <span class="crumb-entity">{entity}</span>
          <span class="crumb-slash">/</span>
          <a class="crumb" href={formatHash([entity, project], query)}>
            {project}
          </a>
        </span>
        {title !== "" && <strong>{title}</strong>}
        <span class="spring" />
        <span class="soft">as of {formatTime(embedded.made_at)}</span>
        <span class="badge" title="This file has its data inside and asks no server.">
          file
        </span>
      </header>
      <main id="main" class="main" tabIndex={-1}>
        {!isHere ? (
          <Empty title="This file does not have that">
            <p>
              It has the runs and charts of one view. <a href={formatHash([entity, project], query)}>Back to them</a>
            </p>
          </Empty>
        ) : session.value === null ? (
          <p class="waiting">Loading…</p>
        ) : (
          <InProject entity={entity} project={project}>
            <WorkspaceView entity={entity} project={project} />
          </InProject>
        )}
      </main>
      <Toast />
    </div>
  );
}
