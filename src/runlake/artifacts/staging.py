"""Copies of what is added to an artifact, made and digested in one pass, until it is kept.

They lie in the folder of the active run, on the disk on which they are to stay, under names that mark them as
temporary: the store takes them by renaming.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from runlake.artifact_model import ContentInfo
from runlake.artifacts.copying import share_blocks
from runlake.artifacts.known_digests import KnownDigests
from runlake.store.artifacts.content import PIECE_BYTES, ContentDigests, digest_stream
from runlake.store.disk import TEMPORARY_PREFIX, create_stream, discard


class Staging:
    """Places for copies below `folder`, or in a folder of their own where that is None; `OSError` for none."""

    def __init__(self, folder: Path | None) -> None:
        self._pid = os.getpid()
        self._files: set[Path] = set()
        self._own_folder = None if folder is not None else Path(tempfile.mkdtemp(prefix="runlake-artifact-"))
        self._folder = folder or self._own_folder

    def place(self) -> Path:
        """A place that is free."""
        assert self._folder is not None
        file = self._folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{os.urandom(8).hex()}"
        self._files.add(file)
        return file

    def copy(self, source: str, known: KnownDigests) -> tuple[Path, ContentInfo]:
        """A copy of a file, and what it holds, which is noted. A disk that is full leaves nothing of it."""
        place = self.place()
        try:
            return place, _copy_with_digests(source, place, known)
        except BaseException:
            discard(place)
            raise

    def clear(self) -> None:
        """Remove what is still there, but for a forked child: the copies are its parent's."""
        if os.getpid() != self._pid:
            return
        for file in self._files:
            discard(file)
        if self._own_folder is not None:
            try:
                self._own_folder.rmdir()
            except OSError:
                pass  # somebody looked into it, and left something there


def _copy_with_digests(source: str, target: Path, known: KnownDigests) -> ContentInfo:
    with open(source, "rb") as content, create_stream(target) as copy:  # noqa: PTH123
        state = known.settled(source, content.fileno())
        info = digest_file(target) if share_blocks(content, copy) else _copy_pieces(content, copy)
    known.note(state, info)
    return info


def _copy_pieces(content: BinaryIO, copy: BinaryIO) -> ContentInfo:
    digests = ContentDigests()
    try:
        while piece := content.read(PIECE_BYTES):
            digests.update(piece)
            copy.write(piece)
        return digests.info()
    finally:
        digests.close()


def digest_file(file: str | Path, known: KnownDigests | None = None) -> ContentInfo:
    """What a file holds; it is not read where that is known, and what was read is noted."""
    if known is not None:
        found = known.find(str(file), os.lstat(file))
        if found is not None:
            return found
    with open(file, "rb") as content:  # noqa: PTH123
        state = None if known is None else known.settled(str(file), content.fileno())
        info = digest_stream(content)
    if known is not None:
        known.note(state, info)
    return info
