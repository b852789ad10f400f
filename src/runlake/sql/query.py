"""One query, from its text to its answer: of the tables only what it needs is read, and DuckDB does the rest.

The store is read through the verbs, so over a server a query sees what its caller may see.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from runlake.errors import BadValueError, SqlLimitError
from runlake.sql.engine import DuckDatabase, Engine, SqlLimits, too_slow
from runlake.sql.schema import ReadTable
from runlake.sql.tables import Place, TableReader
from runlake.stopping import work_while

if TYPE_CHECKING:
    from runlake.service.contract import Service


def run_query(
    service: Service,
    text: str,
    limits: SqlLimits | None = None,
    *,
    within: Place | None = None,
    engine: Engine | None = None,
) -> pa.Table:
    """The answer of one SELECT over the tables of `sql.schema`, of all projects or of the one that it is `within`.

    `engine` is closed behind it; without one it is DuckDB in this process. `SqlError` for what cannot be read or does
    more than read, `SqlLimitError` for what takes too much time or memory, `NotFoundError` for a project that is not
    there, `NotSupportedError` without the package duckdb.
    """
    limits = SqlLimits() if limits is None else limits
    check_limits(limits)
    deadline_s = time.monotonic() + limits.time_s
    engine = DuckDatabase().engine(limits) if engine is None else engine
    try:
        with work_while(lambda: _check_time(deadline_s, limits)):
            scope = engine.read_scope(text)
            reader = TableReader(service, scope, within=within)
            return engine.answer(_measured(reader.tables(), limits), deadline_s)
    finally:
        engine.close()


def check_limits(limits: SqlLimits) -> None:
    """`BadValueError` for limits that allow nothing."""
    if not limits.time_s > 0 or limits.memory_bytes < 2**20:
        raise BadValueError(f"limits of {limits.time_s} s and {limits.memory_bytes} bytes; allow some time and 1 MiB")


def _measured(tables: Iterator[ReadTable], limits: SqlLimits) -> Iterator[ReadTable]:
    """The tables, as long as all their rows are not too many."""
    size_bytes = 0

    def counted(name: str, pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
        nonlocal size_bytes
        for piece in pieces:
            size_bytes += piece.nbytes
            if size_bytes > limits.memory_bytes:
                raise SqlLimitError(
                    f"the rows of {name} that this query reads are more than its {limits.memory_bytes:,} bytes; "
                    "name keys, runs or projects in its WHERE (key = 'loss'), or allow more"
                )
            yield piece

    for name, schema, pieces in tables:
        yield name, schema, counted(name, pieces)


def _check_time(deadline_s: float, limits: SqlLimits) -> None:
    if time.monotonic() > deadline_s:
        raise too_slow(limits)
