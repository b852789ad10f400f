"""Rows as the frames people work with: pandas, Polars, Arrow. Each package is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from runlake.api.selection import Selection
from runlake.errors import NotSupportedError
from runlake.query.rows.dicts import iter_rows, read_python
from runlake.query.rows.history import EXACT_INTEGER, History, Series
from runlake.query.rows.table import MAX_COLUMNS, plain_numbers, plan_columns, wide_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


MAX_CELLS = 20_000_000
"""A frame may have any number of columns as long as it has no more cells than this."""

_FEW_COLUMNS, _FEW_ROWS = 16, 100_000
"""So many numbers are a frame sooner than pyarrow has looked which pandas there is, at the first of all. Of a
million rows pyarrow makes one in a quarter of the time.
"""


def history_to_pandas(
    history: History,
    *,
    axes: Iterable[str] | None = None,
    row_count: int | None = None,
    max_columns: int | None = MAX_COLUMNS,
) -> pd.DataFrame:
    """The rows as a DataFrame over a RangeIndex.

    Integers that are missing somewhere are float64, or Int64 where one is beyond 2**53. Lists, media and columns
    of mixed types hold the Python values as they were logged; a missing value in them is None.
    ``attrs["row_count"]`` is `row_count`, the rows there were before sampling, and ``attrs["sampled"]`` whether
    some of them are left out.
    """
    columns = plan_columns(history)
    objects = {column.path: column.name for column in columns if column.is_text_of_mixed or column.lanes == ("json",)}
    plain = [column for column in columns if column.path not in objects]
    if not objects:
        frame = table_to_pandas(wide_table(history, axes=axes, columns=columns, max_columns=max_columns))
    else:
        import pandas as pd

        frame = table_to_pandas(wide_table(history, axes=axes, columns=plain, max_columns=max_columns))
        found = _object_columns(history, objects)
        extra = pd.DataFrame({name: pd.Series(items, dtype=object) for name, items in found.items()}, dtype=object)
        axis_names = list(frame.columns[: frame.shape[1] - len(plain)])
        frame = pd.concat([frame, extra], axis=1)[[*axis_names, *(column.name for column in columns)]]
    total = history.row_count if row_count is None else row_count
    frame.attrs = {"sampled": history.row_count < total, "row_count": total}
    return frame


def selected_dicts(selection: Selection) -> list[dict[str, Any]]:
    """The selected rows as dicts of what was logged in each."""
    return list(iter_rows(selection.history, axes=selection.axes))


def selected_frame(selection: Selection, *, is_narrow: bool) -> pd.DataFrame:
    """The selected rows as a DataFrame, which says whether it is sampled; `is_narrow`: its keys were named.

    A few rows of many keys are small, many rows of them are not: hence a limit of cells beside that of columns.
    """
    limit = max(MAX_COLUMNS, MAX_CELLS // max(1, selection.history.row_count))
    return history_to_pandas(
        selection.history,
        axes=selection.axes,
        row_count=selection.row_count,
        max_columns=None if is_narrow else limit,
    )


def table_to_pandas(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a DataFrame; integers with gaps are float64, or Int64 where one is beyond 2**53."""
    is_small = table.num_columns <= _FEW_COLUMNS and table.num_rows <= _FEW_ROWS
    numbers = plain_numbers(table) if is_small else None
    if numbers is not None:
        import pandas as pd

        return pd.DataFrame(numbers)
    exact = [place for place, column in enumerate(table.columns) if _needs_int64(column)]
    frame: pd.DataFrame = table.to_pandas()
    if exact:
        import pandas as pd

        for place in exact:
            name = table.column_names[place]
            frame[name] = pd.Series(table.column(place).to_pylist(), dtype="Int64", name=name)
    return frame


def table_to_polars(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a Polars DataFrame, over the same memory where Polars can."""
    try:
        import polars as pl
    except ImportError as error:
        raise NotSupportedError("polars is not installed; install it with: pip install 'runlake[polars]'") from error
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _needs_int64(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_integer(column.type) or not column.null_count or column.null_count == len(column):
        return False
    bounds = pc.min_max(column).as_py()
    return bool(max(bounds["max"], -bounds["min"]) > EXACT_INTEGER)


def _object_columns(history: History, names: dict[str, str]) -> dict[str, list[Any]]:
    """Column name → the Python value of each row, None where there is none."""
    columns: dict[str, list[Any]] = {name: [None] * history.row_count for name in names.values()}
    for series in history.series:
        if series.key in names:
            _fill(columns[names[series.key]], series)
    return columns


def _fill(column: list[Any], series: Series) -> None:
    items = read_python(series.lane, series.values)
    rows = range(len(items)) if series.rows is None else series.rows.tolist()
    for row, item in zip(rows, items, strict=True):
        column[row] = item
