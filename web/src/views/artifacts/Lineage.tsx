/** Where a version comes from and where it went, one step each way: what the run that made it used, that run, the runs that used it. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchRunArtifacts, fetchUsers, type ArtifactInfo, type ArtifactPath, type RunTriple } from "../../wire/artifacts";
import { formatCount } from "../parts/format";
import { useLoaded } from "../parts/use_loaded";

const MOST_SHOWN = 12;

type LineageProps = { readonly path: ArtifactPath; readonly artifact: ArtifactInfo };

export function Lineage({ path, artifact }: LineageProps): JSX.Element {
  const maker = artifact.created_by;
  const [users] = useLoaded((ask) => fetchUsers(path, ask), [artifact.artifact_id]);
  const [inputs] = useLoaded((ask) => (maker === null ? Promise.resolve([]) : fetchRunArtifacts(maker, "used", ask)), [artifact.artifact_id]);
  const columns = [
    { name: "what it was made of", nodes: (inputs.value.value ?? []).map(artifactNode) },
    { name: "made by", nodes: maker === null ? [] : [runNode(maker)] },
    { name: "this version", nodes: [{ ...artifactNode(artifact), isHere: true }] },
    { name: "used by", nodes: (users.value.value ?? []).map(runNode) },
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
              {nodes.slice(0, MOST_SHOWN).map(({ title, address, kind, isHere }) => (
                <li key={address} class={`lineage-node lineage-${kind}`} aria-current={isHere}>
                  {isHere ? title : <a href={address}>{title}</a>}
                </li>
              ))}
              {nodes.length > MOST_SHOWN && <li class="soft">and {formatCount(nodes.length - MOST_SHOWN)} more</li>}
            </ul>
          </li>
        ))}
      </ol>
    </section>
  );
}

type Node = { readonly title: string; readonly address: string; readonly kind: "run" | "artifact"; readonly isHere: boolean };

function runNode([entity, project, runId]: RunTriple): Node {
  return { title: runId, address: formatHash([entity, project, "runs", runId]), kind: "run", isHere: false };
}

function artifactNode({ entity, project, name, version_number, artifact_id }: ArtifactInfo): Node {
  const version = version_number === null ? artifact_id : `v${version_number}`;
  return { title: `${name}:${version}`, address: formatHash([entity, project, "artifacts", name, version]), kind: "artifact", isHere: false };
}
