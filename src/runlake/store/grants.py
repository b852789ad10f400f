"""Grants that were given lately: an opening that is asked for once more gets the same grant in every worker.

`Grants` is what must be kept of them, `GrantFiles` keeps it in a folder. Derived: where it is gone, asking again opens
a second writer, which nobody will write to.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from runlake.model import RunPath
from runlake.store import disk

_KEPT_S = 3600.0
_MODE = 0o600


class KeptGrant(Protocol):
    """What was granted to one opening."""

    content: bytes
    """What `keep` kept last: empty when nothing was, and the beginning of it when a worker was killed at it."""

    def keep(self, content: bytes) -> None:
        """Remember a grant, as far as that is possible."""
        ...


class Grants(Protocol):
    """The grants of a store."""

    def hold(self, path: RunPath, token: str) -> AbstractContextManager[KeptGrant]:
        """Alone with one opening, wherever in this store it is asked for.

        Of a request and its retry in two workers, one opens the run and the other waits for what it was granted.
        """
        ...


class GrantFile:
    """The grant of one opening in a file, which is its lock too."""

    def __init__(self, file: Path | None, content: bytes) -> None:
        self._file, self.content = file, content

    def keep(self, content: bytes) -> None:
        self.content = content
        if self._file is not None:
            with suppress(OSError):
                disk.overwrite(self._file, content, mode=_MODE)


class GrantFiles:
    """The grants of a store, in a folder beside its catalog."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, path: RunPath, token: str) -> Iterator[GrantFile]:
        file = self._file_of(path, token)
        try:
            disk.make_folder(self._folder)
            self._remove_old()
            fd = disk.open_to_change(file, mode=_MODE)
        except OSError:  # a folder that cannot be written: the run will say so, or nothing is remembered
            yield GrantFile(None, b"")
            return
        try:
            with suppress(OSError):  # a file system that knows no locks
                disk.wait_for_lock(fd, file)
            yield GrantFile(file, os.read(fd, 1 << 30))
        finally:
            os.close(fd)

    def _file_of(self, path: RunPath, token: str) -> Path:
        name = hashlib.sha256("\0".join((*path, token)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / name

    def _remove_old(self) -> None:
        oldest_s = time.time() - _KEPT_S
        with os.scandir(self._folder) as files:
            for file in files:
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest_s:
                        disk.remove(Path(file))
