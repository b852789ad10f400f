"""One query, from its text to its answer: read by DuckDB, over tables of which only what it needs was read.

DuckDB runs in this process with an empty database in memory: it can open no file and no connection, load no extension,
and its settings are locked. The store is read through the verbs, so over a server a query sees what its caller may see.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from msgspec import Struct

from runlake.errors import BadValueError, NotSupportedError, SqlError, SqlLimitError
from runlake.sql.schema import SCHEMAS
from runlake.sql.scope import Scope, scope_of
from runlake.sql.tables import TableReader
from runlake.stopping import work_while

if TYPE_CHECKING:
    import duckdb

    from runlake.service.contract import Service

_LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}

_INTERRUPT_EVERY_S = 0.05


class SqlLimits(Struct, frozen=True, kw_only=True):
    """What a query may take: `time_s` seconds in all; `memory_bytes` of the rows it reads, and as much of DuckDB's."""

    time_s: float = 60.0
    memory_bytes: int = 2 * 2**30


def run_query(service: Service, text: str, limits: SqlLimits | None = None) -> pa.Table:
    """The answer of one SELECT over the tables of `sql.schema`, of all projects.

    `SqlError` for what cannot be read or does more than read, `SqlLimitError` for what takes too much time or memory,
    `NotSupportedError` without the package duckdb.
    """
    limits = SqlLimits() if limits is None else limits
    if not limits.time_s > 0 or limits.memory_bytes < 2**20:
        raise BadValueError(f"limits of {limits.time_s} s and {limits.memory_bytes} bytes; allow some time and 1 MiB")
    deadline_s = time.monotonic() + limits.time_s
    with _connected(limits) as connection, _errors(limits):
        scope = _read_scope(connection, text)
        with work_while(lambda: _check_time(deadline_s, limits)):
            tables = _read_tables(service, scope, limits)
        for name, schema in SCHEMAS.items():
            connection.register(name, tables.get(name, schema.empty_table()))
        connection.execute("SET lock_configuration = true")
        with _interrupted_at(deadline_s, connection):
            return connection.sql(text).to_arrow_table()


def _read_scope(connection: duckdb.DuckDBPyConnection, text: str) -> Scope:
    import duckdb

    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise SqlError("this query holds bytes that are no text")
    statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(each.type.name for each in statements) or "nothing"
        raise SqlError(f"one SELECT is a query, and this is {found}; nothing can be changed by SQL")
    ((answer,),) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
    tree: dict[str, Any] = json.loads(answer)
    if tree.get("error"):
        raise SqlError(f"this query cannot be read: {tree.get('error_message')}")
    return scope_of(tree)


def _read_tables(service: Service, scope: Scope, limits: SqlLimits) -> dict[str, pa.Table]:
    reader = TableReader(service, scope)
    tables, size_bytes = {}, 0
    for name in scope.wanted:
        pieces = []
        for piece in reader.pieces(name):
            size_bytes += piece.nbytes
            if size_bytes > limits.memory_bytes:
                raise SqlLimitError(
                    f"the rows of {name} that this query reads are more than its {limits.memory_bytes:,} bytes; "
                    "name keys, runs or projects in its WHERE (key = 'loss'), or allow more"
                )
            pieces.append(piece)
        tables[name] = _joined(name, pieces)
    return tables


def _joined(name: str, pieces: list[pa.Table]) -> pa.Table:
    """Pieces as one table; a column that is a dictionary in some pieces is one in all of them."""
    if not pieces:
        return SCHEMAS[name].empty_table()
    columns = []
    for place, field in enumerate(SCHEMAS[name]):
        chunks = [chunk for piece in pieces for chunk in piece.column(place).chunks]
        is_mixed = len({chunk.type for chunk in chunks}) > 1
        columns.append(pa.chunked_array([chunk.cast(field.type) for chunk in chunks] if is_mixed else chunks))
    return pa.table(columns, names=SCHEMAS[name].names)


@contextmanager
def _connected(limits: SqlLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        import duckdb
    except ImportError as error:
        raise NotSupportedError("duckdb is not installed; install it with: pip install 'runlake[duckdb]'") from error
    config: dict[str, Any] = {**_LOCKED, "memory_limit": f"{max(1, limits.memory_bytes // 2**20)}MiB"}
    with duckdb.connect(config=config) as connection:
        yield connection


@contextmanager
def _errors(limits: SqlLimits) -> Iterator[None]:
    """DuckDB's errors as ours."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException:
        raise _too_slow(limits) from None
    except duckdb.OutOfMemoryException:
        raise SqlLimitError(
            f"the query needs more than its {limits.memory_bytes:,} bytes; ask for less, or allow more"
        ) from None
    except duckdb.Error as error:
        raise SqlError(f"this query does not work: {error}") from None


@contextmanager
def _interrupted_at(deadline_s: float, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """An interrupt that comes between two pieces of work is lost, so it is repeated until the block ends."""
    is_done = threading.Event()

    def interrupt() -> None:
        patience_s = max(0.0, deadline_s - time.monotonic())
        while not is_done.wait(patience_s):
            connection.interrupt()
            patience_s = _INTERRUPT_EVERY_S

    thread = threading.Thread(target=interrupt, name="runlake-sql-limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _check_time(deadline_s: float, limits: SqlLimits) -> None:
    if time.monotonic() > deadline_s:
        raise _too_slow(limits)


def _too_slow(limits: SqlLimits) -> SqlLimitError:
    return SqlLimitError(f"the query takes longer than its {limits.time_s:g} s; ask for less, or allow more")
