"""Keeps a foreign run: in batches, each of which is kept whole, so that an import that was killed goes on where it was.

What is there is passed over by counting: the rows of a source come in one order, and the writer of an import knows how
many it has. A run that was imported to its end is left as it is.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from runlake.errors import ConflictError, NotFoundError, PathError, UsageError
from runlake.importers.bring_artifacts import bring_artifacts
from runlake.importers.foreign import ForeignRow, ForeignRun
from runlake.md5 import md5_of
from runlake.media.convert import prepare
from runlake.model import LoggedRow, RunInfo, RunPath, Stream, WriterBatch, WriterHandle, WriterStart
from runlake.service.contract import Service
from runlake.values import flatten

BATCH_ROWS = 2000

Outcome = Literal["new", "continued", "same"]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a foreign run: it is ``new``, or was here and is ``continued``, or is the ``same`` as before.

    `read_counts` are the rows of each stream in the source, `kept_counts` those that are here: they are equal, or
    something is wrong. `lost` counts what has no home here, by what it is; `problems` say what could not be read.
    `is_ended`: the source says how the run ended.
    """

    path: RunPath
    place: str
    outcome: Outcome
    read_counts: dict[str, int]
    kept_counts: dict[str, int]
    file_count: int
    file_bytes: int
    artifact_count: int
    lost: dict[str, int]
    problems: tuple[str, ...]
    is_ended: bool

    @property
    def is_whole(self) -> bool:
        """Whether all could be read, and every row that was read is here."""
        return self.read_counts == self.kept_counts and not self.problems


def bring(
    service: Service,
    path: RunPath,
    foreign: ForeignRun,
    *,
    report: Callable[[int], None] = lambda _: None,
    batch_rows: int = BATCH_ROWS,
) -> Imported:
    """Keep a foreign run as `path`; `report` is told how many rows were read so far.

    ConflictError when there is another run of that path; errors of the service where it cannot be written.
    """
    handle, outcome = _begin(service, path, foreign)
    before = None if outcome == "new" else service.read_run(path)
    answer = service.write_batch(path, handle.writer, WriterBatch())
    is_done = answer.is_ended
    kept, read = answer.row_counts, Counter[str]()
    if is_done and foreign.final_counts is not None and _has(kept, foreign.final_counts):
        return _as_it_was(path, foreign, {**kept, **foreign.final_counts})
    end: WriterBatch | None = None
    for batch in _batches(foreign, read, batch_rows):
        report(read.total())
        if batch.exit_code is not None:
            end = batch
        elif not is_done and not _is_kept(batch, kept):
            kept = service.write_batch(path, handle.writer, _with_media(service, path, batch, kept)).row_counts
    file_count, file_bytes = _put_files(service, path, foreign)
    artifacts = bring_artifacts(service, path, foreign)
    if end is not None and not is_done:
        # Last, so that a run that is ended has all its files and artifacts.
        kept = service.write_batch(path, handle.writer, _with_media(service, path, end, kept)).row_counts
    came = file_bytes or artifacts.new_count
    if is_done or (before and not came and _facts(before) == _facts(service.read_run(path))):
        outcome = "same"
    return Imported(
        path=path,
        place=foreign.place,
        outcome=outcome,
        read_counts={stream: count for stream, count in sorted(read.items()) if count},
        kept_counts={stream: count for stream, count in sorted(kept.items()) if count},
        file_count=file_count,
        file_bytes=file_bytes,
        artifact_count=artifacts.artifact_count,
        lost=dict(foreign.lost),
        problems=tuple(foreign.problems),
        is_ended=end is not None,
    )


def _facts(info: RunInfo) -> str:
    """All that is known of a run, but when it was heard of last; as a text, since NaN is equal to nothing."""
    return repr(msgspec.structs.replace(info, state="running", heartbeat_at=0.0, runtime_s=0.0))


def _has(kept: dict[str, int], counts: Mapping[str, int]) -> bool:
    return all(kept.get(stream, 0) == count for stream, count in counts.items())


def _as_it_was(path: RunPath, foreign: ForeignRun, counts: dict[str, int]) -> Imported:
    """A run that came to its end before, and of which the source says no more than is here."""
    found = {stream: count for stream, count in sorted(counts.items()) if count}
    return Imported(
        path=path,
        place=foreign.place,
        outcome="same",
        read_counts=found,
        kept_counts=found,
        file_count=0,
        file_bytes=0,
        artifact_count=0,
        lost={},
        problems=(),
        is_ended=True,
    )


def _begin(service: Service, path: RunPath, foreign: ForeignRun) -> tuple[WriterHandle, Outcome]:
    try:
        handle = service.find_writer(path, foreign.mark)
    except NotFoundError:
        handle = None
    if handle is not None:
        return handle, "continued"
    start = msgspec.structs.replace(foreign.start, client=foreign.mark)
    try:
        return service.begin_writer(path, start), "new"
    except (ConflictError, UsageError) as error:
        if _is_empty_beginning(service, path, start):
            return service.begin_writer(path, msgspec.structs.replace(start, resume="allow")), "new"
        raise ConflictError(
            f"{foreign.place} cannot be imported as {path}, since there is another run of that path; "
            "import it into another project, with --project"
        ) from error


def _is_empty_beginning(service: Service, path: RunPath, start: WriterStart) -> bool:
    """Whether the run that is there is what an import left that was killed before it could put its mark on it."""
    try:
        there = service.read_run(path)
    except NotFoundError:
        return True  # not even a first record
    try:
        if service.find_writer(path) is not None:
            return False
    except NotFoundError:
        pass  # nobody writes it from elsewhere
    is_as_begun = start.created_at in (None, there.created_at) and start.name in (None, there.name)
    is_empty = not (there.row_count or there.event_count or there.console_line_count)
    return is_empty and is_as_begun and flatten(there.config) == flatten(start.config, stringify_keys=True)


def _batches(foreign: ForeignRun, read: Counter[str], batch_rows: int) -> Iterator[WriterBatch]:
    """What the run says, many rows at a time; `read` counts the rows of each stream."""
    rows: dict[Stream, list[LoggedRow]] = {}
    first_n: dict[Stream, int] = {}
    count = 0
    for said in foreign.said:
        if isinstance(said, ForeignRow):
            stream, row = said
            if stream not in rows:
                rows[stream], first_n[stream] = [], read[stream]
            rows[stream].append(row)
            read[stream] += 1
            count += 1
            if count < batch_rows:
                continue
            said = WriterBatch()
        yield msgspec.structs.replace(said, rows=rows, first_n=first_n)
        rows, first_n, count = {}, {}, 0
    if rows:
        yield msgspec.structs.replace(WriterBatch(), rows=rows, first_n=first_n)


def _is_kept(batch: WriterBatch, kept: dict[str, int]) -> bool:
    """Whether a batch holds nothing but rows that are here."""
    is_rows_only = batch == WriterBatch(rows=batch.rows, first_n=batch.first_n)
    return is_rows_only and all(
        batch.first_n[stream] + len(rows) <= kept.get(stream, 0) for stream, rows in batch.rows.items()
    )


def _with_media(service: Service, path: RunPath, batch: WriterBatch, kept: dict[str, int]) -> WriterBatch:
    """The batch without the rows that are here, and with the files of data types in the others stored."""

    def write_file(name: str, content: bytes) -> None:
        service.put_file(path, name, io.BytesIO(content))

    rows, first_n = {}, {}
    for stream, found in batch.rows.items():
        first_n[stream] = max(batch.first_n[stream], kept.get(stream, 0))
        rows[stream] = [
            row._replace(values=dict(prepare(row.values, write_file, row.step)))
            for row in found[first_n[stream] - batch.first_n[stream] :]
        ]
    return msgspec.structs.replace(batch, rows=rows, first_n=first_n)


def _put_files(service: Service, path: RunPath, foreign: ForeignRun) -> tuple[int, int]:
    """How many files of the run were read, and how many bytes of them were not here."""
    here = {file.name: file.md5 for file in service.list_files(path)}
    file_count = put_bytes = 0
    for file in foreign.files:
        if file.md5 is not None and here.get(file.name) == file.md5:
            file_count += 1
            continue
        try:
            with file.open() as content:
                if here.get(file.name) != md5_of(content):
                    content.seek(0)
                    put_bytes += service.put_file(path, file.name, content).size_bytes
            file_count += 1
        except (OSError, PathError) as error:  # gone by now, not ours to read, or not called like a file here
            foreign.problems.append(f"the file {file.name!r} cannot be kept: {error}")
    return file_count, put_bytes
