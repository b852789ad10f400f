"""The numbers of some keys of a run as points of lines, read no further than the lines need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from runlake.model import RUNTIME, STEP, TIMESTAMP, RunPath, Stream
from runlake.query.rows.history import History, Int64s
from runlake.query.rows.sample import is_numeric, numbers
from runlake.query.rows.scan import join_rows, read_history, rows_in_order, spellings
from runlake.query.tiles.points import Points, points_of
from runlake.query.tiles.question import Window
from runlake.store.arrow import to_numpy
from runlake.store.run.snapshot import Snapshot, read_consistently, reading
from runlake.store.run.view import joined_by_writer, sealed, unsealed, view_of
from runlake.store.segment.directory import COLUMNS
from runlake.store.segment.meta import Meta
from runlake.store.segment.pyramid import PYRAMID_STEP
from runlake.store.segment.read import read_series, read_steps, rows_of_series
from runlake.store.segment.segments import SegmentFile
from runlake.store.store import Store

_SKETCH_COLUMNS = (
    "key", "lane", "first_n", "count", "nan_count", "min", "max", "last", "pyramid_steps", "pyramid_values",
)  # fmt: skip


def keys_to_read(keys: Iterable[str], x: str) -> list[str]:
    """What is to be read of the rows for lines of `keys` over `x`."""
    return list(dict.fromkeys([*keys, x]))


def points_in(history: History, keys: Sequence[str], x: str) -> dict[str, Points]:
    """The points of each key that has numbers in a history that was read with `keys_to_read`.

    `x` is an axis, or a key: then a row without a number of it has no place.
    """
    place = _axis(history, x)
    shared = None if isinstance(place, tuple) else _ascending(place)
    found = {}
    for key in keys:
        rows, values = _numbers_of(history, key)
        if not len(values):
            continue
        if rows is None and shared is not None:
            found[key] = Points(shared, values.astype(np.float64, copy=False), last=float(values[-1]))
        elif isinstance(place, tuple):
            all_x = np.full(history.row_count, np.nan)
            all_x[slice(None) if place[0] is None else place[0]] = place[1]
            found[key] = points_of(all_x if rows is None else all_x[rows], values)
        else:
            found[key] = points_of(place if rows is None else place[rows], values)
    return found


def read_points(
    store: Store, path: RunPath, keys: Sequence[str], x: str, *, stream: Stream, window: Window = (None, None)
) -> dict[str, Points]:
    """The points of each key that has numbers; those in a `window` of steps, and the nearest on either side of it.

    Of sealed runs that one process wrote, only the row groups with such steps are read.
    """
    found: dict[str, Points] = {}
    if x == STEP and window != (None, None):
        some = read_consistently(store, path, lambda snapshot: _read_window(snapshot, stream, keys, window))
        if some is not None:
            with reading(path):
                points = points_in(some.join(), keys, x)
            parts = {key: some.part(key, points[key]) for key in points}
            found = {key: part for key, part in parts.items() if part.serve(window)}
            # Seldom logged: whether there is more of it, and where the nearest rows are, only all of its rows say.
            keys = [key for key in keys if key not in found and key in some.last]
    if not keys:
        return found
    return found | points_in(read_history(store, path, stream=stream, keys=keys_to_read(keys, x)), keys, x)


def read_sketches(
    store: Store, path: RunPath, keys: Sequence[str], *, stream: Stream, least_points: int = 0
) -> dict[str, Points]:
    """Points over steps that stand for all rows, from the pyramids alone, of each key where those will do.

    They will where one process wrote the run, all of it is sealed, steps ascend as far as is seen, and the key has
    finite numbers of one type only.
    Nothing is read where they could not be `least_points`, nor all rows.
    """
    read = partial(_sketch_table, stream=stream, keys=keys, least_points=least_points)
    table = read_consistently(store, path, read)
    if table is None:
        return {}
    with reading(path):
        return _sketches(table, keys)


def _axis(history: History, x: str) -> npt.NDArray[Any] | tuple[Int64s | None, npt.NDArray[Any]]:
    if x == STEP:
        return history.step.astype(np.float64)
    if x in (TIMESTAMP, RUNTIME):
        times = history.timestamp if x == TIMESTAMP else history.runtime
        assert times is not None
        return times
    return _numbers_of(history, x)


def _ascending(x: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """The same as points have it, where it is that already: finite and ascending."""
    is_so = math.isfinite(x.min()) and math.isfinite(x.max()) and bool((x[1:] >= x[:-1]).all()) if len(x) else False
    return x.astype(np.float64, copy=False) if is_so else None


def _numbers_of(history: History, key: str) -> tuple[Int64s | None, npt.NDArray[Any]]:
    names = spellings([key])
    mine = [series for series in history.series if series.key in names and is_numeric(series)]
    rows, values = numbers(replace(history, series=mine))
    return (None if rows is not None and len(rows) == history.row_count else rows), values


def _sealed_by_one(snapshot: Snapshot, stream: Stream) -> list[Meta] | None:
    """The segments of a run, in order, where all of its rows are sealed and one writer's."""
    view = view_of(snapshot)
    if snapshot.has_repeats or view.taken or any(unsealed(snapshot, stream, view)):
        return None
    metas = sealed(snapshot, stream, view)
    stretches = [(s.first_n, s.writer, meta) for meta in metas for s in meta.stretches if s.stream == stream]
    if len({writer for _, writer, _ in stretches}) != 1:
        return None
    return [meta for _, _, meta in sorted(stretches, key=lambda stretch: stretch[:2])]


def _sketch_table(snapshot: Snapshot, stream: Stream, keys: Sequence[str], least_points: int) -> pa.Table | None:
    metas = _sealed_by_one(snapshot, stream)
    if metas is None:
        return None
    row_count = sum(s.row_count for m in metas for s in m.stretches if s.stream == stream)
    if row_count > 2 * PYRAMID_STEP and 2 * row_count // PYRAMID_STEP < least_points:
        return None
    return pa.concat_tables(
        read_series(snapshot.values_of(m, stream).series, spellings(keys), _SKETCH_COLUMNS, m.footers, m.owner)
        for m in metas
    )


def _sketches(table: pa.Table, keys: Sequence[str]) -> dict[str, Points]:
    lengths = pc.fill_null(pc.list_value_length(table["pyramid_steps"]), 0)  # text has no pyramid
    offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy())]).tolist()
    steps, values = (to_numpy(pc.list_flatten(table[name])) for name in ("pyramid_steps", "pyramid_values"))
    if len(steps) != len(values):
        return {}
    columns = (table[name].to_pylist() for name in _SKETCH_COLUMNS[:8])
    pieces: dict[str, list[_Piece]] = {}
    for row in zip(*columns, offsets, offsets[1:], strict=False):
        pieces.setdefault(row[0], []).append(_Piece(*row[1:]))
    found = {}
    for key in keys:
        mine = [piece for name in spellings([key]) for piece in pieces.get(name, ())]
        if mine and len({piece.lane for piece in mine}) == 1 and all(piece.is_finite for piece in mine):
            mine.sort(key=lambda piece: piece.first_n)
            x = np.concatenate([steps[piece.start : piece.stop] for piece in mine])
            if (x[1:] < x[:-1]).any():
                continue  # where steps go back, nobody knows how far
            y = np.concatenate([values[piece.start : piece.stop] for piece in mine])
            points = points_of(x, y, row_count=sum(piece.value_count for piece in mine))
            found[key] = replace(points, last=mine[-1].last)
    return found


class _Piece(NamedTuple):
    """What a series file says of a piece of a series, and where its points are among those of all."""

    lane: str
    first_n: int
    value_count: int
    nan_count: int | None
    low: float | None
    high: float | None
    last: float | None
    start: int
    stop: int

    @property
    def is_finite(self) -> bool:
        """Whether it has nothing but finite numbers."""
        if self.lane not in ("f64", "i64") or self.nan_count or self.low is None or self.high is None:
            return False
        return math.isfinite(self.low) and math.isfinite(self.high)


class _RowGroup(NamedTuple):
    """Rows first_n ≤ n < end_n, with the lowest and the highest of their steps."""

    first_n: int
    end_n: int
    low: int
    high: int


class _Part(NamedTuple):
    """Some rows of a run: what puts them together, whether there are more before and behind them, and the newest value
    of each key that has numbers."""

    join: Callable[[], History]
    is_cut: tuple[bool, bool]
    last: dict[str, float]

    def part(self, key: str, points: Points) -> Points:
        """What these are of the points of a key: all, between the first and the last of them."""
        low = float(points.x[0]) if self.is_cut[0] and len(points.x) else -math.inf
        high = float(points.x[-1]) if self.is_cut[1] and len(points.x) else math.inf
        return replace(points, last=self.last.get(key), within=(low, high))


def _read_window(snapshot: Snapshot, stream: Stream, keys: Sequence[str], window: Window) -> _Part | None:
    """None where the rows must be read whole."""
    metas = _sealed_by_one(snapshot, stream)
    if metas is None:
        return None
    wanted = spellings(keys)
    tables = []
    groups: list[_RowGroup] = []
    for m in metas:
        file = snapshot.values_of(m, stream)
        tables.append(read_series(file.series, wanted | {STEP}, (*COLUMNS, "last"), m.footers, m.owner))
        found = _row_groups(file, tables[-1], m)
        if found is None:
            return None
        groups += found
    groups.sort()
    places = _groups_in(groups, window)
    if places is None:
        return None
    first, last = places
    writer, span = tables[0]["writer"][0].as_py(), (groups[first].first_n, groups[last].end_n)
    stretches = [
        rows
        for m, table in zip(metas, tables, strict=True)
        if any(s.stream == stream and s.first_n < span[1] and span[0] < s.first_n + s.row_count for s in m.stretches)
        for rows in rows_of_series(
            snapshot.values_of(m, stream), stream, table, axes=[STEP], footers=m.footers, ranges={writer: span}
        )
    ]
    view = view_of(snapshot)
    return _Part(
        lambda: join_rows(stream, rows_in_order(joined_by_writer(stretches), view), keys),
        (first > 0, last + 1 < len(groups)),
        _newest_values(tables, keys),
    )


def _row_groups(file: SegmentFile, table: pa.Table, meta: Meta) -> list[_RowGroup] | None:
    """The row groups that the steps of a segment lie in; None where they share theirs with other series or runs."""
    steps = table.filter(pc.equal(table["key"], STEP))
    first_n, row_count, group = (to_numpy(steps[name]) for name in ("first_n", "row_count", "group"))
    bounds = read_steps(file, dict.fromkeys(group.tolist()), meta.footers.get(file.name))
    if bounds is None:
        return None
    found: dict[int, _RowGroup] = {}
    for first, count, number in zip(first_n.tolist(), row_count.tolist(), group.tolist(), strict=True):
        before = found.get(number)
        begin = first if before is None else min(first, before.first_n)
        end = first + count if before is None else max(first + count, before.end_n)
        found[number] = _RowGroup(begin, end, *bounds[number])
    return list(found.values())


def _newest_values(tables: Sequence[pa.Table], keys: Sequence[str]) -> dict[str, float]:
    """The last value of each key that has numbers."""
    newest: dict[str, tuple[int, float]] = {}
    for table in tables:
        columns = (table[name].to_pylist() for name in ("key", "lane", "first_n", "last"))
        for name, lane, first_n, value in zip(*columns, strict=True):
            if lane in ("f64", "i64") and newest.get(name, (-1,))[0] < first_n:
                newest[name] = first_n, math.nan if value is None else value
    return {key: newest[name][1] for key in keys for name in spellings([key]) if name in newest}


def _groups_in(groups: Sequence[_RowGroup], window: Window) -> tuple[int, int] | None:
    """The first and the last of the groups with steps in a window, and so many more that rows on either side of it
    are among them; None where that is all of them, or where steps go back from group to group."""
    lows, highs = (np.array([getattr(group, name) for group in groups]) for name in ("low", "high"))
    if len(groups) < 2 or (lows[1:] < highs[:-1]).any():
        return None
    low = -np.inf if window[0] is None else window[0]
    high = np.inf if window[1] is None else window[1]
    # A neighbour of the window is in the group that holds its end, or in the next one.
    first = max(0, int(np.searchsorted(lows, low, "left")) - 1)
    last = min(len(highs) - 1, int(np.searchsorted(highs, high, "right")))
    return None if (first, last) == (0, len(groups) - 1) else (first, last)
