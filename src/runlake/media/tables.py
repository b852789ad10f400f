"""Tables that say more than rows: two that are joined by a column, and one of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, LogTypeError
from runlake.media.kinds import kind_of
from runlake.media.left_out import left_out
from runlake.media.stored import Media, OpenFile, WriteFile
from runlake.media.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd

JOINED_TYPE = "joined-table"
PARTITIONED_TYPE = "partitioned-table"
EVALUATED = "eval_columns"
"""Under which the dict of a table of an evaluation says which columns are what."""


class JoinedTable(Media):
    """Two tables or frames, each kept whole, and the column or pair of columns by which their rows belong together."""

    __slots__ = ("join_key", "table1", "table2")

    def __init__(self, table1: Any, table2: Any, join_key: Any) -> None:
        tables = [Table(dataframe=one) if kind_of(one) in ("pandas", "polars") else one for one in (table1, table2)]
        keys = [join_key] * 2 if isinstance(join_key, str | int) else list(join_key)
        if not all(isinstance(one, Table) for one in tables) or len(keys) != 2:
            raise BadValueError(
                f"JoinedTable({type(table1).__name__}, {type(table2).__name__}, {join_key!r}): give two Tables and the "
                "column that both have, or one of each"
            )
        for table, name in zip(tables, keys, strict=True):
            table._place_of(name)
        self.table1, self.table2 = tables
        self.join_key = join_key

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write both tables and return the dict that names them."""
        return {
            "_type": JOINED_TYPE,
            "join_key": self.join_key if isinstance(self.join_key, str | int) else list(self.join_key),
            "table1": self.table1.stored(write_file, f"{key}.table1", step),
            "table2": self.table2.stored(write_file, f"{key}.table2", step),
        }

    def __repr__(self) -> str:
        return f"JoinedTable({self.table1}, {self.table2}, by {self.join_key!r})"

    def _repr_html_(self) -> str:
        return self.table1._repr_html_() + self.table2._repr_html_()


class PartitionedTable(Media):
    """A table in parts: all tables of an artifact whose names begin with `parts_path` and a slash.

    Added to an artifact, it comes back from there with its `parts`, in the order of their names.
    """

    __slots__ = ("parts", "parts_path")

    def __init__(self, parts_path: str, parts: Sequence[Table] = ()) -> None:
        self.parts_path, self.parts = parts_path, list(parts)

    @property
    def columns(self) -> list[Column]:
        """Those of its parts."""
        return self.parts[0].columns if self.parts else []

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row of all parts with its number from 0; `BadValueError` where their columns differ."""
        number = 0
        for part in self.parts:
            if part.columns != self.columns:
                raise BadValueError(f"the parts of a table have other columns: {part.columns} and {self.columns}")
            for row in part.data:
                yield number, row
                number += 1

    def get_dataframe(self) -> pd.DataFrame:
        """All parts as one pandas frame."""
        return Table(columns=self.columns, data=[row for _, row in self.iterrows()]).get_dataframe()

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Refuse: the parts lie in an artifact, and none of them in a run."""
        raise LogTypeError("a PartitionedTable is added to an artifact, with its parts, and is not logged to a run")

    def __repr__(self) -> str:
        return f"PartitionedTable({self.parts_path!r}, {len(self.parts)} parts)"

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)


class EvalTable(Table):
    """A table of an evaluation: a Table that says which columns are inputs, outputs and scores.

    W&B also makes an evaluation of Weave of it, `backend` and `unsupported_media_mode` say how; that is left out here.
    """

    __slots__ = ("input_columns", "output_columns", "score_columns")

    def __init__(
        self,
        *args: Any,
        input_columns: Sequence[str] | None = None,
        output_columns: Sequence[str] | None = None,
        score_columns: Sequence[str] | None = None,
        backend: Any = None,
        unsupported_media_mode: str = "stub",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.input_columns = _names(input_columns)
        self.output_columns = _names(output_columns)
        self.score_columns = _names(score_columns)

    @classmethod
    def from_stored(
        cls, value: Mapping[str, Any], open_file: OpenFile, read_cell: Callable[[Any], Any] = lambda cell: cell
    ) -> EvalTable:
        """The table of a stored dict; the inverse of `stored`."""
        table = Table.from_stored(value, open_file, read_cell)
        roles = {f"{role}_columns": names for role, names in value[EVALUATED].items()}
        return cls(table.columns, table.data, log_mode=table.log_mode, **roles)

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the table and return its dict, which says what the columns are."""
        left_out("EvalTable: its rows are kept as a Table; no evaluation of Weave is made of them")
        roles = {"input": self.input_columns, "output": self.output_columns, "score": self.score_columns}
        return super().stored(write_file, key, step) | {EVALUATED: roles}


def _names(columns: Sequence[Column] | None) -> list[Column]:
    return [] if columns is None else list(columns)
