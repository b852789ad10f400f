/** Where a version comes from and where it went, one step each way: what the run that made it used, that run, the runs that used it. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchRunNames, nameOfRun } from "../../state/run_names";
import { fetchRunArtifacts, fetchUsers, type ArtifactInfo, type ArtifactPath, type RunTriple } from "../../wire/artifacts";
import { formatCount } from "../parts/format";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";

const MOST_SHOWN = 12;

type LineageProps = { readonly path: ArtifactPath; readonly artifact: ArtifactInfo };

export function Lineage({ path, artifact }: LineageProps): JSX.Element {
  const maker = artifact.created_by;
  const [loaded, again] = useLoaded(
    async (ask) => {
      const [users, inputs] = await Promise.all([
        fetchUsers(path, ask),
        maker === null ? [] : fetchRunArtifacts(maker, "used", ask),
      ]);
      const makers = maker === null ? [] : [maker];
      return { users, inputs, makers, names: await fetchRunNames([...makers, ...users.slice(0, MOST_SHOWN)], ask) };
    },
    [artifact.artifact_id],
  );
  const { value, error } = loaded.value;
  if (value === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  const runNode = (run: RunTriple): Node => nodeOfRun(run, nameOfRun(value.names, run));
  const columns = [
    { name: "what it was made of", nodes: value.inputs.map(artifactNode) },
    { name: "made by", nodes: value.makers.map(runNode) },
    { name: "this version", nodes: [{ ...artifactNode(artifact), isHere: true }] },
    { name: "used by", nodes: value.users.map(runNode) },
  ].filter(({ nodes }) => nodes.length > 0);
  if (columns.length < 2) {
    return <p class="soft">No run is known to have made or used this version.</p>;
  }
  return (
    <section aria-label="Lineage">
      <h2>Lineage</h2>
      <ol class="lineage">
        {columns.map(({ name, nodes }) => (
          <li key={name}>
            <span class="soft">{name}</span>
            <ul class="plain-list">
              {nodes.slice(0, MOST_SHOWN).map((node) => <NodeView key={node.address} node={node} />)}
              {nodes.length > MOST_SHOWN && <li class="soft">and {formatCount(nodes.length - MOST_SHOWN)} more</li>}
            </ul>
          </li>
        ))}
      </ol>
    </section>
  );
}

type Node = {
  readonly title: string;
  /** What it is called in Python and at the command line. */
  readonly path: string;
  readonly address: string;
  readonly kind: "run" | "artifact";
  readonly isHere: boolean;
};

function NodeView({ node: { title, path, address, kind, isHere } }: { readonly node: Node }): JSX.Element {
  return (
    <li class={`lineage-node lineage-${kind}`} title={title === path ? path : `${title}\n${path}`} aria-current={isHere}>
      {isHere ? title : <a href={address}>{title}</a>}
    </li>
  );
}

function nodeOfRun([entity, project, runId]: RunTriple, name: string): Node {
  const address = formatHash([entity, project, "runs", runId]);
  return { title: name, path: `${entity}/${project}/${runId}`, address, kind: "run", isHere: false };
}

function artifactNode({ entity, project, name, version_number, artifact_id }: ArtifactInfo): Node {
  const version = version_number === null ? artifact_id : `v${version_number}`;
  const address = formatHash([entity, project, "artifacts", name, version]);
  return { title: `${name}:${version}`, path: `${entity}/${project}/${name}:${version}`, address, kind: "artifact", isHere: false };
}
