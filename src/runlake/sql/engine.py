"""DuckDB over Arrow tables that it is given: what a query needs of them, and its answer.

The database is empty and in memory. It can open no file and no connection, load no extension, and its settings are
locked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from msgspec import Struct

from runlake.errors import NotSupportedError, SqlError, SqlLimitError
from runlake.sql.hints import explained
from runlake.sql.schema import ReadTable, empty_tables
from runlake.sql.scope import Scope, scope_of
from runlake.sql.values import with_plain_numbers

if TYPE_CHECKING:
    import duckdb

MAX_QUERY_LETTERS = 200_000

_LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "lock_configuration": "true",
}
_INTERRUPT_EVERY_S = 0.05


class SqlLimits(Struct, frozen=True, kw_only=True):
    """What a query may take: `time_s` seconds in all; `memory_bytes` of the rows it reads, and as much of DuckDB's."""

    time_s: float = 60.0
    memory_bytes: int = 2 * 2**30


class Engine(Protocol):
    """Answers one query: first it is asked what it needs, then it is given that."""

    def read_scope(self, text: str) -> Scope:
        """What the query needs; `SqlError` for what is no query."""
        ...

    def answer(self, tables: Iterable[ReadTable], deadline_s: float) -> pa.Table:
        """The answer, from what was read, before this moment of `time.monotonic`; `SqlLimitError` behind it."""
        ...

    def close(self) -> None:
        """Release what the query held."""
        ...


class DuckDatabase:
    """DuckDB in this process, opened for the first query: that takes longer than many of them. Threads may share it.

    It has at most `thread_count` threads; None for one a core.
    """

    def __init__(self, *, thread_count: int | None = None) -> None:
        self._thread_count = thread_count
        self._memory_bytes = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def engine(self, limits: SqlLimits) -> DuckEngine:
        """An engine for one query; `NotSupportedError` without the package duckdb."""
        with self._lock:
            if self._connection is None or self._memory_bytes != limits.memory_bytes:
                self._connection = self._open(limits.memory_bytes)
                self._memory_bytes = limits.memory_bytes
            return DuckEngine(self._connection.cursor(), limits)

    def close(self) -> None:
        """Release it; queries that go on keep it until they end."""
        with self._lock:
            self._connection = None

    def _open(self, memory_bytes: int) -> duckdb.DuckDBPyConnection:
        try:
            import duckdb
        except ImportError as error:
            raise NotSupportedError(
                "duckdb is not installed; install it with: pip install 'runlake[duckdb]'"
            ) from error
        config: dict[str, Any] = {**_LOCKED, "memory_limit": f"{max(1, memory_bytes // 2**20)}MiB"}
        if self._thread_count is not None:
            config["threads"] = self._thread_count
        return duckdb.connect(config=config)


class DuckEngine:
    """One query over a connection of its own; what is registered there nobody else sees."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: SqlLimits) -> None:
        self._connection, self._limits = connection, limits
        self._text = ""
        self._names_others = True

    def read_scope(self, text: str) -> Scope:
        self._text = text
        with self._errors():
            scope = _scope(self._connection, text)
        self._names_others = scope.names_others
        return scope

    def answer(self, tables: Iterable[ReadTable], deadline_s: float) -> pa.Table:
        read = {name: _joined(schema, pieces) for name, schema, pieces in tables}
        with self._errors():
            for name, table in {**(empty_tables() if self._names_others else {}), **read}.items():
                self._connection.register(name, table)
            with _interrupted_at(deadline_s, self._connection):
                return with_plain_numbers(self._connection.sql(self._text).to_arrow_table())

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """DuckDB's errors as ours."""
        import duckdb

        try:
            yield
        except duckdb.InterruptException:
            raise too_slow(self._limits) from None
        except (duckdb.OutOfMemoryException, MemoryError):
            raise too_large(self._limits) from None
        except duckdb.Error as error:
            raise SqlError(f"this query does not work: {explained(str(error))}") from None


def too_slow(limits: SqlLimits) -> SqlLimitError:
    """For a query that takes longer than it may."""
    return SqlLimitError(f"the query takes longer than its {limits.time_s:g} s; ask for less, or allow more")


def too_large(limits: SqlLimits) -> SqlLimitError:
    """For a query that needs more memory than it may."""
    return SqlLimitError(f"the query needs more than its {limits.memory_bytes:,} bytes; ask for less, or allow more")


def check_letters(text: str) -> None:
    """`SqlError` for a query that is too long, or no text."""
    if len(text) > MAX_QUERY_LETTERS:
        raise SqlError(f"this query has {len(text):,} letters, and {MAX_QUERY_LETTERS:,} are read")
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise SqlError("this query holds bytes that are no text")


def _scope(connection: duckdb.DuckDBPyConnection, text: str) -> Scope:
    import duckdb

    check_letters(text)
    statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(each.type.name for each in statements[:10]) or "nothing"
        raise SqlError(f"one SELECT is a query, and this is {found}; nothing can be changed by SQL")
    ((answer,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()
    try:
        tree: dict[str, Any] = json.loads(answer)
        if tree.get("error"):
            raise SqlError(f"this query cannot be read: {tree.get('error_message')}")
        return scope_of(tree)
    except RecursionError:
        raise SqlError("this query is nested too deeply; write its parts side by side, with WITH") from None


def _joined(schema: pa.Schema, pieces: Iterable[pa.Table]) -> pa.Table:
    """Pieces as one table, each with dictionaries of its own."""
    batches = [batch for piece in pieces for batch in piece.to_batches()]
    return pa.Table.from_batches(batches, schema)


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
