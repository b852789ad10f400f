"""The bytes of another store's artifacts into this one.

What the other store says of its bytes is proven: both digests are computed before anything here is called by them, for
whoever logs the real bytes later is told that they are here. On one disk they get a second name instead of a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runlake.artifact_model import ContentInfo, ManifestEntry
from runlake.errors import CorruptError, StoreError
from runlake.store.artifacts.content import ContentStore, digest_stream
from runlake.store.disk import discard, make_folder
from runlake.store.layout import Layout
from runlake.store.plain_open import open_plain


class MergedContents:
    """Which contents of the other store are here and proven; each is read once in a merge."""

    def __init__(self, layout: Layout, other: Layout) -> None:
        self._root = other.root
        self._folder = layout.content_dir
        self._ours, self._theirs = ContentStore(layout), ContentStore(other)
        self._proven: dict[str, ContentInfo] = {}

    def missing_bytes(self, manifest: Sequence[ManifestEntry]) -> int:
        """How many bytes of a manifest are not here."""
        wanted = {entry.sha256: entry.size_bytes for entry in manifest if entry.sha256 is not None}
        return sum(size_bytes for sha256, size_bytes in wanted.items() if not self._ours.has(sha256, size_bytes))

    def bring(self, manifest: Sequence[ManifestEntry]) -> None:
        """Have all contents of a manifest here. `CorruptError` for one that is not what the manifest says.

        `StoreError` for one that is gone there.
        """
        for entry in manifest:
            if entry.sha256 is None:
                continue
            info = self._proven.get(entry.sha256)
            if info is None or not self._ours.refresh(entry.sha256, entry.size_bytes):
                info = self._bring(entry.sha256, entry.size_bytes)
                self._proven[entry.sha256] = info
            said = ContentInfo(sha256=entry.sha256, digest=entry.digest, size_bytes=entry.size_bytes)
            if info != said:
                raise CorruptError(
                    f"{self._theirs.place_of(entry.sha256)} is not what the manifest with {entry.path!r} says of it; "
                    f"restore it, and see: runlake --dir {self._root} check"
                )

    def _bring(self, sha256: str, size_bytes: int) -> ContentInfo:
        place = self._ours.place_of(sha256)
        if self._ours.refresh(sha256, size_bytes):
            with place.open("rb") as content:
                return digest_stream(content)
        source = self._theirs.place_of(sha256)
        make_folder(self._folder)
        try:
            with open_plain(self._root, source) as content:
                if not _may_share(source, self._folder):
                    return self._ours.put(content)
                info = digest_stream(content)
        except FileNotFoundError:
            raise StoreError(f"{source} is gone; see: runlake --dir {self._root} check") from None
        if info.sha256 == sha256:
            self._link(sha256, info)
        return info

    def _link(self, sha256: str, info: ContentInfo) -> None:
        temporary = self._ours.temporary()
        try:
            self._theirs.link(sha256, temporary)
            self._ours.settle(temporary, info)
        finally:
            discard(temporary)


def _may_share(source: Path, folder: Path) -> bool:
    """Whether a file may be in both stores: on one disk, and nobody but who owns ours can change it."""
    theirs, ours = source.stat(), folder.stat()
    is_ours_alone = theirs.st_uid == ours.st_uid and not theirs.st_mode & 0o022
    return theirs.st_dev == ours.st_dev and is_ours_alone
