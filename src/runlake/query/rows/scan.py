"""Segments and the journal behind them as one history.

Rows are identified by (generation, writer, n): a row that stands both in a segment and in a part that was not dropped
yet is taken once. The rows of one writer follow each other; those of writers whose times overlap are merged by
(timestamp, writer, n), others by start. A writer that goes on behind others stands behind them whatever its clock says.
Which rows make a generation, `store.run.view` knows.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, RunPath, Stream
from runlake.query.rows.history import EXACT_INTEGER, History, HistoryOutline, Series, SeriesOutline
from runlake.query.rows.sample import line_sample, minmax_sample, numbers
from runlake.query.rows.select import moved, take_rows
from runlake.store.arrow import from_numpy
from runlake.store.run.part_states import PartStates
from runlake.store.run.snapshot import Snapshot, read_consistently, reading
from runlake.store.run.state import unsealed_states
from runlake.store.run.view import View, joined_by_writer, sealed, unsealed, view_of
from runlake.store.segment.directory import SealedSeries
from runlake.store.segment.meta import Meta
from runlake.store.segment.read import read_keys, read_outline, read_pyramid, read_rows
from runlake.store.series import Int64s, WriterRows, filled_times, join_series, usable_times
from runlake.store.store import Store
from runlake.values import escape_key

THREADS_FROM_BYTES = 4 * 2**20
"""Below, starting threads takes longer than they save."""

T = TypeVar("T")
R = TypeVar("R")


def read_history(
    store: Store,
    path: RunPath,
    *,
    stream: Stream = "history",
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    generation: str | None = None,
    threads_from_bytes: int = THREADS_FROM_BYTES,
) -> History:
    """The rows of one stream, as `service.contract` has it. Segments of so many bytes in all are read side by side."""

    def read(snapshot: Snapshot) -> Callable[[], History]:
        return _read(snapshot, stream, keys, generation, threads_from_bytes)

    put_together = read_consistently(store, path, read)
    with reading(path):
        history = put_together()
    return history if min_step is None and max_step is None else _window(history, min_step, max_step)


def _read(
    snapshot: Snapshot,
    stream: Stream,
    keys: Sequence[str] | None,
    generation: str | None,
    threads_from_bytes: int = THREADS_FROM_BYTES,
) -> Callable[[], History]:
    """Reads the rows, and returns what puts them together, for which the files need not be there any more."""
    view = view_of(snapshot, generation)
    stretches = _stretches(snapshot, stream, keys, view, threads_from_bytes)
    return lambda: join_rows(stream, rows_in_order(joined_by_writer(stretches), view), keys)


def list_keys(
    store: Store,
    path: RunPath,
    *,
    stream: Stream = "history",
    generation: str | None = None,
    states: PartStates | None = None,
) -> list[str]:
    """The escaped paths of all keys in first-logged order; of segments only the series files are read, and with
    `states` parts that no longer grow once.
    """

    def read(snapshot: Snapshot) -> list[str]:
        return _keys(snapshot, stream, view_of(snapshot, generation), states)

    return read_consistently(store, path, read)


def _keys(snapshot: Snapshot, stream: Stream, view: View, states: PartStates | None) -> list[str]:
    if view.taken and stream == "history":  # which keys were logged before the cut, only the rows say
        stretches = joined_by_writer(_stretches(snapshot, stream, None, view))
        return list(dict.fromkeys(one.key for mine in stretches for rows in mine for one in rows.series))
    files = [(snapshot.values_of(m, stream), m.footers, m.owner) for m in sealed(snapshot, stream, view)]
    of_segments = read_keys(files)
    fresh = [
        key
        for state in unsealed_states(snapshot, states)
        if state is not None and view.has(state.header.incarnation, state.header.generation, stream)
        for key in (state.streams[stream].last if stream in state.streams else ())
    ]
    return list(dict.fromkeys([*of_segments, *fresh])) if fresh else of_segments


def outline_history(store: Store, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
    """What `read_history` would give, without the values.

    Of sealed runs that one process wrote, only the series files are read.
    """
    outline = read_consistently(store, path, lambda snapshot: _outline(snapshot, stream))
    return outline or HistoryOutline.of(read_history(store, path, stream=stream))


def _outline(snapshot: Snapshot, stream: Stream) -> HistoryOutline | None:
    """None where only the rows themselves will do."""
    view = view_of(snapshot)
    metas = sealed(snapshot, stream, view)
    if snapshot.parts or snapshot.has_repeats or view.taken or not metas:
        return None
    tables = [read_outline(snapshot.values_of(m, stream), m.footers, m.owner) for m in metas]
    entries = pa.concat_tables(tables).to_pylist()
    entries.sort(key=lambda entry: (entry["first_n"], entry["position"]))
    row_count = entries[0]["first_n"]
    largest: dict[tuple[str, Lane], float] = {}
    counts: Counter[tuple[str, Lane]] = Counter()
    for entry in entries:
        if entry["writer"] != entries[0]["writer"]:
            return None  # whose rows come first is for their times to say
        if entry["key"] == STEP:
            if entry["first_n"] != row_count:
                return None
            row_count += entry["row_count"]
        if entry["position"] >= 0:
            series = (entry["key"], entry["lane"])
            size = max(entry["max"], -entry["min"]) if entry["lane"] == "i64" else 0.0
            largest[series] = max(size, largest.get(series, 0.0))
            counts[series] += entry["count"]
    if float(EXACT_INTEGER) in largest.values():
        return None  # the next integer has the same float
    series_outlines = [SeriesOutline(*series, int(size), counts[series]) for series, size in largest.items()]
    return HistoryOutline(row_count - entries[0]["first_n"], series_outlines)


def sample_history(
    store: Store,
    path: RunPath,
    key: str,
    *,
    samples: int,
    stream: Stream = "history",
    generation: str | None = None,
) -> History:
    """min(rows, `samples`) rows of one numeric key that draw the same line, by `sample.line_sample`.

    Of sealed runs only the pyramid is read where it has as many points: 256 times less than the values. Of rows that
    are not sealed the same pyramid is made first, so sealing does not change the picture.
    """

    def read(snapshot: Snapshot) -> Callable[[], History]:
        sketch = _sketch(snapshot, stream, key, generation, samples)
        return _read(snapshot, stream, [key], generation) if sketch is None else lambda: sketch

    put_together = read_consistently(store, path, read)
    with reading(path):
        history = put_together()
        if history.source_row_count is not None:
            return history
        rows, values = numbers(history)
        picks = line_sample(values, samples)
        return replace(take_rows(history, picks if rows is None else rows[picks]), source_row_count=len(values))


def _sketch(snapshot: Snapshot, stream: Stream, key: str, generation: str | None, samples: int) -> History | None:
    """The sample as the pyramid has it; None where only the rows themselves will do."""
    view = view_of(snapshot, generation)
    if snapshot.has_repeats or view.taken or any(unsealed(snapshot, stream, view)):
        return None
    metas = sealed(snapshot, stream, view)
    footers = {name: footer for meta in metas for name, footer in meta.footers.items()}
    files = [(snapshot.values_of(m, stream), m.owner) for m in metas]
    points = read_pyramid(files, spellings([key]), footers)
    if points is None:
        return None
    steps, values, source_row_count, name = points
    if len(values) < min(source_row_count, samples):
        return None
    picks = minmax_sample(values, samples)
    lane: Lane = "i64" if values.dtype == np.int64 else "f64"
    series = Series(name, lane, None, pa.chunked_array([from_numpy(values[picks])]))
    return History(stream, steps[picks], None, None, [series], source_row_count)


def spellings(keys: Iterable[str]) -> frozenset[str]:
    """The escaped paths that a user's key may mean: the literal key, and the dotted path."""
    return frozenset(path for key in keys for path in (key, escape_key(key)))


def _stretches(
    snapshot: Snapshot,
    stream: Stream,
    keys: Sequence[str] | None,
    view: View,
    threads_from_bytes: int = THREADS_FROM_BYTES,
) -> list[WriterRows]:
    """Every stretch of rows of the generation, from segments and parts."""
    wanted = None if keys is None else spellings(keys)
    metas = sealed(snapshot, stream, view)
    fresh = list(unsealed(snapshot, stream, view))
    # Several writers are put in order by their times, so then the times must be read.
    several = len({s.writer for m in metas for s in m.stretches if s.stream == stream} | {r.writer for r in fresh}) > 1
    axes = AXES if keys is None else [a for a in AXES if a == STEP or a in keys or (several and a == TIMESTAMP)]

    def read(meta: Meta) -> list[WriterRows]:
        file = snapshot.values_of(meta, stream)
        rows = read_rows(file, stream, wanted, axes=axes, footers=meta.footers, owner=meta.owner)
        return list(view.counted(meta.generation, rows))

    size_bytes = sum(footer.size_bytes for meta in metas for footer in meta.footers.values())
    of_segments = list(chain.from_iterable(_side_by_side(read, metas, is_worth=size_bytes >= threads_from_bytes)))
    return of_segments + (fresh if wanted is None else [only_keys(rows, wanted) for rows in fresh])


def _side_by_side(work: Callable[[T], R], items: Sequence[T], *, is_worth: bool) -> list[R]:
    """What becomes of each item, in their order; Parquet is decoded without holding up other threads."""
    if len(items) < 2 or not is_worth:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), os.cpu_count() or 1), thread_name_prefix="runlake-read") as pool:
        return list(pool.map(work, items))


def only_keys(rows: WriterRows, wanted: frozenset[str]) -> WriterRows:
    """The rows with the series of these keys (escaped paths) only."""
    series = [s for s in rows.series if s.key in wanted]
    return WriterRows(rows.writer, rows.stream, rows.first_n, rows.step, rows.timestamp, rows.runtime, series)


def rows_in_order(writers: list[list[WriterRows]], view: View) -> tuple[list[WriterRows], Int64s | None]:
    """All stretches one behind the other, and the permutation that puts their rows in order; None when they are."""
    if len(writers) < 2:
        return [rows for mine in writers for rows in mine], None
    floors = {mine[0].writer: view.after.get(mine[0].writer, -np.inf) for mine in writers}
    times = {mine[0].writer: filled_times(_concatenated([rows.timestamp for rows in mine])) for mine in writers}

    def place_of(mine: list[WriterRows]) -> tuple[float, int, str]:
        writer = mine[0].writer
        return max(float(times[writer][0]), floors[writer]), view.sessions.get(writer, 0), writer

    writers = sorted(writers, key=place_of)
    stretches = [rows for mine in writers for rows in mine]
    ends = [max(floors[mine[0].writer], float(times[mine[0].writer].max())) for mine in writers]
    starts = [max(floors[mine[0].writer], float(times[mine[0].writer].min())) for mine in writers]
    if all(end <= start for end, start in zip(ends, starts[1:], strict=False)):
        return stretches, None
    timestamp = np.concatenate([times[mine[0].writer] for mine in writers])
    # A stable sort by time keeps (writer, n) among equals, but one writer's own rows never change their order,
    # whatever its clock did: hence the running maximum.
    place = 0
    for mine in writers:
        count = sum(rows.row_count for rows in mine)
        timestamp[place] = max(timestamp[place], floors[mine[0].writer])
        np.maximum.accumulate(timestamp[place : place + count], out=timestamp[place : place + count])
        place += count
    return stretches, np.argsort(timestamp, kind="stable")


def join_rows(stream: Stream, ordered: tuple[list[WriterRows], Int64s | None], keys: Sequence[str] | None) -> History:
    """What `rows_in_order` has put in order, as one history."""
    stretches, order = ordered
    if not stretches:
        empty = np.array([], np.float64)
        return History(stream, np.array([], np.int64), empty, empty)
    step = _concatenated([rows.step for rows in stretches])
    timestamp = usable_times(_concatenated([rows.timestamp for rows in stretches]))
    has_runtime = keys is None or RUNTIME in keys  # else of some stretches it was read, and of others not
    runtime = usable_times(_concatenated([rows.runtime for rows in stretches])) if has_runtime else None
    series = _joined(stretches)
    if order is not None:
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        step = step[order]
        timestamp = timestamp[order]
        runtime = None if runtime is None else runtime[order]
        series = [moved(one, order, place) for one in series]
    return History(
        stream,
        step,
        timestamp if keys is None or TIMESTAMP in keys else None,
        runtime,
        series,
    )


def _concatenated(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _joined(stretches: list[WriterRows]) -> Sequence[Series]:
    if len(stretches) == 1:
        return stretches[0].series
    sealed = [rows.series for rows in stretches if isinstance(rows.series, SealedSeries)]
    if len(sealed) == len(stretches) and all(_is_followed_by(*pair) for pair in pairwise(stretches)):
        return SealedSeries.joined(sealed)
    return join_series(stretches)


def _is_followed_by(one: WriterRows, other: WriterRows) -> bool:
    return one.writer == other.writer and one.first_n + one.row_count == other.first_n


def _window(history: History, min_step: int | None, max_step: int | None) -> History:
    chosen = np.ones(history.row_count, bool)
    if min_step is not None:
        chosen &= history.step >= min_step
    if max_step is not None:
        chosen &= history.step < max_step
    return history if chosen.all() else take_rows(history, np.flatnonzero(chosen))
