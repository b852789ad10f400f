"""From entries that were collected to a version in a store: begun, the bytes that are missing put, committed."""

from __future__ import annotations

from collections.abc import Sequence
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
from runlake.artifacts.entry import Entry
from runlake.artifacts.kept import KeptVersion
from runlake.artifacts.progress import progress_bar
from runlake.artifacts.side_by_side import side_by_side
from runlake.errors import CorruptError
from runlake.service.contract import Service
from runlake.store.artifacts.content import OwnedFile


def make_version(
    service: Service, path: CollectionPath, start: ArtifactStart, entries: Sequence[Entry], *, shows_progress: bool
) -> ArtifactInfo:
    """Make a version of these entries, or find the one that has the same. Who is cut off goes on with the same id."""
    described = described_entries(entries)
    begun = service.begin_artifact(path, structs.replace(start, digest=digest_of(described)))
    if begun.state != "PENDING":
        return begun
    draft = path.at(begun.artifact_id)
    put_missing(service, draft, entries, shows_progress=shows_progress)
    return service.commit_artifact(draft, described)


def described_entries(entries: Sequence[Entry]) -> list[ManifestEntry]:
    """The entries as a manifest has them; files whose content is not known yet are read."""
    side_by_side(Entry.content, [one for one in entries if one.local_path is not None and one.sha256 is None])
    return [entry.described() for entry in entries]


def put_missing(service: Service, draft: ArtifactPath, entries: Sequence[Entry], *, shows_progress: bool) -> None:
    """Put the bytes that neither the draft nor its collection has."""
    first_of = {entry.digest: entry for entry in reversed(entries) if entry.ref is None}
    found = {content.digest for content in service.find_content(draft, list(first_of))} if first_of else set()
    missing = [entry for digest, entry in first_of.items() if digest not in found]
    total_bytes = sum(entry.size for entry in missing)
    with progress_bar(f"{draft.name}: keeping", total_bytes, is_shown=shows_progress) as tell:

        def put(entry: Entry) -> None:
            _check_same(entry, _put(service, draft, entry))
            tell(entry.size)

        side_by_side(put, missing)


def _put(service: Service, draft: ArtifactPath, entry: Entry) -> ContentInfo:
    if entry.local_path is None:
        assert isinstance(entry.home, KeptVersion), "an entry without a file is of a version that is kept"
        with entry.home.open(entry) as content:
            return service.put_content(draft, content)
    file = Path(entry.local_path)
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
