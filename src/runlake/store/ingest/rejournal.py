"""A run that is sealed as a journal again: what is to be sent, or written elsewhere, in the form of its writers.

Every writer gets the parts that it might have written: its records in their order, and the rows between them by the
numbers that they have. The same run gives the same bytes each time, for one version of this library.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlake.errors import ConflictError, NotSupportedError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store.disk import remove
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.bodies import Record
from runlake.store.journal.fold import WriterState
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.rows import rows_of
from runlake.store.journal.writer import JournalWriter
from runlake.store.run.snapshot import Snapshot, read_consistently
from runlake.store.run.state import writer_states
from runlake.store.segment.read import rows_of_meta
from runlake.store.series import WriterRows
from runlake.values import Json, unflatten

_BATCH_ROWS = 16_384


def sealed_writers(layout: FolderStore, path: RunPath) -> frozenset[str]:
    """The writers of which something is in a segment. NotFoundError when the run is not there."""

    def read(snapshot: Snapshot) -> frozenset[str]:
        return frozenset(state.writer for meta in snapshot.metas for state in meta.writers)

    return read_consistently(layout, path, read)


def write_journal(layout: FolderStore, path: RunPath, folder: Path, writers: frozenset[str]) -> FolderJournal:
    """Some writers of the run as parts in `folder`, which is empty; the journal that they make.

    ConflictError while a process is one of them, NotSupportedError for a run that has lost rows. NotFoundError when it
    is not there.
    """
    return read_consistently(layout, path, lambda snapshot: _write(snapshot, folder, writers))


def _write(snapshot: Snapshot, folder: Path, writers: frozenset[str]) -> FolderJournal:
    for file in folder.iterdir():
        remove(file)  # of a look that was out of date
    journal = FolderJournal(folder)
    for state in (state for state in writer_states(snapshot) if state.writer in writers):
        if not state.is_ended and is_alive(snapshot.journal, state.writer):
            raise ConflictError(f"run {snapshot.path} is being written, and sealed in part; send it when it has ended")
        _write_writer(snapshot, state, journal)
    return journal


def _write_writer(snapshot: Snapshot, state: WriterState, journal: FolderJournal) -> None:
    writer = JournalWriter(journal, state.writer, state.header.of_all_parts().without("writer").body)
    try:
        rows = {stream: _rows(snapshot, state.writer, stream) for stream in STREAMS}
        for stream in ("events", "console"):
            _log(writer, rows[stream], stream, None)
        for kind, body in state.records:
            if kind == record.LOST:
                raise NotSupportedError(
                    f"run {snapshot.path} has lost rows, and a journal has no place for that; bring it to the server's "
                    "store with: runlake merge"
                )
            _log(writer, rows["history"], "history", int(Record(body).n))
            if kind == record.END:
                _log(writer, rows["history"], "history", None)
            writer.record(kind, body)
        _log(writer, rows["history"], "history", None)
    finally:
        writer.close()


Row = tuple[int, dict[str, Any], int, float, float]
"""Its number, its values, `_step`, `_timestamp`, `_runtime`."""


class _Rows:
    """Rows that are taken one by one; the next one can be looked at."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.coming = next(rows, None)

    def take(self) -> Row:
        assert self.coming is not None
        taken, self.coming = self.coming, next(self._rows, None)
        return taken


def _log(writer: JournalWriter, rows: _Rows, stream: Stream, before_n: int | None) -> None:
    while rows.coming is not None and (before_n is None or rows.coming[0] < before_n):
        n, values, step, timestamp, runtime = rows.take()
        if writer.row_counts()[stream] != n:
            raise NotSupportedError(f"{stream} rows before row {n} of writer {writer.writer} are missing")
        writer.log(values, step=step, timestamp=timestamp, runtime=runtime, stream=stream)


def _rows(snapshot: Snapshot, writer: str, stream: Stream) -> _Rows:
    stretches = [
        rows
        for meta in snapshot.metas
        for rows in rows_of_meta(snapshot.segments, meta, stream)
        if rows.writer == writer
    ]
    for name in snapshot.parts:
        if name.writer == writer:
            found = rows_of(writer, [snapshot.scan(name)], stream)
            if found is not None:
                stretches.append(found)
    stretches.sort(key=lambda rows: rows.first_n)
    return _Rows(row for stretch in stretches for row in _rows_of_stretch(stretch))


def _rows_of_stretch(stretch: WriterRows) -> Iterator[Row]:
    places = [0] * len(stretch.series)
    for start in range(0, stretch.row_count, _BATCH_ROWS):
        end = min(stretch.row_count, start + _BATCH_ROWS)
        values: list[list[tuple[str, Any]]] = [[] for _ in range(start, end)]
        for index, series in enumerate(stretch.series):
            first = places[index]
            if series.rows is None:
                rows: Any = range(start, end)
                count = end - start
            else:
                count = int((series.rows[first:] < end).sum())
                rows = series.rows[first : first + count].tolist()
            places[index] = first + count
            found = series.values.slice(first, count).to_pylist()
            for row, value in zip(rows, found, strict=True):
                values[row - start].append((series.key, Json(value) if series.lane == "json" else value))
        axes = (axis[start:end].tolist() for axis in (stretch.step, stretch.timestamp, stretch.runtime))
        for offset, (pairs, step, timestamp, runtime) in enumerate(zip(values, *axes, strict=True)):
            yield stretch.first_n + start + offset, unflatten(pairs), step, timestamp, runtime
