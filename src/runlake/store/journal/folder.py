"""A journal as files of one folder.

A lock says that the writer of a part lives, where there are locks; it stops nobody.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from pathlib import Path

from runlake.store.disk import discard
from runlake.store.journal.journal import SERVED_SUFFIX, Part, PartName
from runlake.store.layout import folder_identity

try:
    import fcntl
except ImportError:  # Windows: readers fall back on the time of the last write
    fcntl = None  # type: ignore[assignment]

_LOCK_ATTEMPTS = 100
_LIST_ATTEMPTS = 10


class FolderPart:
    """A part as a file. The lock on it says that its writer lives, and stops nobody."""

    def __init__(self, file: Path) -> None:
        # O_EXCL: a second process that came to the same name must fail, not share the file.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.fd = os.open(file, flags, 0o644)
        self.write = functools.partial(os.write, self.fd)
        if fcntl is not None:
            for _ in range(_LOCK_ATTEMPTS):
                try:
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.001)  # a reader is trying the lock at this moment, and lets go of it at once
                except OSError:
                    break  # a network file system without locks: readers go by the time of the last write

    def size_bytes(self) -> int:
        return os.fstat(self.fd).st_size

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self.fd, size_bytes)

    def close(self) -> None:
        os.close(self.fd)


class FolderJournal:
    """The parts of one run as files of one folder.

    Parts are claimed in the folder that was there at `bind`, or at the first claim: when the run was deleted since,
    claiming fails, and another run that took its id gets no parts of strangers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._identity: tuple[int, int] | None = None
        self._names: set[PartName] = set()

    def bind(self) -> None:
        """Stay with the folder that is there now. FileNotFoundError when there is none."""
        self._identity = folder_identity(self.folder)
        self._names = {name for name, _ in self.list_parts()}

    def is_here(self) -> bool:
        """Whether the folder is still the one of `bind`."""
        try:
            if folder_identity(self.folder) == self._identity:
                return True
        except FileNotFoundError:
            return False
        # Some file systems number folders anew now and then; names of parts never come again.
        return not self._names.isdisjoint(name for name, _ in self.list_parts())

    def claim(self, name: PartName) -> Part:
        if self._identity is not None:
            self._check_is_here()
        part = FolderPart(self.folder / str(name))
        try:
            if self._identity is None:
                self.bind()
            self._check_is_here()
        except BaseException:
            part.close()
            discard(self.folder / str(name))
            raise
        self._names.add(name)
        return part

    def _check_is_here(self) -> None:
        if not self.is_here():
            raise FileNotFoundError(errno.ENOENT, "the run was deleted or moved", str(self.folder))

    def list_parts(self) -> list[tuple[PartName, int]]:
        for _ in range(_LIST_ATTEMPTS):
            found, is_whole = [], True
            try:
                with os.scandir(self.folder) as entries:
                    for entry in entries:
                        name = PartName.parse(entry.name)
                        if name is not None:
                            try:
                                found.append((name, entry.stat().st_size))
                            except FileNotFoundError:
                                is_whole = False  # dropped since it was listed, or the whole folder is moved away
            except FileNotFoundError:
                return []
            if is_whole:
                break
        return sorted(found)

    def read(self, name: PartName, offset: int = 0, limit: int | None = None) -> bytes:
        with (self.folder / str(name)).open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(-1 if limit is None else limit)

    def is_held(self, name: PartName) -> bool | None:
        if fcntl is None or (self.folder / f"{name.writer}{SERVED_SUFFIX}").exists():
            return None
        try:
            fd = os.open(self.folder / str(name), os.O_RDONLY)
        except OSError:
            return None
        try:
            # A shared lock of ours is refused exactly while the writer holds its exclusive one.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        except OSError:
            return None
        finally:
            os.close(fd)

    def last_write_at(self, name: PartName) -> float:
        written_at = (self.folder / str(name)).stat().st_mtime
        try:
            return max(written_at, (self.folder / f"{name.writer}{SERVED_SUFFIX}").stat().st_mtime)
        except FileNotFoundError:
            return written_at

    def sync(self, name: PartName) -> None:
        with (self.folder / str(name)).open("r+b", buffering=0) as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        if os.name == "posix":
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # a new file's name is in the folder
            finally:
                os.close(folder)

    def drop(self, name: PartName) -> None:
        (self.folder / str(name)).unlink(missing_ok=True)
