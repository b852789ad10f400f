"""Where the files of segments lie: what a folder, memory or an object store must be able to do for them.

`Segments` are the files of one run, or those that the runs of a project share. All but the meta files are made once and
never change; a segment is there when its meta file is. What a reader may rely on while a sealer publishes and drops
beside it:

- a file that is named is whole, and what was opened can be read to its end, whatever happens to its name;
- whoever has seen the same `list_names` before and after reading has missed nothing and seen nothing twice, since what
  replaces other files is published before these are removed;
- a file that is gone is FileNotFoundError: something has replaced it, so look again.

The names of files are opaque: a run's meta file names files that it shares with others in a way of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

META_SUFFIX = ".meta"


def series_name(values_file: str) -> str:
    """What the file is called that says what is where in a file of values."""
    return values_file.removesuffix(".parquet") + ".series.parquet"


class Segments(Protocol):
    """The files of the segments of one place."""

    def list_names(self, suffix: str = META_SUFFIX) -> set[str]:
        """The segments that readers see: those whose meta file is there. Empty where nothing was ever sealed.

        With another suffix, what else a small file makes known (`store.compact.packed_file`).
        """
        ...

    def read(self, file: str) -> bytes:
        """A small file as a whole. FileNotFoundError when it is gone."""
        ...

    def open(self, file: str) -> pa.NativeFile:
        """A file to be read anywhere in it, by several threads at once (`read_at`). FileNotFoundError when it is gone.

        What was opened stays readable when the file is removed.
        """
        ...

    def url_of(self, file: str, signed_for_s: float | None = None) -> str:
        """Where others find the file: one that was there when it was asked for. FileNotFoundError when it is gone.

        With `signed_for_s` whoever has the address may read it for so long, where that can be had.
        """
        ...

    def size_bytes(self, file: str) -> int:
        """FileNotFoundError when it is gone."""
        ...

    def written_at(self, file: str) -> float:
        """When the file was published, in seconds since 1970. FileNotFoundError when it is gone."""
        ...

    def changed_at(self) -> float | None:
        """When a file came or went last, in seconds since 1970; None where nothing was ever sealed."""
        ...

    def prepare(self) -> None:
        """Make room for files. FileNotFoundError when the run is gone: sealing must not bring it back."""
        ...

    def create(self, file: str, named_by: str | None = None) -> AbstractContextManager[pa.NativeFile]:
        """A stream whose bytes are the file when the block ends, safe from a power failure; nothing when it fails.

        Of several who make the same file one does, and the others leave it as it is: its bytes follow from its name.
        Only as long as the meta file `named_by` is not there, other bytes are replaced: they were damaged since.
        """
        ...

    def replace(self, file: str, content: bytes) -> None:
        """Put a small file in place in one step: a reader sees the old one or the new one. FileNotFoundError when the
        run is gone."""
        ...

    def adopt(self, file: str, content: bytes) -> None:
        """The same for the meta file of a segment that was sealed elsewhere, whose parts were never here."""
        ...

    def sync(self, file: str) -> None:
        """Wait until a power failure can take neither the file nor the names of those that were made before it."""
        ...

    def remove(self, file: str) -> None:
        """Remove a file; that it is gone already is fine."""
        ...

    def sweep(self, is_wanted: Callable[[str], bool], *, older_than_s: float) -> None:
        """Remove what killed processes left half written, and the files that are not wanted; younger ones stay.

        Those may be of a process that is at work.
        """
        ...

    def alone(self, *, is_waiting: bool) -> AbstractContextManager[bool]:
        """Whether no other process is within such a block on the same segments, waiting for the others if so asked.

        Where nothing can be locked it is yes: a lock only spares work.
        """
        ...


class SegmentFile(NamedTuple):
    """A file of a segment, wherever it lies: `reference` is what its meta file calls it."""

    segments: Segments
    reference: str

    @property
    def name(self) -> str:
        """The name that it has where it lies."""
        return self.reference.rpartition("/")[2]

    @property
    def series(self) -> SegmentFile:
        """Of a file of values, the one that says what is where in it."""
        return SegmentFile(self.segments, series_name(self.reference))

    def open(self) -> pa.NativeFile:
        return self.segments.open(self.reference)

    def create(self, named_by: str | None = None) -> AbstractContextManager[pa.NativeFile]:
        return self.segments.create(self.reference, named_by)
