"""Artifacts from one service to another, through the verbs alone.

A version keeps its id, digest, metadata, tags, lineage and the time it was made; its number is the next one at the
target. All of it can be done again, and goes on where it was killed: what the target has of a version is found by its
id, and each content by its digest. Between two folders `store.merge` is faster.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Protocol

from msgspec import structs

from runlake.artifact_model import (
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionEdit,
    CollectionInfo,
    CollectionPath,
    ManifestEntry,
)
from runlake.errors import CorruptError, NotFoundError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.service.contract.artifacts import ArtifactVerbs

THREAD_COUNT = 4
"""So many contents are on their way at once."""

_ASKED_AT_ONCE = 10_000


def _as_it_is(run: RunPath) -> RunPath:
    return run


def _to_nobody(put_bytes: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class CopyRules:
    """What a copy does where the two sides differ.

    `moves_aliases`: an alias that another version of the target has goes to the one that is copied, as if that were
    logged again; else it stays where it is. `run_at` says where a run of the source is at the target. `keeps_user`: who
    made a version is said, as only an admin may. `told` hears of each content how many bytes were put, in any thread.
    """

    moves_aliases: bool = False
    keeps_user: bool = True
    run_at: Callable[[RunPath], RunPath] = _as_it_is
    told: Callable[[int], None] = _to_nobody


@dataclass(frozen=True, slots=True)
class Copied:
    """A version at the source and at the target, where it is DELETED if somebody deleted it there.

    `put_bytes` are those of contents that the target lacked. `users_left_out` used it, and are not at the target.
    """

    source: ArtifactInfo
    target: ArtifactInfo
    is_new: bool
    put_bytes: int = 0
    users_left_out: tuple[RunPath, ...] = ()


class Source(Protocol):
    """What is asked of the service that has a version."""

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]: ...

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO: ...


def copy_collection(
    source: ArtifactVerbs, path: CollectionPath, target: ArtifactVerbs, to: CollectionPath, rules: CopyRules
) -> Iterator[Copied]:
    """Copy all versions of a collection, the oldest first, with who used them; yields each when it is there.

    Of a portfolio the links: `NotFoundError` for one whose version is not at the target.
    """
    collection = source.read_collection(path)
    for version in reversed(source.list_artifacts(path)):
        if collection.kind == "portfolio":
            yield _copy_link(version, target, to, rules)
            continue
        copied = copy_artifact(source, version, target, to, rules)
        if copied.target.state == "COMMITTED":
            copied = replace(copied, users_left_out=tuple(_copy_users(source, copied, target, rules)))
        yield copied
    _describe(collection, target, to)


def copy_artifact(
    source: Source, version: ArtifactInfo, target: ArtifactVerbs, to: CollectionPath, rules: CopyRules
) -> Copied:
    """Copy one version of a sequence. Whoever has the same files at the target already is what is meant.

    `CorruptError` where bytes at the source are not those of its manifest.
    """
    there = find_by_id(target, version.artifact_id)
    if there is not None and there.state != "PENDING":
        if version.created_by is not None:  # that it made it may not be known there yet
            start = structs.replace(_start_of(version, rules), aliases=())
            there = target.begin_artifact(there.collection, start)
        return Copied(version, there, is_new=False)
    to = to if there is None else there.collection
    aliases = version.aliases if rules.moves_aliases else _free(version.aliases, target, to)
    begun = target.begin_artifact(to, structs.replace(_start_of(version, rules), aliases=aliases))
    if begun.state != "PENDING":
        return Copied(version, begun, is_new=False)
    at_home = ArtifactPath(version.entity, version.project, version.name, version.artifact_id)
    entries = source.read_manifest(at_home)
    draft = to.at(version.artifact_id)
    put = functools.partial(_put, source, at_home, target, draft, rules)
    put_bytes = _put_each(put, _missing(target, draft, entries))
    committed = target.commit_artifact(draft, [structs.replace(entry, sha256=None) for entry in entries])
    return Copied(version, committed, is_new=True, put_bytes=put_bytes)


def find_copy(target: ArtifactVerbs, version: ArtifactInfo, to: CollectionPath) -> ArtifactInfo | None:
    """The version at the target that a version is a copy of: by its id, or by the same files in the same collection."""
    found = find_by_id(target, version.artifact_id)
    if found is not None and found.state == "COMMITTED":
        return found
    try:
        listed = target.list_artifacts(to)
    except NotFoundError:
        return None
    return next((each for each in listed if each.digest and each.digest == version.digest), None)


def find_by_id(target: ArtifactVerbs, artifact_id: str) -> ArtifactInfo | None:
    """The version of an id, wherever it is; None where there is none, or no more."""
    try:
        return target.find_artifact(artifact_id)
    except NotFoundError:
        return None


def _start_of(version: ArtifactInfo, rules: CopyRules) -> ArtifactStart:
    """All but the aliases."""
    return ArtifactStart(
        type=version.type,
        digest=version.digest,
        artifact_id=version.artifact_id,
        description=version.description,
        metadata=version.metadata,
        tags=version.tags,
        run=None if version.created_by is None else rules.run_at(version.created_by),
        user=version.user if rules.keeps_user else None,
        created_at=version.created_at,
        ttl_s=version.ttl_s,
        history_step=version.history_step,
    )


def _free(aliases: Sequence[str], target: ArtifactVerbs, to: CollectionPath) -> tuple[str, ...]:
    """Those of the aliases that no version of the target has."""
    if not aliases:
        return ()
    try:
        taken = target.read_collection(to).aliases
    except NotFoundError:
        return tuple(aliases)
    return tuple(alias for alias in aliases if alias not in taken)


def _missing(target: ArtifactVerbs, draft: ArtifactPath, entries: Sequence[ManifestEntry]) -> Collection[ManifestEntry]:
    """The entries whose contents the target lacks, one for each content."""
    missing = {entry.digest: entry for entry in entries if entry.ref is None}
    digests = list(missing)
    for start in range(0, len(digests), _ASKED_AT_ONCE):
        for content in target.find_content(draft, digests[start : start + _ASKED_AT_ONCE]):
            missing.pop(content.digest, None)
    return missing.values()


def _put(
    source: Source,
    at_home: ArtifactPath,
    target: ArtifactVerbs,
    draft: ArtifactPath,
    rules: CopyRules,
    entry: ManifestEntry,
) -> int:
    with source.open_content(at_home, entry.path) as content:
        kept = target.put_content(draft, content)
    if kept.digest != entry.digest:
        raise CorruptError(
            f"the bytes of {entry.path!r} in artifact {at_home} have the MD5 {kept.digest}, and its manifest says "
            f"{entry.digest}; restore them from a backup, and see: runlake check"
        )
    rules.told(kept.size_bytes)
    return kept.size_bytes


def _put_each(put: Callable[[ManifestEntry], int], missing: Collection[ManifestEntry]) -> int:
    """Put several contents at once; answers how many bytes that were. The first that fails ends it."""
    if not missing:
        return 0
    pool = ThreadPoolExecutor(min(THREAD_COUNT, len(missing)), "runlake-copy")
    try:
        futures = [pool.submit(put, entry) for entry in missing]
        wait(futures, return_when=FIRST_EXCEPTION)
        return sum(future.result() for future in futures if future.done())
    finally:
        pool.shutdown(cancel_futures=True)


def _copy_link(version: ArtifactInfo, target: ArtifactVerbs, to: CollectionPath, rules: CopyRules) -> Copied:
    home = to if version.source is None else version.source.collection
    there = find_copy(target, version, home)
    if there is None:
        raise NotFoundError(f"artifact {version.source} is not at the target; copy {home} first")
    aliases = version.aliases if rules.moves_aliases else _free(version.aliases, target, to)
    linked = target.link_artifact(there.path, to, aliases)
    return Copied(version, linked, is_new=False)


def _copy_users(source: ArtifactVerbs, copied: Copied, target: ArtifactVerbs, rules: CopyRules) -> Iterator[RunPath]:
    """Note who used the version at the source; answers those runs that are not at the target."""
    for run in source.list_artifact_users(copied.source.path):
        try:
            target.use_artifact(copied.target.path, rules.run_at(run))
        except NotFoundError:
            yield run


def _describe(collection: CollectionInfo, target: ArtifactVerbs, to: CollectionPath) -> None:
    """What the target's collection does not say of itself yet, as it is at the source."""
    try:
        there = target.read_collection(to)
    except NotFoundError:
        return  # nothing was copied, or somebody called it otherwise meanwhile
    description = collection.description if there.description is None else None
    edit = CollectionEdit(description=description, add_tags=() if there.tags else collection.tags)
    if edit != CollectionEdit():
        target.edit_collection(to, edit)
