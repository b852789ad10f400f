"""A run of another tracker, as it is read: what it says of itself first, then all that it said, in its order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from runlake.artifact_model import ManifestEntry
from runlake.model import LoggedRow, Stream, WriterBatch, WriterStart

_FORBIDDEN = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")
_PROJECT_LENGTH, _RUN_ID_LENGTH = 128, 200


class ForeignRow(NamedTuple):
    """A row, and the stream that it belongs to."""

    stream: Stream
    row: LoggedRow


class ForeignFile(NamedTuple):
    """A file of the run, by the name that it is to have here; `open` opens it for reading.

    `md5` in base64, where the source knows it: what is here already is not opened then.
    """

    name: str
    open: Callable[[], BinaryIO]
    md5: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForeignArtifact:
    """An artifact that the run logged.

    `artifact_id` is the same whenever it is read, and `digest` that of its `entries`. `files` opens the bytes of each
    entry that is no reference, by its path, where they lay: they may be gone by now.
    """

    name: str
    type: str
    digest: str
    artifact_id: str
    created_at: float
    entries: Sequence[ManifestEntry]
    files: Mapping[str, Callable[[], BinaryIO]]
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class ForeignRun:
    """One run.

    `mark` is the same whenever the same run is read again, wherever its files lie by then, and that of no other run: by
    it an import finds what it kept before. `project` is what the source calls that of the run. `said` are rows, and
    between them batches without rows for what else a run says; the last batch has the exit code, where the source knows
    it. `artifacts` come in the order in which they were logged, and are read behind `said`. `lost` counts what has no
    home here, by what one of it is called, and `problems` say what could not be read: both are complete when `said` was
    read to its end. `final_counts` are the rows by stream of a run that has ended, where the source tells them without
    reading these: one that is here with as many, and with its end, is not read again.
    """

    run_id: str
    mark: str
    place: str
    project: str | None = None
    start: WriterStart
    said: Iterator[ForeignRow | WriterBatch]
    files: Iterable[ForeignFile] = ()
    artifacts: Iterable[ForeignArtifact] = ()
    lost: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    final_counts: Mapping[str, int] | None = None


class LeftOut(NamedTuple):
    """What lies at a place and does not come as a run: what one of it is called, which it is and why, and how many.

    `is_damage`: it would have come, had it been readable.
    """

    place: str
    what: str
    why: str
    item_count: int = 1
    is_damage: bool = False


def project_of(name: str) -> str:
    """What others call a project, an experiment or an artifact, as such a name here; ``-`` for what it cannot have."""
    cleaned = _cleaned(name)[:_PROJECT_LENGTH].strip()
    return cleaned if cleaned.strip(".") else "-"


def run_id_of(name: str) -> str:
    """What others tell a run by, as a run id; one that is changed by that still differs from all others."""
    cleaned = _cleaned(name)[:_RUN_ID_LENGTH].strip()
    if cleaned == name and name.strip("."):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{cleaned}-{digest[:8]}" if cleaned.strip(".") else digest[:16]


def _cleaned(name: str) -> str:
    return _FORBIDDEN.sub("-", name.encode(errors="replace").decode())


def mark_of(*identity: str) -> str:
    """The mark of a run: which tracker made it, and what tells it from all its other runs."""
    digest = hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass"))
    return f"import-{digest.hexdigest()[:24]}"
