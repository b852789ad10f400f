/** The artifacts of a project; behind the name of a collection its versions, and behind a version that one. */

import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { fetchCollections, type CollectionInfo } from "../../wire/artifacts";
import { formatAge, formatBytes, formatCount, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { CollectionView } from "./CollectionView";
import { VersionView } from "./VersionView";
import "../../style/run.css";
import "../../style/artifacts.css";

export type ArtifactsPageProps = {
  readonly path: { readonly entity: string; readonly project: string; readonly rest: readonly string[] };
  readonly version: ReadonlySignal<string>;
};

export function ArtifactsPage({ path, version }: ArtifactsPageProps): JSX.Element {
  const { entity, project } = path;
  const [name, of] = path.rest;
  if (name === undefined) {
    return <Collections path={path} version={version} />;
  }
  return of === undefined ? (
    <CollectionView key={name} path={{ entity, project, name }} version={version} />
  ) : (
    <VersionView key={`${name}:${of}`} path={{ entity, project, name, version: of }} />
  );
}

const EXAMPLE = `artifact = runlake.Artifact("digits", type="dataset")
artifact.add_dir("data/")
run.log_artifact(artifact)`;

function Collections({ path, version }: ArtifactsPageProps): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchCollections(path, ask), [path.entity, path.project], version.value);
  const search = useSignal("");
  const { value: collections, error } = loaded.value;
  if (collections === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (collections.length === 0) {
    return <Empty title="This project has no artifacts." code={EXAMPLE} />;
  }
  const words = search.value.toLowerCase();
  const found = collections.filter(({ name, type, tags }) => [name, type, ...tags].some((text) => text.toLowerCase().includes(words)));
  const types = [...new Set(found.map(({ type }) => type))].sort();
  return (
    <article class="artifacts" aria-label="Artifacts">
      <input
        type="search"
        class="field"
        placeholder="Find by name, type or tag"
        aria-label="Find by name, type or tag"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      {types.map((type) => (
        <section key={type} aria-label={type}>
          <h2>
            {type} <span class="soft">{formatCount(found.filter((one) => one.type === type).length)}</span>
          </h2>
          <table class="documents-table">
            <tbody>
              {found
                .filter((one) => one.type === type)
                .map((one) => (
                  <CollectionRow key={one.name} collection={one} />
                ))}
            </tbody>
          </table>
        </section>
      ))}
      {found.length === 0 && <p class="soft">Nothing has that.</p>}
    </article>
  );
}

function CollectionRow({ collection }: { readonly collection: CollectionInfo }): JSX.Element {
  const { entity, project, name } = collection;
  return (
    <tr>
      <th scope="row">
        <a href={formatHash([entity, project, "artifacts", name])}>{name}</a>
        {collection.kind === "portfolio" && <span class="soft"> (links)</span>}
      </th>
      <td class="number">
        {formatCount(collection.version_count)} {collection.version_count === 1 ? "version" : "versions"}
      </td>
      <td class="number">{formatBytes(collection.size_bytes)}</td>
      <td>
        {Object.keys(collection.aliases).map((alias) => (
          <a key={alias} class="tag" href={formatHash([entity, project, "artifacts", name, alias])}>
            {alias}
          </a>
        ))}
      </td>
      <td class="soft artifact-age" title={formatTime(collection.updated_at)}>
        {formatAge(collection.updated_at, Date.now() / 1000)}
      </td>
    </tr>
  );
}
