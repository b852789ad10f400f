"""Table: rows of cells under named columns; a cell may be a picture."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, LogTypeError
from runlake.media.increments import INCREMENTAL_TYPE, Increment, read_rows
from runlake.media.kinds import kind_of
from runlake.media.stored import Media, OpenFile, WriteFile, store_file
from runlake.values import encode_json

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_COLUMNS = ("Input", "Output", "Expected")
"""What W&B calls the columns of a table that was given none."""

_PREVIEW_ROW_COUNT = 10
_PREVIEW_LETTER_COUNT = 80

Column = str | int

LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")


class RowIndex(int):
    """The number of a row from 0, which knows its table."""

    table: Table

    @classmethod
    def of(cls, table: Table, number: int) -> RowIndex:
        """The index of a row of `table`."""
        index = cls(number)
        index.table = table
        return index

    def get_row(self) -> dict[Column, Any]:
        """The cells of the row by their columns."""
        return dict(zip(self.table.columns, self.table.data[self], strict=True))


class Table(Media):
    """Rows under named columns; in `columns` and `data`, plain lists that may be changed until it is logged.

    `data` (or `rows`, the same) is a list of rows or a two-dimensional array, `dataframe` (or `data`) a pandas or
    polars frame; `columns` then selects from the frame, or renames when it has as many names as the frame has
    columns. Cells are numbers, text, None, lists, dicts, dates, arrays, or other data types. What pandas
    calls missing becomes None; NaN among floats stays NaN. Logging stores the rows as they are then.

    With ``log_mode="INCREMENTAL"`` each log to one run under one key stores only the rows that came since the last
    one, and reads back as the whole table; rows that are stored are not looked at again. The other modes store
    the whole table each time. `dtype`, `optional` and `allow_mixed_types` are accepted and have no meaning here:
    columns always take mixed types. Raises `BadValueError` where rows and columns do not fit.
    """

    __slots__ = ("_increment", "_is_logged", "columns", "data", "log_mode")

    MAX_ROWS = 10_000
    """W&B keeps no more rows than this; here it has no meaning, every row is kept."""
    MAX_ARTIFACT_ROWS = 200_000
    """Likewise."""

    columns: list[Column]
    data: list[list[Any]]

    def __init__(
        self,
        columns: Iterable[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        if log_mode not in (None, *LOG_MODES):
            raise BadValueError(f"Table(log_mode={log_mode!r}): it can be {', '.join(LOG_MODES)}")
        self.log_mode = log_mode or "IMMUTABLE"
        self._is_logged = False
        self._increment: Increment | None = None
        given = [source for source in (data, rows, dataframe) if source is not None]
        if len(given) > 1:
            raise BadValueError("Table() was given several of data, rows and dataframe; give one of them")
        source = given[0] if given else []
        names = None if columns is None else [_column(name) for name in columns]
        if kind_of(source) in ("pandas", "polars"):
            self.columns, self.data = _from_frame(source, names)
            return
        self.columns = list(DEFAULT_COLUMNS) if names is None else names
        self.data = []
        if hasattr(source, "tolist"):
            source = source.tolist()
        for row in source:
            if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
                raise BadValueError(f"a table row is {row!r:.80}; give a list with one cell a column, {self.columns}")
            self.add_data(*row)

    @classmethod
    def from_stored(
        cls, value: Mapping[str, Any], open_file: OpenFile, read_cell: Callable[[Any], Any] = lambda cell: cell
    ) -> Table:
        """The table of a stored dict; `read_cell` is given every cell as it is stored."""
        columns, rows = read_rows(value, open_file)
        log_mode = "INCREMENTAL" if value.get("_type") == INCREMENTAL_TYPE else None
        return cls(columns=columns, data=[[read_cell(cell) for cell in row] for row in rows], log_mode=log_mode)

    def add_data(self, *cells: Any) -> None:
        """Add one row, one cell a column."""
        if len(cells) != len(self.columns):
            raise BadValueError(
                f"a row of {len(cells)} cells was given to a table of {len(self.columns)} columns "
                f"({', '.join(map(str, self.columns))}); give one cell a column, or columns=[…] when making the table"
            )
        self.data.append(list(cells))

    def add_row(self, *row: Any) -> None:
        """The same as `add_data`."""
        self.add_data(*row)

    def add_column(self, name: Any, data: Iterable[Any], optional: bool = True) -> None:
        """Add a column to the right, one cell a row; a table without rows and columns takes its rows from it."""
        column = _column(name)
        cells = list(data.tolist() if hasattr(data, "tolist") else data)
        if column in self.columns:
            raise BadValueError(f"the table has a column {column!r} already; choose another name")
        if not self.columns and not self.data:
            self.data = [[] for _ in cells]
        if len(cells) != len(self.data):
            raise BadValueError(
                f"the column {column!r} has {len(cells)} cells and the table {len(self.data)} rows; give one cell a row"
            )
        self.columns.append(column)
        for row, cell in zip(self.data, cells, strict=True):
            row.append(cell)

    def add_computed_columns(self, fn: Callable[[int, dict[Column, Any]], Mapping[Any, Any]]) -> None:
        """Add the columns that `fn(row_number, {column: cell})` returns, the same ones for every row."""
        computed = [fn(index, dict(zip(self.columns, row, strict=True))) for index, row in self.iterrows()]
        names = list(computed[0]) if computed else []
        for index, cells in enumerate(computed):
            if list(cells) != names:
                raise BadValueError(
                    f"row {index} was given the columns {list(cells)} and row 0 {names}; return the same for every row"
                )
        for name in names:
            self.add_column(name, [cells[name] for cells in computed])

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """The cells of one column from the top, as a list, or as an array with ``convert_to="numpy"``."""
        place = self._place_of(name)
        if convert_to not in (None, "numpy"):
            raise BadValueError(f'a column was asked for as {convert_to!r}; it can be a list (None) or "numpy"')
        cells = [row[place] for row in self.data]
        if convert_to is None:
            return cells
        import numpy as np

        return np.array(cells)

    def iterrows(self) -> Iterator[tuple[RowIndex, list[Any]]]:
        """Each row from the top, with its number from 0."""
        for number, row in enumerate(self.data):
            yield RowIndex.of(self, number), row

    def get_index(self) -> list[RowIndex]:
        """The numbers of all rows; each has `get_row()`."""
        return [RowIndex.of(self, number) for number in range(len(self.data))]

    def index_ref(self, index: int) -> RowIndex:
        """The number of one row, with `get_row()`."""
        if not 0 <= index < len(self.data):
            raise BadValueError(f"no row {index} in a table of {len(self.data)} rows; they are numbered from 0")
        return RowIndex.of(self, index)

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> Any:
        """Answer `dtype`: a column takes any type, so the cells stay as they are."""
        self._place_of(col_name)
        return dtype

    def set_pk(self, col_name: Any) -> None:
        """Check that the column is there: no key is needed to read a table, so none is kept."""
        self._place_of(col_name)

    def set_fk(self, col_name: Any, table: Table, table_col: Any) -> None:
        """Check that both columns are there: no key is needed to read a table, so none is kept."""
        self._place_of(col_name)
        table._place_of(table_col)

    def has_been_logged(self) -> bool:
        """Whether it was stored with a run before."""
        return self._is_logged

    def get_dataframe(self) -> pd.DataFrame:
        """The table as a pandas frame; pictures stay the objects they are."""
        import pandas as pd

        return pd.DataFrame(self.data, columns=pd.Index(self.columns, dtype=None if self.columns else object))

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the table as JSON, and the files of its cells, and return its dict.

        Raises `LogTypeError`, which names row and column, for a cell that cannot be stored.
        """

        def convert(cell: Any) -> Any:
            media = as_media(cell)
            return cell if media is None else media.stored(write_file, key, step)

        before = self._increment
        if before is not None and not before.goes_on(write_file, key, self.columns, len(self.data)):
            before = None
        first = 0 if before is None else before.row_count
        if before is not None and first == len(self.data):
            return before.stored
        body = {"columns": self.columns, "data": self.data[first:]}
        try:
            text = encode_json(body if before is None else body | {"previous": before.link()}, convert)
        except LogTypeError:
            self._name_the_cell(convert)
            raise
        grows = self.log_mode == "INCREMENTAL"
        stored: dict[str, Any] = {"_type": INCREMENTAL_TYPE if grows else "table-file"}
        stored |= store_file(write_file, "table", key, step, "table.json", text.encode())
        stored |= {"ncols": len(self.columns), "nrows": len(self.data)}
        self._is_logged = True
        self._increment = Increment(write_file, key, list(self.columns), len(self.data), stored) if grows else None
        return stored

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        # A copy, here or in another process, begins anew: it must not take the run along.
        return None, {name: getattr(self, name) for name in Table.__slots__} | {"_increment": None}

    def __repr__(self) -> str:
        columns = ", ".join(map(str, self.columns))
        return f"{type(self).__name__}({len(self.data)} rows × {len(self.columns)} columns: {columns})"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in self.columns)
        body = "".join(
            f"<tr>{''.join(f'<td>{_cell_html(cell)}</td>' for cell in row)}</tr>"
            for row in self.data[:_PREVIEW_ROW_COUNT]
        )
        hidden_count = len(self.data) - _PREVIEW_ROW_COUNT
        more = f"<p>… {hidden_count} more rows</p>" if hidden_count > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def _place_of(self, name: Any) -> int:
        if name not in self.columns:
            raise BadValueError(f"no column {name!r} in the table; it has {', '.join(map(repr, self.columns))}")
        return self.columns.index(name)

    def _name_the_cell(self, convert: Callable[[Any], Any]) -> None:
        for index, row in self.iterrows():
            for name, cell in zip(self.columns, row, strict=False):
                try:
                    encode_json(cell, convert)
                except LogTypeError as error:
                    raise LogTypeError(f"row {index}, column {name!r} of a table: {error}") from None


def as_media(value: Any) -> Media | None:
    """The value as one of our data types, frames as tables; None when it is not media."""
    if isinstance(value, Media):
        return value
    kind = kind_of(value)
    if kind is None:
        return None
    if kind in ("pandas", "polars"):
        return Table(dataframe=value)
    from runlake.media.figures import as_figure  # a table of numbers needs no pictures

    return as_figure(value)


def _column(name: Any) -> Column:
    """A column's name as text or a whole number."""
    if isinstance(name, str):
        return str(name)
    return name.__index__() if hasattr(name, "__index__") and not isinstance(name, bool) else str(name)


def _from_frame(frame: Any, names: list[Column] | None) -> tuple[list[Column], list[list[Any]]]:
    columns = [_column(name) for name in frame.columns]
    if kind_of(frame) == "polars":
        cells = [series.to_list() for series in frame.iter_columns()]
    else:
        cells = [_pandas_cells(frame.iloc[:, place]) for place in range(len(columns))]
    if names is not None and names != columns:
        if set(names) <= set(columns):
            cells = [cells[columns.index(name)] for name in names]
        elif len(names) != len(columns):
            raise BadValueError(f"columns {names} were asked of a frame that has {columns}; name some of its columns")
        columns = names
    return columns, [list(row) for row in zip(*cells, strict=True)]


def _pandas_cells(series: Any) -> list[Any]:
    import numpy as np
    import pandas as pd

    cells: list[Any] = series.tolist()
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufc":
        return cells
    if series.dtype == object:
        return [None if cell is pd.NA or cell is pd.NaT else cell for cell in cells]
    return [None if is_missing else cell for cell, is_missing in zip(cells, series.isna(), strict=True)]


def _cell_html(cell: Any) -> str:
    if isinstance(cell, Media):
        return str(cell._repr_html_())  # type: ignore[attr-defined]
    text = cell if isinstance(cell, str) else json.dumps(cell) if isinstance(cell, dict | list) else str(cell)
    short = text if len(text) <= _PREVIEW_LETTER_COUNT else text[: _PREVIEW_LETTER_COUNT - 1] + "…"
    return html.escape(short)
