"""A history as dicts, one a row, that hold only what was logged in it.

The columns are turned into Python objects a batch of rows at a time, so memory does not grow with the length of
the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from runlake import values
from runlake.errors import BadValueError
from runlake.model import AXES, STEP, Lane
from runlake.query.rows.history import History, Series
from runlake.query.rows.select import with_keys
from runlake.query.rows.table import TABLE_AXES, axis_array, filled_axes
from runlake.stopping import check_wanted
from runlake.store.arrow import to_numpy

MAX_BATCH_ROWS = 16_384
MAX_BATCH_VALUES = 262_144

ReadValues = Callable[[Lane, pa.ChunkedArray], list[Any]]
"""Turns some values of one lane into the objects that stand in the rows."""


def iter_rows(
    history: History,
    keys: Sequence[str] | None = None,
    *,
    axes: Iterable[str] | None = None,
    batch_row_count: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Each row as nested plain data: integers stay integers, a logged None is there, nothing is filled in.

    With `keys`, only the rows that have all of them, which hold those keys and `axes`: `_step` and the axes among
    the keys unless others are named.
    """
    if keys is not None:
        if axes is None:
            axes = axes_of_keys(keys)
        history = with_keys(history, keys)
    batches = row_batches(history, axes=axes, batch_row_count=batch_row_count)
    return chain.from_iterable(batches)


def axes_of_keys(keys: Iterable[str], x_axis: str = STEP) -> tuple[str, ...]:
    """Which axes rows and frames of `keys` carry: the `x_axis`, when it is no metric, and those named as keys."""
    named = {x_axis, *keys}
    return tuple(axis for axis in TABLE_AXES if axis in named)


def read_python(lane: Lane, array: pa.ChunkedArray) -> list[Any]:
    """The values of one lane as Python objects; JSON is decoded."""
    if lane == "json":
        return [values.stored_json(text) for text in array.to_pylist()]
    if lane in ("f64", "i64"):
        return to_numpy(array).tolist()  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def row_batches(
    history: History,
    *,
    axes: Iterable[str] | None = None,
    batch_row_count: int | None = None,
    read: ReadValues = read_python,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of `iter_rows`, some at a time; `read` decides what their values look like."""
    if batch_row_count is None:
        batch_row_count = _batch_rows(history)
    elif batch_row_count < 1:
        raise BadValueError(f"{batch_row_count} rows a batch; it must be 1 or more")
    axes = filled_axes(history) if axes is None else tuple(axes)
    # The lanes of one key stand together, so a row's keys keep their order whatever their types.
    first_seen: dict[str, int] = {}
    order = sorted(history.series, key=lambda series: first_seen.setdefault(series.key, len(first_seen)))
    history = replace(history, series=order)
    axis_arrays = {axis: pa.chunked_array([axis_array(history, axis)]) for axis in axes}
    cursors = _Cursors(history)
    for start in range(0, history.row_count, batch_row_count):
        check_wanted()
        stop = min(start + batch_row_count, history.row_count)
        yield _batch(history, axis_arrays, cursors, start, stop, read)


class _Cursors:
    """Where each series stands, so that a batch visits only the series that have values in it."""

    def __init__(self, history: History) -> None:
        self.read = np.zeros(len(history.series), dtype=np.int64)
        self.next_row = np.array([_row_at(series, 0) for series in history.series], dtype=np.int64)

    def advance(self, place: int, series: Series, stop: int) -> tuple[int, int]:
        """The values of `series` before row `stop` that were not read yet, as (first, last + 1)."""
        first = int(self.read[place])
        last = stop if series.rows is None else first + int(np.searchsorted(series.rows[first:], stop))
        last = min(last, len(series.values))
        self.read[place] = last
        self.next_row[place] = _row_at(series, last)
        return first, last


def _row_at(series: Series, position: int) -> int:
    if position >= len(series.values):
        return int(np.iinfo(np.int64).max)
    return position if series.rows is None else int(series.rows[position])


def _batch(
    history: History,
    axis_arrays: dict[str, pa.ChunkedArray],
    cursors: _Cursors,
    start: int,
    stop: int,
    read: ReadValues,
) -> list[dict[str, Any]]:
    count = stop - start
    columns = [read("i64" if axis == STEP else "f64", array.slice(start, count)) for axis, array in axis_arrays.items()]
    names = tuple(axis_arrays)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else []
    if not names:
        rows = [{} for _ in range(count)]
    for place in np.flatnonzero(cursors.next_row < stop).tolist():
        series = history.series[place]
        first, last = cursors.advance(place, series, stop)
        targets: Iterable[dict[str, Any]] = rows
        if series.rows is not None:
            targets = [rows[row] for row in (series.rows[first:last] - start).tolist()]
        _put(targets, row_keys(series.key), read(series.lane, series.values.slice(first, last - first)))
    return rows


def row_keys(path: str) -> tuple[str, ...]:
    """Where the value at `path` stands in a row; a key of the user's named as an axis keeps its backslash."""
    return (f"\\{path}",) if path in AXES else values.split_path(path)


def _put(rows: Iterable[dict[str, Any]], keys: tuple[str, ...], items: list[Any]) -> None:
    *parents, last = keys
    for row, value in zip(rows, items, strict=True):
        node = row
        for key in parents:
            child = node.get(key)
            if type(child) is not dict:
                child = node[key] = {}
            node = child
        node[last] = value


def _batch_rows(history: History) -> int:
    """As many rows as hold about `MAX_BATCH_VALUES` values: few of a wide history, many of a narrow one."""
    value_count = sum(len(series.values) for series in history.series)
    per_row = 3 + value_count / max(1, history.row_count)
    return max(1, min(MAX_BATCH_ROWS, int(MAX_BATCH_VALUES / per_row)))
