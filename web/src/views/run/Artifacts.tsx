/** What a run logged as artifacts, and which versions it used. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchRunArtifacts, type ArtifactInfo } from "../../wire/artifacts";
import { Empty } from "../parts/Empty";
import { counted, formatAge, formatBytes, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import type { RunPartProps } from "./run_part";
import { useLoaded } from "../parts/use_loaded";

export function Artifacts({ path, version }: RunPartProps): JSX.Element {
  const [loaded, again] = useLoaded(
    async (ask) => {
      const run = [path.entity, path.project, path.runId] as const;
      const [logged, used] = await Promise.all([fetchRunArtifacts(run, "logged", ask), fetchRunArtifacts(run, "used", ask)]);
      return { logged, used };
    },
    [path.runId],
    version.value,
  );
  const { value, error } = loaded.value;
  if (value === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (value.logged.length + value.used.length === 0) {
    return (
      <Empty
        title="This run has logged and used no artifacts."
        code={`artifact = runlake.Artifact("model", type="model")\nartifact.add_file("model.pt")\nrun.log_artifact(artifact)`}
      />
    );
  }
  return (
    <div class="documents">
      <Listed title="Logged" artifacts={value.logged} />
      <Listed title="Used" artifacts={value.used} />
    </div>
  );
}

function Listed({ title, artifacts }: { readonly title: string; readonly artifacts: readonly ArtifactInfo[] }): JSX.Element | null {
  if (artifacts.length === 0) {
    return null;
  }
  return (
    <section aria-label={title}>
      <h2>
        {title} <span class="soft">{artifacts.length}</span>
      </h2>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={`${title} artifacts`}>
        <table class="documents-table listed">
          <tbody>
            {artifacts.map((artifact) => (
              <Row key={artifact.artifact_id} artifact={artifact} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ artifact }: { readonly artifact: ArtifactInfo }): JSX.Element {
  const { entity, project, name, version_number, artifact_id } = artifact;
  const version = version_number === null ? artifact_id : `v${version_number}`;
  return (
    <tr>
      <th scope="row">
        <a href={formatHash([entity, project, "artifacts", name, version])}>
          {name}:{version}
        </a>
      </th>
      <td class="soft">{artifact.type}</td>
      <td>
        {artifact.aliases.map((alias) => (
          <span key={alias} class="tag">
            {alias}
          </span>
        ))}
      </td>
      <td class="number">{counted(artifact.file_count, "file")}</td>
      <td class="number">{formatBytes(artifact.size_bytes)}</td>
      <td class="soft" title={formatTime(artifact.created_at)}>
        {formatAge(artifact.created_at, Date.now() / 1000)}
      </td>
    </tr>
  );
}
