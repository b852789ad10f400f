"""A history as Arrow tables: one wide (a column a key) or one long (a row a value).

A wide table begins with ``_step, _runtime, _timestamp``; the keys follow in first-logged order. A missing value is
null, NaN stays NaN, a logged None is null. A column is called what the user called it (`values.plain_name`), and
only where two of them would be called alike by its escaped path.

A key that was logged with several types is one column: integers and floats are float64 unless an integer is beyond
2**53; every other mix is text, in which what was no text stands as JSON. Such a field says so in its metadata
(``runlake.mixed``: the lanes), and a field of JSON text says ``runlake.lane = json``.

Dense columns of one type are the arrays of the history themselves: no value is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, field

from runlake import values
from runlake.errors import BadValueError
from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane
from runlake.query.rows.history import EXACT_INTEGER, History, HistoryOutline, Series
from runlake.query.rows.select import has_all_rows, slice_rows
from runlake.stopping import check_wanted
from runlake.store.arrow import from_numpy, from_texts, to_numpy

MAX_COLUMNS = 2000
"""More columns than this make a table that costs far more than it holds."""

PIECE_CELLS = 500_000
"""Smaller pieces of thousands of columns take longer to cut than to fill."""

TABLE_AXES = (STEP, RUNTIME, TIMESTAMP)
_LANE_TYPES: dict[Lane, pa.DataType] = {
    "i64": pa.int64(),
    "f64": pa.float64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "json": pa.string(),
    "null": pa.null(),
}
_LONG_LANES: tuple[Lane, ...] = ("f64", "i64", "bool", "str", "json")
_ALL_LANES = from_texts(_LANE_TYPES)


class TableColumn(Struct, frozen=True):
    """One column of a wide table: the key at `path`, called `name`, logged in `lanes` (None aside)."""

    path: str
    name: str
    lanes: tuple[Lane, ...]
    type: pa.DataType

    @property
    def is_text_of_mixed(self) -> bool:
        """Whether values that were no text stand in it as JSON, beside text."""
        return len(self.lanes) > 1 and pa.types.is_string(self.type)

    @property
    def field(self) -> pa.Field:
        metadata = {}
        if len(self.lanes) > 1:
            metadata["runlake.mixed"] = ",".join(self.lanes)
        elif self.lanes == ("json",):
            metadata["runlake.lane"] = "json"
        return pa.field(self.name, self.type, metadata=metadata or None)


class ColumnPlan(Struct):
    """Gathers the keys of one history, or of many, and says which columns hold them all."""

    lanes: dict[str, list[Lane]] = field(default_factory=dict)
    big: set[str] = field(default_factory=set)

    def add(self, history: History) -> None:
        """Take note of the keys of `history`; nothing of it is kept."""
        integers = []
        for series in history.series:
            lanes = self.lanes.setdefault(series.key, [])
            if series.lane not in lanes and len(series.values):
                lanes.append(series.lane)
            if series.lane == "i64":
                integers.append(series)
        for series in integers:
            if len(self.lanes[series.key]) > 1 and series.key not in self.big:
                bounds = pc.min_max(series.values).as_py()
                if bounds["max"] is not None and max(bounds["max"], -bounds["min"]) > EXACT_INTEGER:
                    self.big.add(series.key)

    def add_outline(self, outline: HistoryOutline, keys: Sequence[str] | None = None) -> None:
        """Take note of the keys of one history of many, or of those that `keys` mean."""
        wanted = None if keys is None else set(keys)
        for series in outline.series:
            if wanted is None or series.key in wanted or values.plain_name(series.key) in wanted:
                lanes = self.lanes.setdefault(series.key, [])
                if series.lane not in lanes:
                    lanes.append(series.lane)
                if series.largest > EXACT_INTEGER:  # a later history may bring floats for this key
                    self.big.add(series.key)

    def columns(self, reserved: Iterable[str] = AXES) -> list[TableColumn]:
        """The columns in first-logged order; none is called as one of `reserved`."""
        names = column_names(self.lanes, reserved)
        columns = []
        for path, lanes in self.lanes.items():
            typed = tuple(lane for lane in lanes if lane != "null")
            columns.append(TableColumn(path, names[path], typed, _joined_type(typed, path in self.big)))
        return columns


def column_names(paths: Iterable[str], reserved: Iterable[str] = AXES) -> dict[str, str]:
    """What each path's column is called: plain names, escaped paths where two would be alike.

    A key of the user's that is called as one of `reserved` gets a backslash before it.
    """
    reserved = set(reserved)
    names: dict[str, str] = {}
    pending = {path: values.plain_name(path) for path in paths}
    while pending:
        names.update(pending)
        holders: dict[str, list[str]] = {}
        for path, name in names.items():
            holders.setdefault(name, []).append(path)
        pending = {
            path: f"\\{path}" if path in reserved else path
            for name, paths_of_name in holders.items()
            if len(paths_of_name) > 1 or name in reserved
            for path in paths_of_name
            if names[path] != (f"\\{path}" if path in reserved else path)
        }
    return names


def plan_columns(history: History) -> list[TableColumn]:
    """The columns that hold this history."""
    plan = ColumnPlan()
    plan.add(history)
    return plan.columns()


def check_width(column_count: int, limit: int | None = MAX_COLUMNS) -> None:
    """Refuse more columns than `limit`, and say what to do instead."""
    if limit is not None and column_count > limit:
        raise BadValueError(
            f"{column_count:,} keys would make a table of as many columns (the limit is {limit:,}); "
            "name the ones you need with keys=[...], read rows with scan_history(), or use the long format"
        )


def plain_numbers(table: pa.Table) -> dict[str, npt.NDArray[Any]] | None:
    """The columns of a table as numpy has them; None unless all of them are numbers without gaps."""
    columns = dict(zip(table.column_names, table.columns, strict=True))
    if any(c.null_count or not (pa.types.is_integer(c.type) or pa.types.is_floating(c.type)) for c in columns.values()):
        return None
    return {name: to_numpy(column) for name, column in columns.items()}


def wide_table(
    history: History,
    *,
    axes: Iterable[str] | None = None,
    columns: Iterable[TableColumn] | None = None,
    max_columns: int | None = MAX_COLUMNS,
) -> pa.Table:
    """The history as one table: the `axes` (all that it has), then a column for each key (or each of `columns`).

    Raises `BadValueError` beyond `max_columns` columns; None lifts the limit.
    """
    columns = plan_columns(history) if columns is None else list(columns)
    check_width(len(columns), max_columns)
    by_path: dict[str, list[Series]] = {}
    for series in history.series:
        by_path.setdefault(series.key, []).append(series)
    fields, arrays = [], []
    for name in filled_axes(history) if axes is None else axes:
        array = axis_array(history, name)
        fields.append(pa.field(name, array.type))
        arrays.append(array)
    for column in columns:
        fields.append(column.field)
        arrays.append(column_values(column, by_path.get(column.path, []), history.row_count))
    if not arrays:
        raise BadValueError("a table needs at least one column; name a key or an axis")
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def wide_tables(
    history: History,
    *,
    axes: Iterable[str] | None = None,
    columns: Iterable[TableColumn] | None = None,
    max_columns: int | None = MAX_COLUMNS,
    row_limit: int = 65536,
) -> Iterator[pa.Table]:
    """The table of `wide_table` in pieces of at most `row_limit` rows, all of one schema; at least one piece."""
    axes = filled_axes(history) if axes is None else tuple(axes)
    columns = plan_columns(history) if columns is None else list(columns)
    for start in range(0, max(1, history.row_count), row_limit):
        check_wanted()
        is_whole = history.row_count <= row_limit
        piece = history if is_whole else slice_rows(history, start, min(start + row_limit, history.row_count))
        yield wide_table(piece, axes=axes, columns=columns, max_columns=max_columns)


def narrow_tables(history: History, *, max_columns: int | None = MAX_COLUMNS) -> Iterator[pa.Table]:
    """The pieces of `wide_tables`, each of at most some `PIECE_CELLS` cells: a gap takes as much room as a value."""
    columns = plan_columns(history)
    check_width(len(columns), max_columns)
    row_limit = max(1, PIECE_CELLS // (len(columns) + len(TABLE_AXES)))
    return wide_tables(history, columns=columns, max_columns=max_columns, row_limit=row_limit)


def filled_axes(history: History) -> tuple[str, ...]:
    """Which of `_step`, `_runtime`, `_timestamp` the history has, in that order."""
    filled = {STEP: True, RUNTIME: history.runtime is not None, TIMESTAMP: history.timestamp is not None}
    return tuple(name for name in TABLE_AXES if filled[name])


def axis_array(history: History, name: str) -> pa.Array:
    """One of `_step`, `_timestamp`, `_runtime` as an Arrow array over the same memory."""
    axis = {STEP: history.step, TIMESTAMP: history.timestamp, RUNTIME: history.runtime}[name]
    if axis is None:
        raise BadValueError(f"the history was read without {name}; name it among the keys to read")
    return from_numpy(axis)


def column_values(column: TableColumn, series: Iterable[Series], row_count: int) -> pa.ChunkedArray | pa.Array:
    """The values of one column, from the series of its key: `row_count` values of the column's type."""
    parts = [one for one in series if one.lane != "null" and len(one.values)]
    if not parts:
        return pa.nulls(row_count, column.type)
    arrays = [_as_type(one, column.type) for one in parts]
    if len(parts) == 1 and has_all_rows(parts[0], row_count):
        return arrays[0]
    source = np.full(row_count, -1, dtype=np.int64)
    begin = 0
    for one, array in zip(parts, arrays, strict=True):
        places = np.arange(begin, begin + len(array))
        if one.rows is None:
            source[:] = places
        else:
            source[one.rows] = places
        begin += len(array)
    chunks = [chunk for array in arrays for chunk in array.chunks]
    return pa.chunked_array(chunks, column.type).take(from_numpy(source, is_there=source >= 0))


def long_tables(history: History) -> Iterator[pa.Table]:
    """The history as one row a value: key, lane, row, step, timestamp, value_f64, value_i64, value_bool, value_str,
    value_json. In pieces, one a key; at least one piece.

    By key, then row. Exactly one value column is set, the one of the lane; none where None was logged. `row` is
    the position in the history; `timestamp` is null where it was not read. Rows without keys are not in it.
    """
    by_path: dict[str, list[Series]] = {}
    for series in history.series:
        by_path.setdefault(series.key, []).append(series)
    if not by_path:
        by_path[""] = [Series("", "null", np.zeros(0, dtype=np.int64), pa.chunked_array([], pa.null()))]
    names = from_texts(column_names(by_path, ()).values())
    for code, lanes in enumerate(by_path.values()):
        pieces = [_long_piece(history, series, names, code) for series in lanes]
        yield pieces[0] if len(pieces) == 1 else pa.concat_tables(pieces).sort_by("row")


def _long_piece(history: History, series: Series, names: pa.Array, code: int) -> pa.Table:
    rows = series.positions(history.row_count)
    count = len(rows)
    times = history.timestamp
    lane_code = list(_LANE_TYPES).index(series.lane)
    data = {
        "key": pa.DictionaryArray.from_arrays(np.full(count, code, dtype=np.int32), names),
        "lane": pa.DictionaryArray.from_arrays(np.full(count, lane_code, dtype=np.int8), _ALL_LANES),
        "row": from_numpy(rows),
        "step": from_numpy(history.step[rows]),
        "timestamp": pa.nulls(count, pa.float64()) if times is None else from_numpy(times[rows]),
    }
    for lane in _LONG_LANES:
        filled = series.lane == lane
        data[f"value_{lane}"] = series.values if filled else pa.nulls(count, _LANE_TYPES[lane])
    return pa.table(data)


def long_groups(history: History, *, row_limit: int) -> Iterator[pa.Table]:
    """The rows of `long_tables` in pieces of whole keys, each of some `row_limit` rows; at least one piece.

    For histories of very many keys of few rows: a table for each of them costs far more than it holds.
    """
    places: dict[str, int] = {}
    for series in history.series:
        places.setdefault(series.key, len(places))
    names = from_texts(column_names(places, ()).values())
    ordered = sorted(history.series, key=lambda series: places[series.key])
    pending: list[Series] = []
    row_count = 0
    for series in ordered:
        if row_count >= row_limit and series.key != pending[-1].key:
            yield _long_group(history, pending, names, places)
            pending, row_count = [], 0
        pending.append(series)
        row_count += len(series.values)
    yield _long_group(history, pending, names, places)


def _long_group(history: History, group: list[Series], names: pa.Array, places: Mapping[str, int]) -> pa.Table:
    """One row a value of these series, by key, then row."""
    counts = [len(series.values) for series in group]
    codes = np.repeat(np.array([places[series.key] for series in group], np.int32), counts)
    rows = np.concatenate([np.zeros(0, np.int64), *(series.positions(history.row_count) for series in group)])
    lanes = np.repeat(np.array([list(_LANE_TYPES).index(series.lane) for series in group], np.int8), counts)
    order = np.lexsort((rows, codes))
    times = history.timestamp
    codes, rows, lanes = codes[order], rows[order], lanes[order]
    data = {
        "key": pa.DictionaryArray.from_arrays(codes, names),
        "lane": pa.DictionaryArray.from_arrays(lanes, _ALL_LANES),
        "row": from_numpy(rows),
        "step": from_numpy(history.step[rows]),
        "timestamp": pa.nulls(len(rows), pa.float64()) if times is None else from_numpy(times[rows]),
    }
    for lane in _LONG_LANES:
        chunks = [chunk for series in group if series.lane == lane for chunk in series.values.chunks]
        source = np.full(len(rows), -1, np.int64)
        is_of_lane = np.repeat(np.array([series.lane == lane for series in group], bool), counts)
        source[is_of_lane] = np.arange(np.count_nonzero(is_of_lane))
        source = source[order]
        values_of_lane = pa.chunked_array(chunks, _LANE_TYPES[lane]).combine_chunks()
        data[f"value_{lane}"] = values_of_lane.take(from_numpy(source, is_there=source >= 0))
    return pa.table(data)


def _joined_type(lanes: tuple[Lane, ...], has_big_integer: bool) -> pa.DataType:
    if not lanes:
        return pa.null()
    if len(lanes) == 1:
        return _LANE_TYPES[lanes[0]]
    if set(lanes) == {"i64", "f64"} and not has_big_integer:
        return pa.float64()
    return pa.string()


def _as_type(series: Series, wanted: pa.DataType) -> pa.ChunkedArray:
    array = series.values
    if array.type == wanted:
        return array
    if not pa.types.is_string(wanted):
        return array.cast(wanted)
    if series.lane == "f64":
        return pa.chunked_array([[values.encode_json(value) for value in array.to_pylist()]], pa.string())
    return array.cast(pa.string())
