"""The folder that is exported into: one export at a time, each file whole or not there, and what is done so far.

Beside the export lies the folder `STATE`: a lock, and while an export is unfinished its plan, the runs that are done,
and the files that are being written.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runlake.bulk.manifest import MANIFEST, Entry, FileEntry
from runlake.bulk.target import STATE, check_is_below, done_line, read_done
from runlake.errors import ConflictError
from runlake.query.rows.export import CountedFile
from runlake.store import disk

_DRAFT = "writing-"


class ExportFolder:
    """A folder with an export in it, or with the beginning of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = str(folder)
        self._state = folder / STATE
        self._plan = self._state / "plan.json"
        self._done = self._state / "done.jsonl"
        self._numbers = itertools.count()
        self._made: set[Path] = set()

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other exports out of the folder. `ConflictError` while another one is in it."""
        disk.make_folder(self._state)
        with disk.only_one(self._state / "lock", is_waiting=False) as is_only:
            if not is_only:
                raise ConflictError(f"another export writes into {self.folder}; wait for it, or name another folder")
            for place, prefix in ((self.folder, disk.TEMPORARY_PREFIX), (self._state, _DRAFT)):  # what killed ones left
                for name in disk.list_names(place):
                    if name.startswith((disk.TEMPORARY_PREFIX, prefix)):
                        disk.discard(place / name)
            yield

    def is_unfinished(self) -> bool:
        """Whether an export was begun and not ended."""
        return self._plan.exists()

    def check_may_begin(self) -> None:
        """Refuse a folder in which something else lies: an export knows of every file in its folder."""
        names = (name for name in disk.list_names(self.folder) if not name.startswith(disk.TEMPORARY_PREFIX))
        others = sorted({*names} - {STATE})
        if others and MANIFEST not in others and not self.is_unfinished():
            raise ConflictError(
                f"{self.folder} holds {others[0]!r} and no export; name a folder that is empty, or not there"
            )

    # The plan and the manifest

    def read_manifest(self) -> bytes | None:
        """The manifest of the export that lies here, if there is one."""
        try:
            return disk.read_whole(self.folder / MANIFEST)
        except FileNotFoundError:
            return None

    def read_plan(self) -> bytes | None:
        """The plan of the export that was begun, if there is one."""
        return disk.read_whole(self._plan) if self.is_unfinished() else None

    def begin(self, plan: bytes) -> None:
        """Keep a plan: from now on the folder is unfinished."""
        disk.remove(self._done)
        disk.replace_file(self._plan, plan, is_synced=True)

    def finish(self, manifest: bytes) -> None:
        """Put the manifest in place; the plan is done."""
        disk.replace_file(self.folder / MANIFEST, manifest, is_synced=True)
        disk.remove(self._plan)
        disk.remove(self._done)

    # What is done

    def note(self, entry: Entry) -> None:
        """Remember that the files of a run, or of a version of an artifact, are there."""
        line = done_line(entry)
        try:
            end = self._done.stat().st_size
        except FileNotFoundError:
            disk.replace_file(self._done, line)
            return
        disk.append_to(self._done, line, end)

    def noted(self) -> list[Entry]:
        """The runs and versions whose files are there: each file is read, and must have the digest that was noted."""
        try:
            content = disk.read_whole(self._done)
        except FileNotFoundError:
            return []
        whole, _, torn = content.rpartition(b"\n")
        if torn:  # the process was killed in the middle of a line
            disk.cut_off(self._done, len(content) - len(torn))
        entries = [done.entry for done in map(read_done, whole.splitlines())]
        return [entry for entry in entries if all(map(self.has, entry.files))]

    # Files

    def has(self, entry: FileEntry) -> bool:
        """Whether a file is there as it was written, to the last bit."""
        file = self.folder / entry.path
        return self.has_size(entry) and sha256_of(file) == entry.sha256

    def has_size(self, entry: FileEntry) -> bool:
        """Whether a file of this name and size is there."""
        try:
            return (self.folder / entry.path).stat().st_size == entry.size_bytes
        except OSError:
            return False

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[CountedFile]:
        """A file to write, which takes its name when the block ends well and is gone when it does not.

        Several threads may write files of their own.
        """
        target, draft = self.folder / path, self._state / f"{_DRAFT}{next(self._numbers)}"
        if target.parent not in self._made:
            disk.make_folder(target.parent)
            self._made.add(target.parent)
        try:
            with disk.create_stream(draft) as stream:
                yield CountedFile(_Announced(stream, draft), hashlib.sha256())  # type: ignore[arg-type]
            disk.put_in_place(draft, target)
        except BaseException:
            disk.discard(draft)
            raise

    def read(self, path: str) -> bytes:
        """A whole file. FileNotFoundError when it is gone."""
        return disk.read_whole(self.folder / path)

    def clear(self, path: str) -> None:
        """Remove what a process that was killed may have left under a name."""
        disk.remove(self.folder / path)

    def remove(self, path: str) -> None:
        """Remove a file of an export before, and the folders that are empty without it.

        `CorruptError` for a path that leads out of the folder.
        """
        check_is_below(path, self.place)
        disk.remove(self.folder / path)
        for parent in (self.folder / path).parents:
            if parent == self.folder:
                return
            with contextlib.suppress(OSError):
                disk.remove_empty_folder(parent)

    def list_files(self) -> list[str]:
        """The paths of all files but the manifest and what belongs to an unfinished export."""
        found = (place for place in self.folder.rglob("*") if not place.is_dir() or place.is_symlink())
        names = (place.relative_to(self.folder).as_posix() for place in found)
        return sorted(name for name in names if name != MANIFEST and not name.startswith(f"{STATE}/"))


def sha256_of(file: Path) -> str:
    """The digest of a file's bytes, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Announced:
    """A stream whose writes are steps of the disk, so that faults can be told to them."""

    def __init__(self, stream: BinaryIO, file: Path) -> None:
        self._stream, self._file = stream, file

    def write(self, data: memoryview) -> int:
        disk.write_all(self._stream, data, self._file)  # type: ignore[arg-type]
        return len(data)

    def flush(self) -> None:
        self._stream.flush()
