/** One version: its files, what differs from another, which run made it and which used it, and the code that uses it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, formatHash, setInQuery } from "../../state/address";
import { flatten } from "../../state/flat";
import { manifestChanges } from "../../state/manifests";
import {
  artifactFileAddress,
  fetchArtifact,
  fetchManifest,
  fetchVersions,
  type ArtifactInfo,
  type ArtifactPath,
  type ManifestEntry,
} from "../../wire/artifacts";
import { counted, formatBytes, formatCell, formatCount, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { Preview } from "../run/Preview";
import { useLoaded } from "../parts/use_loaded";
import { Lineage } from "./Lineage";

const MOST_ENTRIES = 2000;

export function VersionView({ path }: { readonly path: ArtifactPath }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchArtifact(path, ask), [path.name, path.version]);
  const { value: artifact, error } = loaded.value;
  if (artifact === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  const version = artifact.version_number === null ? path.version : `v${artifact.version_number}`;
  return (
    <article class="artifacts" aria-label={`${path.name}:${version}`}>
      <header class="run-head">
        <h1 class="run-title">
          <a class="run-title-text" href={formatHash([path.entity, path.project, "artifacts", path.name])}>
            {path.name}
          </a>
          <span>{version}</span>
        </h1>
        <span class="run-facts">
          {artifact.type} · {counted(artifact.file_count, "file")} · {formatBytes(artifact.size_bytes)} ·{" "}
          <span title={formatTime(artifact.created_at)}>{formatTime(artifact.created_at).slice(0, 16)}</span>
          {artifact.user !== null && ` · ${artifact.user}`}
        </span>
        {[...artifact.aliases, ...artifact.tags].map((name) => (
          <span key={name} class="tag">
            {name}
          </span>
        ))}
      </header>
      {artifact.description !== null && <p class="notes">{artifact.description}</p>}
      <section aria-label="Use">
        <h2>Use it</h2>
        <pre class="code">{`artifact = run.use_artifact("${path.entity}/${path.project}/${path.name}:${version}")\nfolder = artifact.download()`}</pre>
      </section>
      <Lineage path={path} artifact={artifact} />
      <Metadata artifact={artifact} />
      <Contents path={path} artifact={artifact} />
    </article>
  );
}

function Metadata({ artifact }: { readonly artifact: ArtifactInfo }): JSX.Element | null {
  const rows = flatten(artifact.metadata);
  if (rows.length === 0) {
    return null;
  }
  return (
    <section class="documents-part" aria-label="Metadata">
      <h2>Metadata</h2>
      <table class="documents-table">
        <tbody>
          {rows.map(({ path, value }) => (
            <tr key={path}>
              <th scope="row">{path}</th>
              <td>{value === null ? "null" : formatCell("", value, 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Contents({ path, artifact }: { readonly path: ArtifactPath; readonly artifact: ArtifactInfo }): JSX.Element {
  const against = new URLSearchParams(address.value.query).get("against");
  const [manifest, again] = useLoaded((ask) => fetchManifest(path, ask), [artifact.digest]);
  const [versions] = useLoaded((ask) => fetchVersions(path, ask), [path.name]);
  const [other, otherAgain] = useLoaded(
    (ask) => (against === null ? Promise.resolve(null) : fetchManifest({ ...path, version: against }, ask)),
    [against],
  );
  const { value: entries, error } = manifest.value;
  if (entries === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  const compareWith = (name: string): void => {
    setInQuery("against", name === "" ? null : name);
  };
  const others = (versions.value.value ?? []).filter(({ artifact_id }) => artifact_id !== artifact.artifact_id);
  return (
    <section aria-label="Files">
      <h2>
        Files <span class="soft">{formatCount(entries.length)}</span>
      </h2>
      {others.length > 0 && (
        <select
          class="field"
          aria-label="Show what differs from another version"
          value={against ?? ""}
          onChange={(event) => compareWith(event.currentTarget.value)}
        >
          <option value="">all files</option>
          {others.slice(0, 1000).map(({ artifact_id, version_number }) => (
            <option key={artifact_id} value={`v${version_number}`}>
              what differs from v{version_number}
            </option>
          ))}
        </select>
      )}
      {against !== null && other.value.error !== null && <Problem error={other.value.error} again={otherAgain} />}
      {against !== null && other.value.value !== null ? (
        <Changes before={other.value.value} after={entries} against={against} />
      ) : (
        <Entries path={path} entries={entries} />
      )}
    </section>
  );
}

function Entries({ path, entries }: { readonly path: ArtifactPath; readonly entries: readonly ManifestEntry[] }): JSX.Element {
  const search = useSignal("");
  const chosen = useSignal<string | null>(null);
  const found = entries.filter((entry) => entry.path.toLowerCase().includes(search.value.toLowerCase()));
  const entry = entries.find((one) => one.path === chosen.value && one.ref === null);
  return (
    <div class={entry === undefined ? "" : "files-with-preview artifact-files"}>
      <div>
        <input
          type="search"
          class="field"
          placeholder="Find a file"
          aria-label="Find a file"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <table class="documents-table">
          <tbody>
            {found.slice(0, MOST_ENTRIES).map((one) => (
              <tr key={one.path} class={one.path === chosen.value ? "chosen" : ""}>
                <th scope="row">
                  {one.ref === null ? (
                    <button type="button" class="text-button" onClick={() => (chosen.value = one.path)}>
                      {one.path}
                    </button>
                  ) : (
                    one.path
                  )}
                </th>
                <td class="number">{formatBytes(one.size_bytes)}</td>
                <td>{one.ref !== null ? <code>{one.ref}</code> : <Download path={path} name={one.path} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {found.length > MOST_ENTRIES && (
          <p class="soft">
            The first {formatCount(MOST_ENTRIES)} of {formatCount(found.length)} are shown; find others by their names.
          </p>
        )}
      </div>
      {entry !== undefined && (
        <Preview
          key={entry.path}
          name={entry.path}
          address={artifactFileAddress(path, entry.path)}
          sizeBytes={entry.size_bytes}
          close={() => (chosen.value = null)}
        />
      )}
    </div>
  );
}

function Download({ path, name }: { readonly path: ArtifactPath; readonly name: string }): JSX.Element {
  return (
    <a href={artifactFileAddress(path, name)} download={name.split("/").at(-1) ?? "file"}>
      Download
    </a>
  );
}

type ChangesProps = { readonly before: readonly ManifestEntry[]; readonly after: readonly ManifestEntry[]; readonly against: string };

function Changes({ before, after, against }: ChangesProps): JSX.Element {
  const changes = manifestChanges(before, after);
  if (changes.length === 0) {
    return <p class="soft">These versions have the same files.</p>;
  }
  return (
    <table class="documents-table">
      <thead>
        <tr>
          <th scope="col">{formatCount(changes.length)} differ</th>
          <th scope="col">How</th>
          <th scope="col" class="number">
            {against}
          </th>
          <th scope="col" class="number">
            here
          </th>
        </tr>
      </thead>
      <tbody>
        {changes.slice(0, MOST_ENTRIES).map(({ path, kind, beforeBytes, afterBytes }) => (
          <tr key={path}>
            <th scope="row">{path}</th>
            <td class={kind === "added" ? "diff-added" : kind === "removed" ? "diff-removed" : ""}>{kind}</td>
            <td class="number">{kind === "added" ? "" : formatBytes(beforeBytes)}</td>
            <td class="number">{kind === "removed" ? "" : formatBytes(afterBytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
