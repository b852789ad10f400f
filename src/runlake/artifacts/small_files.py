"""Small files on their way from a store to a folder: read as a whole, written with four calls of the system each."""

from __future__ import annotations

import errno
import os
from itertools import count
from typing import BinaryIO

from runlake.artifacts.copying import path_on_this_machine
from runlake.artifacts.entry import Entry

SMALL_BYTES = 1 << 20
"""A file of this size or less is held in memory while it is compared."""

_BINARY = getattr(os, "O_BINARY", 0)


class ContentsBeside:
    """The contents of a folder store, by their digests, as soon as one of them was opened: the others lie beside it.

    The store is asked once for all, and not for each file what it knows of the version.
    """

    def __init__(self) -> None:
        self._folder: str | None = None

    def learn(self, opened: BinaryIO, entry: Entry) -> None:
        """Look where a content lies that the store has opened."""
        place = path_on_this_machine(opened)
        if place is not None and entry.sha256 is not None and place.name == entry.sha256:
            self._folder = str(place.parent.parent)

    def read(self, entry: Entry) -> bytes | None:
        """The first bytes of a content, one more than a small file has; None where it is the store that must be asked.

        What was put aside is brought back by the store, and what is gone it names.
        """
        sha256 = entry.sha256
        if self._folder is None or sha256 is None:
            return None
        try:
            fd = os.open(f"{self._folder}/{sha256[:2]}/{sha256}", os.O_RDONLY | _BINARY)
        except OSError:
            return None
        try:
            return os.read(fd, SMALL_BYTES + 1)
        except OSError:
            return None
        finally:
            os.close(fd)


class Drafts:
    """Names for what is not whole yet, beside what it is to be. Threads may share it."""

    def __init__(self) -> None:
        self._token, self._number = os.urandom(4).hex(), count()

    def beside(self, target: str) -> str:
        """One that nobody has."""
        folder, name = os.path.split(target)
        return os.path.join(folder, f".{name[:60]}.{self._token}{next(self._number):x}.part")  # noqa: PTH118

    def write(self, content: bytes, target: str) -> None:
        """Let a file have this content, in one step; where that fails nothing is left of it."""
        draft = self.beside(target)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            try:
                _write_whole(fd, content, draft)
            finally:
                os.close(fd)
            os.replace(draft, target)  # noqa: PTH105
        except BaseException:
            os.unlink(draft)  # noqa: PTH108
            raise


def _write_whole(fd: int, content: bytes, draft: str) -> None:
    written = os.write(fd, content)
    while written < len(content):
        more = os.write(fd, content[written:])
        if not more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), draft)
        written += more
