"""Fewer rows of a history: pure functions from one `History` to another.

Values are never copied where all rows of a series stay; where some go, the kept ones are gathered once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from runlake import values
from runlake.errors import BadValueError
from runlake.model import AXES
from runlake.query.rows.history import Float64s, History, Int64s, Series
from runlake.store.arrow import from_numpy

Join = Literal["inner", "outer", "any"]
"""Which rows are kept for several keys: see `with_keys`."""


def key_matches(path: str, key: str) -> bool:
    """Whether the user's `key` means the series at `path`: literally, or as a dotted path."""
    return path == key or values.plain_name(path) == key


def find_series(history: History, key: str) -> list[Series]:
    """The series that `key` means, in first-logged order: one a lane, and more where two paths look alike."""
    return [series for series in history.series if key_matches(series.key, key)]


def _by_name(history: History) -> dict[str, list[Series]]:
    """What `find_series` finds, for every key for which it finds anything."""
    found: dict[str, list[Series]] = {}
    for one in history.series:
        for name in {one.key, values.plain_name(one.key)}:
            found.setdefault(name, []).append(one)
    return found


def take_rows(history: History, positions: Int64s) -> History:
    """The rows at `positions` (int64[m], ascending, without repeats), as a history of m rows."""
    if len(positions) == history.row_count:
        return history
    return replace(
        history,
        step=history.step[positions],
        timestamp=_axis(history.timestamp, positions),
        runtime=_axis(history.runtime, positions),
        series=[_take(series, positions) for series in history.series],
    )


def slice_rows(history: History, start: int, stop: int) -> History:
    """The rows from `start` to before `stop`, without copying any values."""
    return replace(
        history,
        step=history.step[start:stop],
        timestamp=_axis(history.timestamp, slice(start, stop)),
        runtime=_axis(history.runtime, slice(start, stop)),
        series=[_slice(series, start, stop) for series in history.series],
    )


def by_step(history: History) -> History:
    """The same rows by `_step`, those of one step in the order they had."""
    if bool((history.step[1:] >= history.step[:-1]).all()):
        return history
    order = np.argsort(history.step, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return replace(
        history,
        step=history.step[order],
        timestamp=_axis(history.timestamp, order),
        runtime=_axis(history.runtime, order),
        series=[moved(series, order, place) for series in history.series],
    )


def with_keys(history: History, keys: Sequence[str], join: Join = "inner") -> History:
    """The series of `keys`, over the rows that `join` keeps.

    `inner`: rows that have every key; none when a key does not exist. `any`: rows that have at least one.
    `outer`: as `any`, then the rows of one step become one row, steps ascending, the last value of each key
    winning; its times are those of the last row of that step. `_step`, `_timestamp` and `_runtime` are keys
    that every row has.
    """
    kept, _ = rows_with_keys(history, keys, join)
    return _align_steps(kept) if join == "outer" and kept.series else kept


def rows_with_keys(history: History, keys: Sequence[str], join: Join) -> tuple[History, Int64s | None]:
    """`with_keys` before steps are aligned, and which rows were kept; None when all were."""
    if join not in ("inner", "outer", "any"):
        raise BadValueError(f"join={join!r}; it can be 'inner', 'outer' or 'any'")
    by_name = _by_name(history)
    wanted = {key: by_name.get(key, []) for key in keys}
    chosen = {id(one) for found in wanted.values() for one in found}
    narrow = replace(history, series=[one for one in history.series if id(one) in chosen])
    needed = [found for key, found in wanted.items() if found or key not in AXES]
    whole = [any(has_all_rows(one, history.row_count) for one in found) for found in needed]
    if all(whole) if join == "inner" else any(whole) or not needed:
        return narrow, None
    combine = np.logical_and if join == "inner" else np.logical_or
    mask = _present(history.row_count, needed[0])
    for found in needed[1:]:  # one after the other: a thousand keys would be as many masks
        combine(mask, _present(history.row_count, found), out=mask)
    positions = np.flatnonzero(mask)
    return take_rows(narrow, positions), positions


def has_all_rows(series: Series, row_count: int) -> bool:
    """Whether every row of the history has a value in this series."""
    return series.rows is None or len(series.rows) == row_count


def _axis(axis: Float64s | None, rows: Int64s | slice) -> Float64s | None:
    return None if axis is None else axis[rows]


def _present(row_count: int, series: Sequence[Series]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(row_count, dtype=bool)
    for one in series:
        mask[one.rows] = True
    return mask


def _take(series: Series, positions: Int64s) -> Series:
    if series.rows is None:
        return replace(series, values=_gather(series.values, positions))
    if not len(positions):
        return replace(series, rows=positions, values=series.values.slice(0, 0))
    places = np.searchsorted(positions, series.rows)
    hits = positions[np.minimum(places, len(positions) - 1)] == series.rows
    if hits.all():
        return replace(series, rows=places)
    return replace(series, rows=places[hits], values=_gather(series.values, np.flatnonzero(hits)))


def _gather(array: pa.ChunkedArray, positions: Int64s) -> pa.ChunkedArray:
    if pa.types.is_null(array.type):
        return array.slice(0, len(positions))
    return array.take(from_numpy(positions))


def moved(series: Series, order: Int64s, place: Int64s) -> Series:
    """The series after the row at `order[i]` has gone to i; `place` is the inverse."""
    if series.rows is None:
        return replace(series, values=_gather(series.values, order))
    rows = place[series.rows]
    by_row = np.argsort(rows, kind="stable")
    return replace(series, rows=rows[by_row], values=_gather(series.values, by_row))


def _slice(series: Series, start: int, stop: int) -> Series:
    if series.rows is None:
        return replace(series, values=series.values.slice(start, stop - start))
    first, last = (int(place) for place in np.searchsorted(series.rows, (start, stop)))
    return replace(series, rows=series.rows[first:last] - start, values=series.values.slice(first, last - first))


def _align_steps(history: History) -> History:
    steps, groups = np.unique(history.step, return_inverse=True)
    if len(steps) == history.row_count and bool((np.diff(history.step) > 0).all()):
        return history
    last_row = np.zeros(len(steps), dtype=np.int64)
    np.maximum.at(last_row, groups, np.arange(history.row_count))
    newest: dict[str, Int64s] = {}
    for series in history.series:
        rows = series.positions(history.row_count)
        best = newest.setdefault(series.key, np.full(len(steps), -1, dtype=np.int64))
        np.maximum.at(best, groups[rows], rows)
    return replace(
        history,
        step=steps,
        timestamp=_axis(history.timestamp, last_row),
        runtime=_axis(history.runtime, last_row),
        series=[_at_newest(series, newest[series.key], groups, history.row_count) for series in history.series],
    )


def _at_newest(series: Series, newest: Int64s, groups: Int64s, row_count: int) -> Series:
    """Of each step the value of `series`, where that key's newest row of the step is one of this lane."""
    rows = series.positions(row_count)
    places = np.flatnonzero(newest[groups[rows]] == rows)
    steps = groups[rows[places]]
    order = np.argsort(steps, kind="stable")
    return replace(series, rows=steps[order], values=_gather(series.values, places[order]))
