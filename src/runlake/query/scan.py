"""Segments and the journal behind them as one history.

Rows are identified by (generation, writer, n): a row that stands both in a segment and in a part that was not dropped
yet is taken once. The rows of one writer follow each other; those of writers whose times overlap are merged by
(timestamp, writer, n), others by start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, RunPath, Stream
from runlake.query.history import History, Series
from runlake.query.sample import minmax_sample
from runlake.query.select import take_rows
from runlake.store import segment
from runlake.store.decode import ARROW_TYPE_OF_LANE, ScannedPart, rows_of
from runlake.store.layout import Layout
from runlake.store.run_state import newest_of
from runlake.store.segment import Meta
from runlake.store.series import Float64s, Int64s, WriterRows
from runlake.store.snapshot import Snapshot, read_consistently
from runlake.values import escape_key


def read_history(
    layout: Layout,
    path: RunPath,
    *,
    stream: Stream = "history",
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> History:
    """The rows of one stream, as `service.contract` has it."""

    def read(snapshot: Snapshot) -> list[WriterRows]:
        return _stretches(snapshot, stream, keys)

    history = _join(stream, _in_order(_joined_by_writer(read_consistently(layout, path, read))), keys)
    return history if min_step is None and max_step is None else _window(history, min_step, max_step)


def list_keys(layout: Layout, path: RunPath, *, stream: Stream = "history") -> list[str]:
    """The escaped paths of all keys in first-logged order; of segments only the series files are read."""
    return read_consistently(layout, path, lambda snapshot: _keys(snapshot, stream))


def _keys(snapshot: Snapshot, stream: Stream) -> list[str]:
    newest = newest_of(snapshot)
    files = [(snapshot.segments_dir / m.files[stream], m.footers) for m in _sealed(snapshot, stream, newest)]
    sealed = [key for _, _, key in sorted(found for file in files for found in segment.read_keys(*file))]
    fresh = [s.key for rows in _unsealed(snapshot, stream, newest) for s in rows.series]
    return list(dict.fromkeys([*sealed, *fresh]))


def sample_history(layout: Layout, path: RunPath, key: str, *, samples: int, stream: Stream = "history") -> History:
    """At most `samples` rows of one numeric key that draw the same line.

    Chosen from the pyramid, which sealed runs have: 256 times less to read than the values. Of rows that are not
    sealed the same pyramid is made first, so sealing does not change the picture.
    """
    sketch = read_consistently(layout, path, lambda snapshot: _sketch(snapshot, stream, key))
    if sketch is None:
        return _sample_rows(read_history(layout, path, stream=stream, keys=[key]), samples)
    steps, values, source_row_count, name = sketch
    picks = minmax_sample(values, samples)
    lane: Lane = "i64" if values.dtype == np.int64 else "f64"
    series = Series(name, lane, None, pa.chunked_array([pa.array(values[picks])]))
    return History(stream, steps[picks], None, None, [series], source_row_count)


def _sample_rows(history: History, samples: int) -> History:
    rows, values = _numbers(history)
    rows = np.arange(history.row_count) if rows is None else rows
    edges = np.searchsorted(rows, np.arange(0, history.row_count + segment.CHUNK_ROWS, segment.CHUNK_ROWS))
    points = [low + segment.pyramid(values[low:high]) for low, high in pairwise(edges)]
    kept = np.concatenate(points) if points else np.array([], np.int64)
    picks = kept[minmax_sample(values[kept], samples)]
    return replace(take_rows(history, rows[picks]), source_row_count=len(values))


def _numbers(history: History) -> tuple[Int64s | None, Float64s]:
    """The positions and values of everything numeric in a history of one key."""
    numeric = [s for s in history.series if s.lane in ("f64", "i64")]
    if not numeric:
        return np.array([], np.int64), np.array([])
    if len(numeric) == 1:
        return numeric[0].rows, numeric[0].values.to_numpy().astype(np.float64)
    rows = np.concatenate([np.arange(history.row_count) if s.rows is None else s.rows for s in numeric])
    values = np.concatenate([s.values.to_numpy().astype(np.float64) for s in numeric])
    order = np.argsort(rows, kind="stable")
    return rows[order], values[order]


def _sketch(snapshot: Snapshot, stream: Stream, key: str) -> tuple[Int64s, npt.NDArray[Any], int, str] | None:
    """(steps, values, row count, path) of one key's pyramid points; None where only the rows themselves will do."""
    newest = newest_of(snapshot)
    if snapshot.has_repeats or any(_unsealed(snapshot, stream, newest)):
        return None
    metas = _sealed(snapshot, stream, newest)
    footers = {name: footer for meta in metas for name, footer in meta.footers.items()}
    return segment.read_pyramid([snapshot.segments_dir / m.files[stream] for m in metas], spellings([key]), footers)


def _sealed(snapshot: Snapshot, stream: Stream, newest: tuple[str, str]) -> list[Meta]:
    """The segments that hold rows of the stream."""
    return [m for m in snapshot.metas if (m.incarnation, m.generation) == newest and stream in m.files]


def _unsealed(snapshot: Snapshot, stream: Stream, newest: tuple[str, str]) -> Iterator[WriterRows]:
    """The rows of the stream that no segment has, writer by writer."""
    by_writer: dict[str, list[ScannedPart]] = {}
    for name in snapshot.parts:
        part = snapshot.scan(name)
        if (part.header.get("incarnation"), part.header.get("generation")) == newest:
            by_writer.setdefault(name.writer, []).append(part)
    for writer, parts in by_writer.items():
        rows = rows_of(writer, parts, stream)
        if rows is not None:
            yield rows


def spellings(keys: Iterable[str]) -> frozenset[str]:
    """The escaped paths that a user's key may mean: the literal key, and the dotted path."""
    return frozenset(path for key in keys for path in (key, escape_key(key)))


def _stretches(snapshot: Snapshot, stream: Stream, keys: Sequence[str] | None) -> list[WriterRows]:
    """Every stretch of rows of the newest generation, from segments and parts."""
    newest = newest_of(snapshot)
    wanted = None if keys is None else spellings(keys)
    metas = _sealed(snapshot, stream, newest)
    fresh = list(_unsealed(snapshot, stream, newest))
    # Several writers are put in order by their times, so then the times must be read.
    several = len({s.writer for m in metas for s in m.stretches if s.stream == stream} | {r.writer for r in fresh}) > 1
    axes = AXES if keys is None else [a for a in AXES if a == STEP or a in keys or (several and a == TIMESTAMP)]
    sealed = [
        rows
        for meta in metas
        for rows in segment.read_rows(
            snapshot.segments_dir / meta.files[stream], stream, wanted, axes=axes, footers=meta.footers
        )
    ]
    return sealed + (fresh if wanted is None else [_only(rows, wanted) for rows in fresh])


def _only(rows: WriterRows, wanted: frozenset[str]) -> WriterRows:
    series = [s for s in rows.series if s.key in wanted]
    return WriterRows(rows.writer, rows.stream, rows.first_n, rows.step, rows.timestamp, rows.runtime, series)


def _joined_by_writer(stretches: list[WriterRows]) -> list[list[WriterRows]]:
    """Each writer's stretches in order; rows that a later stretch repeats are left out of it."""
    by_writer: dict[str, list[WriterRows]] = {}
    for rows in sorted(stretches, key=lambda r: (r.writer, r.first_n)):
        mine = by_writer.setdefault(rows.writer, [])
        next_n = mine[-1].first_n + mine[-1].row_count if mine else rows.first_n
        if rows.first_n < next_n:
            rows = _without_first(rows, next_n - rows.first_n)
        if rows.row_count:
            mine.append(rows)
    return [mine for mine in by_writer.values() if mine]


def _without_first(rows: WriterRows, count: int) -> WriterRows:
    kept = max(0, rows.row_count - count)
    series = []
    for one in rows.series:
        if one.rows is None:
            series.append(Series(one.key, one.lane, None, one.values.slice(count)))
        else:
            start = int(np.searchsorted(one.rows, count))
            if start < len(one.rows):
                series.append(Series(one.key, one.lane, one.rows[start:] - count, one.values.slice(start)))
    return WriterRows(
        rows.writer,
        rows.stream,
        rows.first_n + count,
        rows.step[-kept:] if kept else rows.step[:0],
        rows.timestamp[-kept:] if kept else rows.timestamp[:0],
        rows.runtime[-kept:] if kept else rows.runtime[:0],
        series if kept else [],
    )


def _in_order(writers: list[list[WriterRows]]) -> tuple[list[WriterRows], Int64s | None]:
    """All stretches one behind the other, and the permutation that puts their rows in order; None when they are."""
    if len(writers) < 2:
        return [rows for mine in writers for rows in mine], None
    writers = sorted(writers, key=lambda mine: (mine[0].timestamp[0], mine[0].writer))
    stretches = [rows for mine in writers for rows in mine]
    ends = [float(max(rows.timestamp.max() for rows in mine)) for mine in writers]
    starts = [float(min(rows.timestamp.min() for rows in mine)) for mine in writers]
    if all(end <= start for end, start in zip(ends, starts[1:], strict=False)):
        return stretches, None
    timestamp = np.concatenate([rows.timestamp for rows in stretches])
    # A stable sort by time keeps (writer, n) among equals, but one writer's own rows never change their order,
    # whatever its clock did: hence the running maximum.
    place = 0
    for mine in writers:
        count = sum(rows.row_count for rows in mine)
        np.maximum.accumulate(timestamp[place : place + count], out=timestamp[place : place + count])
        place += count
    return stretches, np.argsort(timestamp, kind="stable")


def _join(stream: Stream, ordered: tuple[list[WriterRows], Int64s | None], keys: Sequence[str] | None) -> History:
    stretches, order = ordered
    if not stretches:
        empty = np.array([], np.float64)
        return History(stream, np.array([], np.int64), empty, empty)
    step = _concatenated([rows.step for rows in stretches])
    timestamp = _concatenated([rows.timestamp for rows in stretches])
    runtime = _concatenated([rows.runtime for rows in stretches])
    series = _join_series(stretches, len(step))
    if order is not None:
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        step = step[order]
        timestamp = timestamp[order]
        runtime = runtime[order] if len(runtime) else runtime
        series = [_reordered(one, place) for one in series]
    return History(
        stream,
        step,
        timestamp if keys is None or TIMESTAMP in keys else None,
        runtime if keys is None or RUNTIME in keys else None,
        series,
    )


def _concatenated(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _join_series(stretches: list[WriterRows], row_count: int) -> list[Series]:
    pieces: dict[tuple[str, str], list[tuple[int, int, Series]]] = {}
    start = 0
    for rows in stretches:
        for one in rows.series:
            pieces.setdefault((one.key, one.lane), []).append((start, rows.row_count, one))
        start += rows.row_count
    joined = []
    for (key, _), mine in pieces.items():
        lane = mine[0][2].lane
        values = pa.chunked_array([c for _, _, s in mine for c in s.values.chunks], ARROW_TYPE_OF_LANE[lane])
        if len(values) == row_count:
            joined.append(Series(key, lane, None, values))
            continue
        positions = [start + (np.arange(count) if s.rows is None else s.rows) for start, count, s in mine]
        joined.append(Series(key, lane, np.concatenate(positions), values))
    return joined


def _reordered(one: Series, place: Int64s) -> Series:
    rows = place if one.rows is None else place[one.rows]
    order = np.argsort(rows, kind="stable")
    return Series(one.key, one.lane, None if one.rows is None else rows[order], one.values.take(pa.array(order)))


def _window(history: History, min_step: int | None, max_step: int | None) -> History:
    chosen = np.ones(history.row_count, bool)
    if min_step is not None:
        chosen &= history.step >= min_step
    if max_step is not None:
        chosen &= history.step < max_step
    return history if chosen.all() else take_rows(history, np.flatnonzero(chosen))
