"""A run of another tracker, as it is read: what it says of itself first, then all that it said, in its order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from runlake.model import LoggedRow, Stream, WriterBatch, WriterStart


class ForeignRow(NamedTuple):
    """A row, and the stream that it belongs to."""

    stream: Stream
    row: LoggedRow


class ForeignFile(NamedTuple):
    """A file of the run, by the name that it is to have here; `open` opens it for reading."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, kw_only=True)
class ForeignRun:
    """One run.

    `mark` is the same whenever the same run is read again, wherever its files lie by then, and that of no other run: by
    it an import finds what it kept before. `said` are rows, and between them batches without rows for what else a run
    says; the last batch has the exit code, where the source knows it. `lost` counts what has no home here, by what one
    of it is called, and `problems` say what could not be read: both are complete when `said` was read to its end.
    """

    run_id: str
    mark: str
    place: str
    start: WriterStart
    said: Iterator[ForeignRow | WriterBatch]
    files: Iterable[ForeignFile] = ()
    lost: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def mark_of(*identity: str) -> str:
    """The mark of a run: which tracker made it, and what tells it from all its other runs."""
    digest = hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass"))
    return f"import-{digest.hexdigest()[:24]}"
