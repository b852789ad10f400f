"""A journal as files of one folder; `store.journal.journal` says what each method does.

A lock says that the writer of a part lives, where there are locks; it stops nobody.
"""

from __future__ import annotations

import errno
from pathlib import Path

from runlake.model import RunPath
from runlake.store import disk
from runlake.store.journal.journal import PART_SUFFIX, SERVED_SUFFIX, Part, PartName
from runlake.store.layout import Layout, folder_identity

_LIST_ATTEMPTS = 10


def journal_of(layout: Layout, path: RunPath) -> FolderJournal:
    """The journal of one run."""
    return FolderJournal(layout.journal_dir(path))


def journal_in(run_dir: Path) -> FolderJournal:
    """The journal of the run that lies in a folder, wherever that is: in the trash, in a copy of a store."""
    return FolderJournal(run_dir / "journal")


class FolderJournal:
    """The parts of one run as files of one folder.

    Parts are made in the folder that was there at `bind`, or when the first was made: when the run was deleted since,
    making one fails, and another run that took its id gets no parts of strangers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._identity: tuple[int, int] | None = None
        self._names: set[PartName] = set()

    def place_of(self, name: PartName) -> Path:
        """Where a part lies, for those who care for files as such."""
        return self.folder / str(name)

    def prepare(self) -> None:
        disk.announce("make_folder", self.folder)
        disk.make_subfolder(self.folder)

    def bind(self) -> None:
        self._identity = folder_identity(self.folder)
        self._names = {name for name, _ in self.list_parts()}

    def is_here(self) -> bool:
        try:
            if folder_identity(self.folder) == self._identity:
                return True
        except FileNotFoundError:
            return False
        # Some file systems number folders anew now and then; names of parts never come again.
        return not self._names.isdisjoint(name for name, _ in self.list_parts())

    def create_part(self, name: PartName) -> Part:
        if self._identity is not None:
            self._check_is_here()
        part = disk.AppendedFile(self.place_of(name))
        try:
            if self._identity is None:
                self.bind()
            self._check_is_here()
        except BaseException:
            part.close()
            disk.discard(self.place_of(name))
            raise
        self._names.add(name)
        return part

    def _check_is_here(self) -> None:
        if not self.is_here():
            raise FileNotFoundError(errno.ENOENT, "the run was deleted or moved", str(self.folder))

    def append(self, name: PartName, data: bytes, end: int) -> None:
        disk.append_to(self.place_of(name), data, end)

    def truncate(self, name: PartName, size_bytes: int) -> None:
        disk.cut_off(self.place_of(name), size_bytes)

    def list_parts(self) -> list[tuple[PartName, int]]:
        for _ in range(_LIST_ATTEMPTS):
            found, is_whole = [], True
            for file_name, size_bytes in disk.sizes_in(self.folder, PART_SUFFIX):
                name = PartName.parse(file_name)
                if name is not None:
                    if size_bytes is None:
                        is_whole = False  # dropped since it was listed, or the whole folder is moved away
                    else:
                        found.append((name, size_bytes))
            if is_whole:
                break
        return sorted(found)

    def size_bytes(self, name: PartName) -> int:
        return self.place_of(name).stat().st_size

    def read(self, name: PartName, offset: int = 0, limit: int | None = None) -> bytes:
        return disk.read_from(self.place_of(name), offset, limit)

    def is_held(self, name: PartName) -> bool | None:
        if self._served_file(name).exists():
            return None
        return disk.is_locked(self.place_of(name))

    def last_write_at(self, name: PartName) -> float:
        written_at = self.place_of(name).stat().st_mtime
        try:
            return max(written_at, self._served_file(name).stat().st_mtime)
        except FileNotFoundError:
            return written_at

    def _served_file(self, name: PartName) -> Path:
        return self.folder / f"{name.writer}{SERVED_SUFFIX}"

    def moved_at(self) -> float | None:
        try:
            return self.folder.stat().st_mtime
        except FileNotFoundError:
            return None

    def sync(self, name: PartName) -> None:
        disk.sync_file(self.place_of(name))
        disk.sync_folder(self.folder)  # a new file's name is in the folder

    def drop(self, name: PartName) -> None:
        disk.remove(self.place_of(name))
