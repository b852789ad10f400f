"""Segments as files of a folder; `store.segment.segments` says what each method does.

Files that runs share are named by their path from the folder of the run's segments (``../../../merged/<file>``).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runlake.model import RunPath
from runlake.store import disk
from runlake.store.layout import Layout
from runlake.store.segment.segments import META_SUFFIX, SegmentFile

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_NAME = f"{disk.TEMPORARY_PREFIX}sealing"
UNUSED_PREFIX = f"{disk.TEMPORARY_PREFIX}unused-"
"""Names of the marks that say since when nothing has pointed to a file that runs share."""

_PACKING_LOCK_NAME = f"{disk.TEMPORARY_PREFIX}merging"


def segments_of(layout: Layout, path: RunPath) -> FolderSegments:
    """The segments of one run."""
    return FolderSegments(layout.segments_dir(path))


def packed_of(layout: Layout, entity: str, project: str) -> FolderSegments:
    """The files that the runs of a project share."""
    return FolderSegments(layout.merged_dir(entity, project), _PACKING_LOCK_NAME)


class FolderSegments:
    """The segments in a folder, which is made when the first one is written.

    The lock file has the same name in all versions.
    """

    def __init__(self, folder: Path, lock_name: str = LOCK_NAME) -> None:
        self.folder, self.lock_file = folder, folder / lock_name

    def place_of(self, file: SegmentFile) -> Path:
        """Where a file of these segments lies, for those who care for files as such."""
        return Path(os.path.normpath(self.folder / file.reference))

    def list_names(self, suffix: str = META_SUFFIX) -> set[str]:
        return {name.removesuffix(suffix) for name in self._listed() if name.endswith(suffix)}

    def _listed(self) -> list[str]:
        try:
            disk.announce("list", self.folder)
            names = os.listdir(self.folder)  # noqa: PTH208, runs are many and a Path for each of their files is not wanted
        except FileNotFoundError:
            return []
        return [name for name in names if not name.startswith(".")]

    def read(self, file: str) -> bytes:
        return (self.folder / file).read_bytes()

    def open(self, file: str) -> pa.NativeFile:
        import pyarrow as pa  # who only wants to know whether there are segments does without

        place = self.folder / file
        try:
            return pa.OSFile(str(place))
        except OSError as error:
            if error.errno is None and place.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place)) from None
            raise

    def url_of(self, file: str, signed_for_s: float | None = None) -> str:
        return self.place_of(SegmentFile(self, file)).absolute().as_uri()

    def size_bytes(self, file: str) -> int:
        return (self.folder / file).stat().st_size

    def written_at(self, file: str) -> float:
        return (self.folder / file).stat().st_mtime

    def changed_at(self) -> float | None:
        try:
            return self.folder.stat().st_mtime
        except FileNotFoundError:
            return None

    def prepare(self) -> None:
        disk.make_subfolder(self.folder)

    @contextmanager
    def create(self, file: str, named_by: str | None = None) -> Iterator[pa.NativeFile]:
        import pyarrow as pa

        meta = None if named_by is None else self.folder / named_by
        with disk.creating(self.folder / file, meta) as temporary, pa.OSFile(str(temporary), "wb") as sink:
            yield sink

    def replace(self, file: str, content: bytes) -> None:
        disk.replace_file(self.folder / file, content)

    def adopt(self, file: str, content: bytes) -> None:
        self.replace(file, content)

    def sync(self, file: str) -> None:
        disk.sync_file(self.folder / file)
        disk.sync_folder(self.folder)

    def remove(self, file: str) -> None:
        disk.remove(self.folder / file)

    def sweep(self, is_wanted: Callable[[str], bool], *, older_than_s: float) -> None:
        for name in disk.list_names(self.folder):
            file = self.folder / name
            if name.startswith(disk.TEMPORARY_PREFIX):
                is_left = file != self.lock_file and not name.startswith(UNUSED_PREFIX)
            else:
                is_left = name[0] != "." and not is_wanted(name)
            if is_left and time.time() - file.stat().st_mtime > older_than_s:
                disk.remove(file)

    @contextmanager
    def alone(self, *, is_waiting: bool) -> Iterator[bool]:
        from runlake.store.leases import FolderLeases

        if self.folder.parent.is_dir():
            try:
                self.prepare()
            except OSError:
                pass  # what cannot be written says so when something is to be written
        with FolderLeases(self.folder).hold(self.lock_file.name, is_waiting=is_waiting) as is_only:
            yield is_only
