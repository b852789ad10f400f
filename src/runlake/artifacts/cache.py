"""Bytes that came over HTTP, kept on this machine under their SHA-256, so that they come once.

Processes may share it. What was used least recently goes first when it is larger than it may be. What is on its way
lies beside it, and who fetches the same content later goes on with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from runlake.artifacts.entry import Entry
from runlake.errors import CorruptError
from runlake.md5 import md5_text, new_md5
from runlake.store.disk import discard, make_folder, only_one, put_in_place, touch

_PIECE_BYTES = 1 << 20


class ContentCache:
    """A folder of contents, of `limit_bytes` at most."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes

    def fetch(self, entry: Entry, open_content: Callable[[], BinaryIO], tell: Callable[[int], None]) -> Path | None:
        """Where the content of an entry lies in the cache, fetched if need be; None where it finds no room there."""
        sha256 = entry.sha256
        if sha256 is None or entry.size > self._limit_bytes:
            return None
        place = self._folder / "content" / sha256[:2] / sha256
        partial = self._folder / "partial" / sha256
        try:
            make_folder(partial.parent)
            with only_one(partial.with_suffix(".lock"), is_waiting=True):
                if _is_whole(place, entry):
                    touch(place)
                    return place
                make_folder(place.parent)
                _go_on(partial, entry, open_content, tell)
                put_in_place(partial, place)
                return place
        except OSError:
            return None  # a disk that is full, or not ours to write: the file comes without the cache

    def drop(self, place: Path) -> None:
        """Forget a content that is not what it was."""
        discard(place)

    def trim(self) -> None:
        """Remove what was used least recently until the rest is small enough."""
        found = []
        for file in self._folder.rglob("*"):
            try:
                status = file.stat()
            except OSError:
                continue
            if file.is_file():
                found.append((status.st_mtime_ns, status.st_size, file))
        total_bytes = sum(size_bytes for _, size_bytes, _ in found)
        for _, size_bytes, file in sorted(found):
            if total_bytes <= self._limit_bytes:
                break
            discard(file)
            total_bytes -= size_bytes


def _is_whole(place: Path, entry: Entry) -> bool:
    try:
        return place.stat().st_size == entry.size
    except FileNotFoundError:
        return False


def _go_on(partial: Path, entry: Entry, open_content: Callable[[], BinaryIO], tell: Callable[[int], None]) -> None:
    """Fetch what is missing of a content. `CorruptError` for bytes that are not those that were logged."""
    digest = hashlib.sha256()
    with partial.open("a+b") as copy:
        copy.seek(0)
        while piece := copy.read(_PIECE_BYTES):
            digest.update(piece)
            tell(len(piece))
        place = copy.tell()
        if place > entry.size:
            copy.truncate(0)
            place, digest = 0, hashlib.sha256()
        if place < entry.size or not entry.size:
            with open_content() as content:
                if place:
                    content.seek(place)
                while piece := content.read(_PIECE_BYTES):
                    digest.update(piece)
                    copy.write(piece)
                    tell(len(piece))
    if digest.hexdigest() != entry.sha256:
        discard(partial)
        raise CorruptError(f"what came has the SHA-256 {digest.hexdigest()}, and not {entry.sha256}")


def default_cache(folder: Path, limit_bytes: int) -> ContentCache | None:
    """The cache in the user's folder of caches; None where it may hold nothing."""
    return ContentCache(folder / "runlake" / "artifacts", limit_bytes) if limit_bytes > 0 else None


def is_same_content(file: Path, entry: Entry) -> bool:
    """Whether a file holds what an entry says."""
    try:
        if file.stat().st_size != entry.size:
            return False
        with file.open("rb") as content:
            return _is_digest(hashlib.file_digest(content, partial(_new_digest, entry)), entry)
    except (FileNotFoundError, IsADirectoryError):
        return False


def holds_content(content: bytes, entry: Entry) -> bool:
    """Whether these bytes are what an entry says."""
    digest = _new_digest(entry)
    digest.update(content)
    return len(content) == entry.size and _is_digest(digest, entry)


def _new_digest(entry: Entry) -> Any:
    return new_md5() if entry.sha256 is None else hashlib.sha256()


def _is_digest(digest: Any, entry: Entry) -> bool:
    if entry.sha256 is not None:
        return bool(digest.hexdigest() == entry.sha256)
    return md5_text(digest) == entry.digest
