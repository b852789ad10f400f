"""A draft becomes the next version of its collection, or nothing does.

The manifest is written first, then its contents are looked for, then the ledger gets its entry. Whoever collects
contents reads the manifests after it has put aside what nobody named (`store.artifacts.garbage`): so either it sees
this manifest and puts them back, or they are found missing here, and nothing is committed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from runlake.artifact_model import ArtifactEdit, ArtifactInfo, ContentInfo, ManifestEntry, digest_of
from runlake.errors import BadValueError, NotFoundError, StoreError
from runlake.store.artifacts.collection import CollectionFolder
from runlake.store.artifacts.content import Contents
from runlake.store.artifacts.drafts import Draft, StartedDraft
from runlake.store.artifacts.fold import Committed, Edited, Version
from runlake.store.artifacts.manifest import complete_manifest, encode_manifest, missing_content

ReadManifest = Callable[[str], Sequence[ManifestEntry]]
"""(artifact id) → what the version is made of."""

_LOOKED_AT_COUNT = 20
"""In so many of the newest versions is looked for contents that a draft shares with them."""


def known_contents(
    collection: CollectionFolder,
    draft: Draft,
    digests: set[str],
    *,
    looked_at_count: int | None = _LOOKED_AT_COUNT,
    read_manifest: ReadManifest | None = None,
) -> dict[str, ContentInfo]:
    """Which of these digests the draft, or one of the newest versions of its collection, has a content of.

    With None for `looked_at_count` it is asked of all versions. `read_manifest` may know what was read before.
    """
    read_manifest = read_manifest or collection.read_manifest
    found = {content.digest: content for content in draft.received() if content.digest in digests}
    missing = digests - found.keys()
    for version in itertools.islice(collection.fold.live(), looked_at_count):
        if not missing or collection.fold.kind != "sequence":
            break
        try:
            manifest = read_manifest(version.artifact_id)
        except StoreError:
            continue  # `check` names it; what it had is put again
        for entry in manifest:
            if entry.digest in missing and entry.sha256 is not None:
                found[entry.digest] = ContentInfo(sha256=entry.sha256, digest=entry.digest, size_bytes=entry.size_bytes)
        missing -= found.keys()
    return found


def commit(
    collection: CollectionFolder, contents: Contents, draft: Draft, entries: Sequence[ManifestEntry], at: float
) -> ArtifactInfo:
    """Make the draft a version, and tell which. See `contract.artifacts.commit_artifact` for the errors."""
    done = collection.fold.by_id(draft.artifact_id)
    if done is None:
        try:
            done = _commit(collection, contents, draft, entries, at)
        except NotFoundError:
            done = collection.catch_up().by_id(draft.artifact_id)
            if done is None:
                raise
            # Another committed it meanwhile, and what it was made of is not a draft's any more.
    return collection.fold.describe(done)


def _commit(
    collection: CollectionFolder, contents: Contents, draft: Draft, entries: Sequence[ManifestEntry], at: float
) -> Version:
    began = draft.read()
    wanted = {entry.digest for entry in entries if entry.ref is None}
    known = known_contents(collection, draft, wanted) if wanted else {}
    # Who names the SHA-256 too has seen a manifest that had it, of any age.
    old = {entry.digest for entry in entries if entry.ref is None and entry.sha256 is not None} - known.keys()
    if old:
        known |= known_contents(collection, draft, old, looked_at_count=None)
    manifest = complete_manifest(entries, known)
    _check_digest(collection, began, manifest)
    collection.write_manifest(draft.artifact_id, encode_manifest(manifest))
    check_contents(contents, manifest)
    version = _append(collection, draft, _committed(draft, began, manifest, at))
    draft.end()
    return version


def _check_digest(collection: CollectionFolder, began: StartedDraft, manifest: Sequence[ManifestEntry]) -> None:
    """`BadValueError` for a manifest that is not of the digest with which the draft was begun: which version has it
    is told by that digest."""
    wanted = began.start.digest
    if wanted and (found := digest_of(manifest)) != wanted:
        raise BadValueError(
            f"artifact {collection.path} was begun with the digest {wanted}, and what it is to be made of has {found}; "
            "nothing was committed: begin it again with that digest, and commit again"
        )


def check_contents(contents: Contents, manifest: Sequence[ManifestEntry]) -> None:
    """`NotFoundError` when a content of a manifest is not in the store."""
    checked: dict[str, bool] = {}
    for entry in manifest:
        if entry.sha256 is not None and entry.sha256 not in checked:
            checked[entry.sha256] = contents.has(entry.sha256, entry.size_bytes)
    missing = [entry.path for entry in manifest if entry.sha256 is not None and not checked[entry.sha256]]
    if missing:
        raise missing_content(missing)


def _committed(draft: Draft, began: StartedDraft, manifest: Sequence[ManifestEntry], at: float) -> Committed:
    start = began.start
    return Committed(
        at=at,
        artifact_id=draft.artifact_id,
        digest=start.digest,
        size_bytes=sum(entry.size_bytes for entry in manifest),
        file_count=len(manifest),
        created_at=began.at,
        description=start.description,
        metadata=start.metadata,
        aliases=start.aliases,
        tags=start.tags,
        run=start.run,
        user=start.user,
        ttl_s=start.ttl_s,
        history_step=start.history_step,
    )


def _append(collection: CollectionFolder, draft: Draft, committed: Committed) -> Version:
    folder = collection.identity
    while True:
        fold = collection.catch_up()
        if collection.identity != folder:
            raise collection.is_gone()  # another has its name, and not the manifest
        done = fold.by_id(draft.artifact_id) or fold.by_digest(committed.digest)
        if done is None:
            if collection.decide(committed):
                return collection.found(draft.artifact_id)
        elif done.artifact_id == draft.artifact_id or give_again(collection, done, committed.aliases, committed.at):
            return done


def give_again(collection: CollectionFolder, version: Version, aliases: Sequence[str], at: float) -> bool:
    """Give a version the aliases with which it was logged once more; False when somebody else decided something."""
    missing = tuple(alias for alias in aliases if alias not in version.aliases)
    edited = Edited(at=at, artifact_id=version.artifact_id, edit=ArtifactEdit(add_aliases=missing))
    return not missing or collection.decide(edited)
