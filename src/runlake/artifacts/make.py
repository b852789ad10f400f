"""From entries that were collected to a version in a store: begun, the bytes that are missing put, committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import structs

from runlake.artifact_model import (
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionPath,
    ContentInfo,
    ManifestEntry,
    digest_of,
)
from runlake.artifacts.copying import copy_content
from runlake.artifacts.entry import Entry
from runlake.artifacts.kept import KeptVersion
from runlake.artifacts.progress import progress_bar
from runlake.artifacts.side_by_side import NETWORK_THREAD_COUNT, side_by_side, threads_for
from runlake.artifacts.staging import Staging
from runlake.errors import CorruptError, NotFoundError
from runlake.service.contract import Service
from runlake.store.artifacts.content import OwnedFile
from runlake.store.disk import discard

_COPIED_FROM_BYTES = 1 << 20


def make_version(
    service: Service,
    path: CollectionPath,
    start: ArtifactStart,
    entries: Sequence[Entry],
    *,
    shows_progress: bool,
    staging: Callable[[], Staging] | None = None,
) -> ArtifactInfo:
    """Make a version of these entries, or find the one that has the same. Who is cut off goes on with the same id.

    `staging` has places for copies on the disk of the store: large files that stay where they are come by them there.
    """
    described = described_entries(entries)
    begun = service.begin_artifact(path, structs.replace(start, digest=digest_of(described)))
    if begun.state != "PENDING":
        return begun
    draft = path.at(begun.artifact_id)
    put_missing(service, draft, entries, shows_progress=shows_progress, staging=staging)
    return service.commit_artifact(draft, described)


def described_entries(entries: Sequence[Entry]) -> list[ManifestEntry]:
    """The entries as a manifest has them; files whose content is not known yet are read, and it is noted."""
    unread = [one for one in entries if one.local_path is not None and one.sha256 is None]
    side_by_side(Entry.content, unread, count=threads_for(sum(one.size for one in unread), len(unread)))
    for known in {entry.known for entry in entries}:
        if known is not None:
            known.save()
    return [entry.described() for entry in entries]


def put_missing(
    service: Service,
    draft: ArtifactPath,
    entries: Sequence[Entry],
    *,
    shows_progress: bool,
    staging: Callable[[], Staging] | None = None,
) -> None:
    """Put the bytes that neither the draft nor its collection has."""
    is_here = service.url.startswith("file:")
    first_of = {entry.digest: entry for entry in reversed(entries) if entry.ref is None}
    found = {content.digest for content in service.find_content(draft, list(first_of))} if first_of else set()
    missing = [entry for digest, entry in first_of.items() if digest not in found]
    total_bytes = sum(entry.size for entry in missing)
    with progress_bar(f"{draft.name}: keeping", total_bytes, is_shown=shows_progress) as tell:

        def put(entry: Entry) -> None:
            if is_here and staging is not None and _is_large_and_of_others(entry):
                put_content = _put_copy(service, draft, entry, staging())
            else:
                put_content = _put(service, draft, entry)
            _check_same(entry, put_content)
            tell(entry.size)

        count = threads_for(total_bytes, len(missing)) if is_here else NETWORK_THREAD_COUNT
        side_by_side(put, missing, count=count)


def _is_large_and_of_others(entry: Entry) -> bool:
    return entry.local_path is not None and not entry.is_owned and entry.size >= _COPIED_FROM_BYTES


def _put_copy(service: Service, draft: ArtifactPath, entry: Entry, staging: Staging) -> ContentInfo:
    """Have the kernel copy a file that stays where it is, and give the copy away: it is not digested again."""
    place = staging.place()
    try:
        with Path(entry.local_path or "").open("rb") as content, place.open("xb") as copy:
            copy_content(content, copy)
        if not entry.is_unchanged():
            return _put(service, draft, entry)  # which says what it has become
        with OwnedFile(place, entry.content()) as owned:
            return service.put_content(draft, owned)
    finally:
        discard(place)


def _put(service: Service, draft: ArtifactPath, entry: Entry) -> ContentInfo:
    if entry.local_path is None:
        assert isinstance(entry.home, KeptVersion), "an entry without a file is of a version that is kept"
        try:
            with entry.home.open(entry) as content:
                return service.put_content(draft, content)
        except (NotFoundError, CorruptError):
            if entry.same_at is None:
                raise
    file = Path(entry.local_path or entry.same_at or "")
    if not entry.is_owned:
        with file.open("rb") as content:
            return service.put_content(draft, content)
    with OwnedFile(file, entry.content()) as owned:
        return service.put_content(draft, owned)


def _check_same(entry: Entry, content: ContentInfo) -> None:
    if content.digest != entry.digest:
        raise CorruptError(
            f"the file {entry.path!r} was changed while it was kept (MD5 {entry.digest}, then {content.digest}); add "
            "it with policy='mutable', which copies it, or log the artifact when nobody writes into its files"
        )
