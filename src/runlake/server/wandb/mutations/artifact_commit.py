"""``commitArtifact``: the manifests that were uploaded for a draft are put together, and it becomes a version.

An uploaded manifest names bytes by their MD5, and says with which version they came. Which bytes those are is looked
up with the draft, with the newest versions of its collection, and in the manifests of the versions that are named,
as far as they are of this collection and whoever asks may read them: a digest by itself opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from runlake.artifact_model import ArtifactInfo, ArtifactPath, ManifestEntry, digest_of
from runlake.errors import BadValueError, NotFoundError, TooLargeError
from runlake.server.wandb.artifact_manifest import MAX_MANIFEST_BYTES, ReadEntry, UploadedManifest, read_manifest
from runlake.server.wandb.context import RequestContext
from runlake.server.wandb.ids import artifact_id_of, artifact_node_id
from runlake.server.wandb.mutations.artifact_begin import start_of

Chosen = tuple[UploadedManifest, ManifestEntry]
"""A manifest that was uploaded, and where its bytes are."""

_MAX_BIRTHS = 1_000
"""In the manifests of so many versions is looked for what a manifest took from them."""


def commit_artifact(context: RequestContext, artifact_id: str) -> ArtifactInfo:
    """The version that a draft becomes, or became before, or that has the same content."""
    service = context.service
    draft = service.find_artifact(artifact_id)
    context.require_write(draft.path)
    if draft.state != "PENDING":
        return draft
    path = draft.collection.at(draft.artifact_id)
    chosen = _chosen_manifests(context, path)
    entries = _put_together(context, path, chosen)
    digest = digest_of(entry.entry for entry in entries.values())
    if digest != draft.digest and not (draft.digest and _is_whole(chosen)):
        # It adds to a version, or came in parts: what the client called it was the digest of what it sent.
        begun = service.begin_artifact(draft.collection, start_of(draft, digest))
        if begun.state != "PENDING":
            return begun
    return service.commit_artifact(path, _with_contents(context, path, entries.values()))


def _chosen_manifests(context: RequestContext, draft: ArtifactPath) -> list[Chosen]:
    """The last manifest that is whole or adds to a version, and all parts, in the order in which they were begun."""
    named = ((UploadedManifest.named(entry.path), entry) for entry in context.service.read_manifest(draft))
    found = [(manifest, entry) for manifest, entry in named if manifest is not None]
    if not found:
        raise BadValueError(f"artifact {draft} has no manifest; upload one, and commit again")
    last = next((one for one in reversed(found) if one[0].type != "PATCH"), None)
    return [one for one in found if one[0].type == "PATCH" or one is last]


def _is_whole(chosen: Sequence[Chosen]) -> bool:
    """Whether all of it came in one manifest, whose digest the client has computed before."""
    return [manifest.type for manifest, _ in chosen] == ["FULL"]


def _put_together(context: RequestContext, draft: ArtifactPath, chosen: Sequence[Chosen]) -> dict[str, ReadEntry]:
    """All entries by their names; a later manifest counts where two have one name."""
    entries: dict[str, ReadEntry] = {}
    for manifest, _ in chosen:
        if manifest.type == "INCREMENTAL" and manifest.base:
            base = _read_version(context, draft, manifest.base)
            if base is None:
                raise NotFoundError(f"the version that {draft} adds to is not there any more; log all of its files")
            entries.update((entry.path, ReadEntry(entry, None)) for entry in base)
    for _, entry in chosen:
        entries.update(_read_uploaded(context, draft, entry))
    return entries


def _read_uploaded(context: RequestContext, draft: ArtifactPath, entry: ManifestEntry) -> dict[str, ReadEntry]:
    if entry.size_bytes > MAX_MANIFEST_BYTES:
        raise TooLargeError(f"the manifest has {entry.size_bytes:,} bytes, and {MAX_MANIFEST_BYTES:,} are allowed")
    with context.service.open_content(draft, entry.path) as content:
        return read_manifest(content.read())


def _with_contents(context: RequestContext, draft: ArtifactPath, entries: Iterable[ReadEntry]) -> list[ManifestEntry]:
    """The entries, with the contents of those that came with an older version."""
    here = artifact_node_id(draft.version)
    births: dict[str, set[str]] = {}
    made = []
    for entry, birth in entries:
        made.append(entry)
        if birth is not None and birth != here and entry.ref is None and entry.sha256 is None:
            births.setdefault(birth, set()).add(entry.digest)
    if not births:
        return made
    known = {one.digest for one in context.service.find_content(draft, sorted(set().union(*births.values())))}
    contents: dict[str, ManifestEntry] = {}
    for birth, digests in list(births.items())[:_MAX_BIRTHS]:
        if digests - known:
            for entry in _read_version(context, draft, birth) or ():
                if entry.digest in digests and entry.sha256 is not None:
                    contents[entry.digest] = entry
    return [_with_content(entry, contents.get(entry.digest)) for entry in made]


def _with_content(entry: ManifestEntry, known: ManifestEntry | None) -> ManifestEntry:
    if known is None or entry.ref is not None or entry.sha256 is not None:
        return entry
    return structs.replace(entry, sha256=known.sha256, size_bytes=known.size_bytes)


def _read_version(context: RequestContext, draft: ArtifactPath, node_id: str) -> list[ManifestEntry] | None:
    """What a committed version of the draft's collection is made of; None for any other `id`."""
    try:
        version = context.service.find_artifact(artifact_id_of(node_id))
        if version.state != "COMMITTED" or version.collection != draft.collection:
            return None
        return context.service.read_manifest(version.path)
    except (NotFoundError, BadValueError):
        return None
