"""Where an export lies: what a folder or a bucket must be able to do for it.

A target takes one export at a time, and each of its files is whole or not there. Beside the export it keeps below
`STATE` what an export that is not ended needs: who is at work, the plan, and what is done so far.
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Protocol

import msgspec

from runlake.bulk.manifest import ArtifactEntry, Entry, FileEntry, RunEntry
from runlake.errors import CorruptError
from runlake.query.rows.export import CountedFile
from runlake.ready import ready

STATE = ".runlake-export"
_PIECE_BYTES = 2**20


class Target(Protocol):
    """A place for one export. Several threads may write, clear and look at files."""

    place: str
    """What people call it."""

    def claimed(self) -> AbstractContextManager[None]:
        """Keep other exports out. `ConflictError` while another one is in it."""
        ...

    def check_may_begin(self) -> None:
        """`ConflictError` where something else lies: an export knows of every file in its place."""
        ...

    def is_unfinished(self) -> bool:
        """Whether an export was begun and not ended."""
        ...

    def read_manifest(self) -> bytes | None:
        """The manifest of the export that lies here, if there is one."""
        ...

    def read_plan(self) -> bytes | None:
        """The plan of the export that was begun, if there is one."""
        ...

    def begin(self, plan: bytes) -> None:
        """Keep a plan: from now on the export is unfinished."""
        ...

    def finish(self, manifest: bytes) -> None:
        """Put the manifest in place; the plan is done."""
        ...

    def note(self, entry: Entry) -> None:
        """Remember that the files of a run, or of a version of an artifact, are there."""
        ...

    def noted(self) -> list[Entry]:
        """What was noted, if its files are there as they were written."""
        ...

    def has(self, entry: FileEntry) -> bool:
        """Whether a file is there as it was written, to the last bit: it is read."""
        ...

    def has_size(self, entry: FileEntry) -> bool:
        """Whether a file of this name and size is there."""
        ...

    def writing(self, path: str) -> AbstractContextManager[CountedFile]:
        """A file to write, which takes its name when the block ends well and is gone when it does not."""
        ...

    def read(self, path: str) -> bytes:
        """A whole file. FileNotFoundError when it is gone."""
        ...

    def clear(self, path: str) -> None:
        """Remove what a process that was killed may have left under a name."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file of an export before. `CorruptError` for a path that leads out of the place."""
        ...

    def list_files(self) -> list[str]:
        """The paths of all files but the manifest and what belongs to an unfinished export, sorted."""
        ...


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run or a version whose files are there; `etags` are what a bucket answered for each of them."""

    run: RunEntry | None = None
    artifact: ArtifactEntry | None = None
    etags: dict[str, str] = {}

    @property
    def entry(self) -> Entry:
        found = self.run or self.artifact
        assert found is not None
        return found


def done_line(entry: Entry, etags: dict[str, str] | None = None) -> bytes:
    """One line that `read_done` reads."""
    is_run = isinstance(entry, RunEntry)
    run, artifact = (entry, None) if is_run else (None, entry)
    return msgspec.json.encode(Done(run=run, artifact=artifact, etags=etags or {})) + b"\n"  # type: ignore[arg-type]


def read_done(line: bytes) -> Done:
    """The inverse of `done_line`."""
    return msgspec.json.decode(line, type=ready(Done))


def check_is_below(path: str, place: str) -> None:
    """`CorruptError` for a path that leads out of the place."""
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts or "\\" in path:
        raise CorruptError(f"the manifest names {path!r}, which is not in {place}; export into a new folder")


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes: ...


def copy_stream(source: Readable, target: CountedFile, *digests: hashlib._Hash) -> None:
    """All bytes of a stream, piece by piece, told to `digests` on their way."""
    while piece := source.read(_PIECE_BYTES):
        target.write(piece)
        for digest in digests:
            digest.update(piece)
