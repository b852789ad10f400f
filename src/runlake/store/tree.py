"""Small files in folders, wherever they are kept: views, sweeps, what is decided of artifacts.

`Tree` is what can be asked, `DiskTree` the file system. Places are paths as `store.layout` makes them; what stands for
them is the tree's own affair. Whole files are read and written; what was written is there when the call returns.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from runlake.store import disk

TAKEN_ERRNOS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
"""What a move onto a folder that is there is told."""


class Tree(Protocol):
    """Files and folders. Any number of processes read and change them at once.

    OSError where nothing can be written; where a folder is gone, whatever is to be in it is FileNotFoundError.
    """

    def read(self, file: Path) -> bytes:
        """A whole file, as somebody wrote it. FileNotFoundError when there is none."""
        ...

    def create_once(self, file: Path, content: str) -> bool:
        """Make a file with its content; False when there is one. Of several who try, exactly one is told True."""
        ...

    def replace(self, file: Path, content: bytes) -> None:
        """Make a file, or put another in its place: readers see the old one or the new one."""
        ...

    def append_line(self, file: Path, line: bytes) -> None:
        """Add a line to a file, which is made when it is missing. A line that was cut off damages no other."""
        ...

    def remove(self, file: Path) -> None:
        """Remove a file; that it is gone already is fine."""
        ...

    def list_names(self, folder: Path) -> list[str]:
        """What a folder holds, in no order; empty when there is none."""
        ...

    def list_folders(self, folder: Path) -> list[str]:
        """The folders in a folder, in no order, but those whose name begins with a dot."""
        ...

    def version_of(self, file: Path) -> Hashable | None:
        """Another value whenever the file is another; None when there is none."""
        ...

    def size_bytes(self, file: Path) -> int | None:
        """None when there is no such file."""
        ...

    def written_at(self, place: Path) -> float:
        """When a file or what is in a folder changed last, in seconds since 1970. FileNotFoundError without it."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; ones that are there are left as they are."""
        ...

    def make_subfolder(self, folder: Path) -> None:
        """Make a folder in one that is there, unless it is there."""
        ...

    def has_folder(self, folder: Path) -> bool:
        """Whether there is such a folder."""
        ...

    def identity(self, folder: Path) -> tuple[int, int]:
        """Which folder this is, whatever it is called. FileNotFoundError when it is gone."""
        ...

    def move(self, folder: Path, target: Path) -> None:
        """Give a folder, and all that is in it, another place in one step.

        FileNotFoundError when it is gone, one of `TAKEN_ERRNOS` when there is something at `target`.
        """
        ...


class DiskTree:
    """Files and folders as they are on the disk."""

    def read(self, file: Path) -> bytes:
        return disk.read_whole(file)

    def create_once(self, file: Path, content: str) -> bool:
        return disk.create_once(file, content)

    def replace(self, file: Path, content: bytes) -> None:
        disk.replace_file(file, content)

    def append_line(self, file: Path, line: bytes) -> None:
        try:
            fd = disk.open_to_append(file)
        except FileNotFoundError:
            fd = _create_or_open(file)
        try:
            # Between two line ends: what follows a line that was cut off is whole.
            content = b"\n" + line + b"\n"
            if disk.writer_to(fd, file)(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        finally:
            os.close(fd)

    def remove(self, file: Path) -> None:
        disk.remove(file)

    def list_names(self, folder: Path) -> list[str]:
        return disk.list_names(folder)

    def list_folders(self, folder: Path) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def version_of(self, file: Path) -> Hashable | None:
        try:
            status = file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def size_bytes(self, file: Path) -> int | None:
        try:
            return file.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def written_at(self, place: Path) -> float:
        return place.stat().st_mtime

    def make_folder(self, folder: Path) -> None:
        disk.make_folder(folder)

    def make_subfolder(self, folder: Path) -> None:
        disk.make_subfolder(folder)

    def has_folder(self, folder: Path) -> bool:
        return folder.is_dir()

    def identity(self, folder: Path) -> tuple[int, int]:
        status = folder.stat()
        return status.st_dev, status.st_ino

    def move(self, folder: Path, target: Path) -> None:
        disk.move(folder, target)


def _create_or_open(file: Path) -> int:
    try:
        return disk.create_to_append(file)
    except FileExistsError:
        return disk.open_to_append(file)


DISK_TREE = DiskTree()
