"""Queries and their answers as JSON, for whoever asks a server; programs take the answer as an Arrow stream."""

from __future__ import annotations

import decimal
from typing import Any, Literal

import msgspec
import pyarrow as pa

AnswerFormat = Literal["arrow", "json", "csv"]

MAX_PAGE_ROWS = 50_000
MAX_PAGE_BYTES = 16 * 2**20


class SqlAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A query. `entity` and `project` together make it one of that project alone.

    `time_s` and `memory_bytes` are what it may take, as far as the server allows that. `offset` and `limit` are of the
    rows that JSON has; each page is a query of its own.
    """

    query: str
    entity: str | None = None
    project: str | None = None
    format: AnswerFormat = "arrow"
    compression: Literal["none", "lz4", "zstd"] = "none"
    offset: int = 0
    limit: int = 1000
    time_s: float | None = None
    memory_bytes: int | None = None


class SqlColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column: `type` is the name that Arrow has for it."""

    name: str
    type: str


class SqlPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of an answer from `offset` on, as `values` of each column; `row_count` is of the whole answer.

    A page ends early before 16 MiB. Times and dates are texts in the form of ISO 8601.
    """

    columns: list[SqlColumn]
    values: list[list[Any]]
    offset: int
    row_count: int
    took_s: float


class SqlTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that queries can name."""

    name: str
    columns: list[SqlColumn]


class SqlTables(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked here, and what a query may take; nothing can where it is not `is_available`."""

    tables: list[SqlTable]
    time_s: float
    memory_bytes: int
    is_available: bool


def columns_of(schema: pa.Schema) -> list[SqlColumn]:
    """The columns of a schema."""
    return [SqlColumn(name=field.name, type=str(field.type)) for field in schema]


def page_of(table: pa.Table, *, offset: int, limit: int, took_s: float) -> SqlPage:
    """A slice of an answer."""
    rows = table.slice(max(0, offset), max(0, min(limit, MAX_PAGE_ROWS)))
    while rows.nbytes > MAX_PAGE_BYTES and rows.num_rows > 1:
        rows = rows.slice(0, rows.num_rows // 2)
    return SqlPage(
        columns=columns_of(table.schema),
        values=[_values(column) for column in rows.columns],
        offset=offset,
        row_count=table.num_rows,
        took_s=took_s,
    )


def _values(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind):
        return [None if value is None else value.isoformat() for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)
    return values if is_plain else [plain_value(value) for value in values]


def plain_value(value: Any) -> Any:
    """A value of an answer as JSON can have it: a decimal is a number, and what it has no word for a text."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        return [plain_value(each) for each in value]
    if isinstance(value, dict):
        return {str(name): plain_value(each) for name, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str | bytes) else str(value)
