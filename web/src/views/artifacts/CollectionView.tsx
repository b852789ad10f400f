/** The versions of one collection, the newest first. */

import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchRunNames, nameOfRun, type RunNames } from "../../state/run_names";
import { fetchVersions, type ArtifactInfo, type CollectionPath } from "../../wire/artifacts";
import { formatAge, formatBytes, formatCount, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";

const PAGE = 500;

export function CollectionView({ path, version }: { readonly path: CollectionPath; readonly version: ReadonlySignal<string> }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchVersions(path, ask), [path.name], version.value);
  const shown = useSignal(PAGE);
  const { value: versions, error } = loaded.value;
  const makers = (versions ?? []).slice(0, shown.value).flatMap(({ created_by: maker }) => (maker === null ? [] : [maker]));
  const [named] = useLoaded((ask) => fetchRunNames(makers, ask), [JSON.stringify(makers)]);
  if (versions === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (versions.length === 0) {
    return <Empty title={`${path.name} has no versions any more.`} />;
  }
  return (
    <article class="artifacts" aria-label={`Versions of ${path.name}`}>
      <h1 class="run-title">
        <span class="run-title-text">{path.name}</span>
        <span class="run-id">
          {versions[0]?.type} · {formatCount(versions.length)} {versions.length === 1 ? "version" : "versions"}
        </span>
      </h1>
      <table class="documents-table listed">
        <tbody>
          {versions.slice(0, shown.value).map((one) => (
            <VersionRow key={one.artifact_id} path={path} artifact={one} names={named.value.value} />
          ))}
        </tbody>
      </table>
      {versions.length > shown.value && (
        <button type="button" class="button" onClick={() => (shown.value += PAGE)}>
          {formatCount(versions.length - shown.value)} older ones
        </button>
      )}
    </article>
  );
}

type VersionRowProps = { readonly path: CollectionPath; readonly artifact: ArtifactInfo; readonly names: RunNames | null };

function VersionRow({ path, artifact, names }: VersionRowProps): JSX.Element {
  const version = artifact.version_number === null ? artifact.artifact_id : `v${artifact.version_number}`;
  return (
    <tr>
      <th scope="row">
        <a href={formatHash([path.entity, path.project, "artifacts", path.name, version])}>{version}</a>
      </th>
      <td>
        {[...artifact.aliases, ...artifact.tags].map((name) => (
          <span key={name} class="tag">
            {name}
          </span>
        ))}
      </td>
      <td class="number">{formatCount(artifact.file_count)} files</td>
      <td class="number">{formatBytes(artifact.size_bytes)}</td>
      <td class="artifact-maker">
        {artifact.created_by !== null && (
          <a
            href={formatHash([artifact.created_by[0], artifact.created_by[1], "runs", artifact.created_by[2]])}
            title={`Made by the run ${artifact.created_by.join("/")}`}
          >
            {names === null ? artifact.created_by[2] : nameOfRun(names, artifact.created_by)}
          </a>
        )}
      </td>
      <td class="soft artifact-age" title={formatTime(artifact.created_at)}>
        {formatAge(artifact.created_at, Date.now() / 1000)}
      </td>
    </tr>
  );
}
