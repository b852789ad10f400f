"""A journal: what one process after the other says of a run, in parts that only grow.

`Journal` and `Part` say where the bytes go: a folder (`store.journal.folder`), memory (`store.journal.memory`).
`journal.writer` makes the bytes, and `journal.record` says what they mean. The promise: when a call has returned,
its frame has been handed to the operating system whole, so killing the process loses nothing; the next frame is either
there whole, or is a torn tail that readers ignore.

There is no queue, no thread and no lock shared with another process. A part is closed after 65,536 rows or 32 MiB,
between two rows, and says so by a last CLOSE or END frame: one without it may still be written to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from runlake.store.journal.record import Shape

SERVED_SUFFIX = ".served"
"""What a server leaves beside the parts of a writer that it feeds: see `ingest.lease`. No process holds such parts."""
SERVED_FILES = (SERVED_SUFFIX, ".seen")
PART_SUFFIX = ".part"

LARGEST_PART_NUMBER = 999_999
"""So many parts are 32 TB of one writer: a name or a record that says more is none of ours."""

_PART_NAME = re.compile(r"(.+)-(\d{3}|[1-9]\d{3,5})\.part", re.ASCII)
_BEHIND_A_HOLE = re.compile(r"(.+)r[0-9a-f]{8}")


def is_of_system(error: BaseException) -> bool:
    """Whether the operating system said so, and not a signal handler in the midst of a call.

    Handlers of alarms raise TimeoutError, which is an OSError too, but has no number.
    """
    return isinstance(error, OSError) and error.errno is not None


def root_of(writer: str) -> str:
    """The writer whose journal the rows came from: rows behind a hole have a writer of their own after a repair."""
    match = _BEHIND_A_HOLE.fullmatch(writer)
    return match[1] if match else writer


class PartName(NamedTuple):
    """Which part of which writer: what a part's file is called. Sorts by writer, then by number."""

    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.writer}-{self.number:03d}.part"

    @classmethod
    def parse(cls, file_name: str) -> PartName | None:
        """None for what is no name of a part; each part has one: a number is not written in two ways."""
        match = _PART_NAME.fullmatch(file_name)
        return cls(match[1], int(match[2])) if match else None


class Part(Protocol):
    """A part that is open for appending. One process holds it."""

    @property
    def write(self) -> Callable[[bytes], int]:
        """Append; answers how many bytes were taken, or raises OSError.

        What was taken outlives the process, and readers see it at once.
        """
        ...

    def size_bytes(self) -> int:
        """How many bytes the part has."""
        ...

    def truncate(self, size_bytes: int) -> None:
        """Take back what is behind: what was taken of a write that was not taken whole."""
        ...

    def close(self) -> None:
        """Hold it no more; it stays as it is."""
        ...


class PartPlace(Struct, frozen=True):
    """Where a writer stands in a part that it goes on with, in a process that did not write what is before.

    `shapes` are those declared in the part; `crc` is that of the bytes from `block_start` to its end. A part of no
    bytes gets its head first; one that `is_closed` is followed by the next.
    """

    number: int
    part: Part
    next_n: Mapping[str, int]
    rows_in_part: int = 0
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    block_start: int = 0
    crc: int = 0
    last_timestamp: float = 0.0
    is_closed: bool = False


class PartMaker(Protocol):
    """What a writer asks of its journal."""

    def create_part(self, name: PartName) -> Part:
        """A new, empty part, held by this process until it is closed.

        FileExistsError when there is one of that name: of several who ask for the same at once, one gets it. Without
        `bind` the journal stays with the run that is there then; FileNotFoundError when that, or the one of `bind`, is
        gone, and then there is no part.
        """
        ...

    def sync(self, name: PartName) -> None:
        """Wait until a power failure cannot take what the part holds now. FileNotFoundError when it is gone."""
        ...

    def drop(self, name: PartName) -> None:
        """Remove a part whose records live in a segment now; that it is gone already is fine."""
        ...


class Journal(PartMaker, Protocol):
    """All parts of one run, wherever they are kept.

    Several processes use a journal at once, without a lock: each part has one writer, who appends, and anybody reads
    and lists. Once it is sealed somebody else drops it, under the hands of whoever reads it.
    """

    def prepare(self) -> None:
        """Make the place where parts are kept, unless it is there. FileNotFoundError when the run is gone."""
        ...

    def bind(self) -> None:
        """Stay with the run that is there at this moment. FileNotFoundError when there is none."""
        ...

    def is_here(self) -> bool:
        """Whether the run of `bind` is still there, and not deleted, nor another one under its id."""
        ...

    def append(self, name: PartName, data: bytes, end: int) -> None:
        """Append all of `data` to a part of `end` bytes, or nothing: for who is alone with a part that nobody holds.

        A process that dies in between may leave the beginning of `data`. FileNotFoundError when the part is gone.
        """
        ...

    def truncate(self, name: PartName, size_bytes: int) -> None:
        """Take from a part that nobody holds what is behind: half a frame that was never acknowledged."""
        ...

    def list_parts(self) -> list[tuple[PartName, int]]:
        """Every part and its size in bytes, by writer, and of each writer by number; none where there is no run.

        Parts that come or go meanwhile are in it or not; all others are. Over a network it may be late, so that one is
        missing between two that are there: whoever finds that looks again.
        """
        ...

    def size_bytes(self, name: PartName) -> int:
        """How much of the part there is. FileNotFoundError when it is gone."""
        ...

    def read(self, name: PartName, offset: int = 0, limit: int | None = None) -> bytes:
        """The part's bytes from `offset` to its present end, at most `limit`; none behind the end.

        What was acknowledged is in it. Behind that there may be the beginning of what is being appended at this moment,
        or was when its writer was killed; after a power failure also zeros. FileNotFoundError when the part is gone.
        """
        ...

    def is_held(self, name: PartName) -> bool | None:
        """Whether a living process holds the part; None where that cannot be told, or the part is gone."""
        ...

    def last_write_at(self, name: PartName) -> float:
        """When the part last grew, or its writer was last heard of, in seconds since 1970. FileNotFoundError when the
        part is gone.
        """
        ...

    def moved_at(self) -> float | None:
        """When a part last came or went, in seconds since 1970; None where there never was one."""
        ...
