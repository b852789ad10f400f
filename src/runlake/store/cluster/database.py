"""The database of a store: transactions, typed errors, and tables that are brought to the form this version knows.

The clock is the database's (``now()``), the isolation READ COMMITTED except where one look is asked for, and what was
committed is on the database's disk: ``synchronous_commit`` is never off.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from runlake.errors import (
    BadValueError,
    BusyError,
    ConflictError,
    CorruptError,
    NewerFormatError,
    NotSupportedError,
    ReadOnlyError,
    StoreError,
    UnreachableError,
)
from runlake.patient_postgres import PatientConnection, connect
from runlake.store.cluster.connections import Connections
from runlake.store.cluster.counts import Counts

Row = tuple[Any, ...]
T = TypeVar("T")

OLDEST_SERVER = 15
CONNECTION_COUNT = 16
STATEMENT_S = 60.0
"""So long one statement may take."""

PATIENCE_S = STATEMENT_S + 5.0
"""So long an answer is waited for: longer than the server takes to say that it had no time."""

_PING_S = 3.0
_CONNECTION_S = 30.0
_RETRY_PAUSES_S = (0.05, 0.2, 0.5, 1.0)
_MIGRATION_LOCK = 0x72756E6C616B6532
_MIGRATION_NAME = re.compile(r"(\d{4})_.*\.sql")
_SETTINGS = """
select set_config('search_path', %(path)s, false), set_config('statement_timeout', %(statement_ms)s, false),
       set_config('idle_in_transaction_session_timeout', %(idle_ms)s, false), set_config('jit', 'off', false),
       set_config('synchronous_commit', case current_setting('synchronous_commit')
                  when 'remote_apply' then 'remote_apply' else 'on' end, false)
"""


class UnreachableDatabaseError(UnreachableError):
    """The database does not answer: what was being asked of it may be done or not."""


class LostRaceError(BusyError):
    """The database took back a transaction for the sake of another: the same again is likely to work."""


class Database:
    """The tables of one store, in a schema of their own. Threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        schema: str = "runlake",
        connection_count: int = CONNECTION_COUNT,
        statement_s: float = STATEMENT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        try:
            known = conninfo_to_dict(url)
        except psycopg.Error as error:
            raise BadValueError(f"this is no address of a PostgreSQL database: {_first_line(error)}") from None
        self.schema, self._url, self._statement_s = schema, url, statement_s
        self._patience_s, self._has_tables = patience_s, False
        self.name = "/".join(str(known[part]) for part in ("host", "dbname") if known.get(part)) or "localhost"
        self._connections = Connections(self._connect, limit=connection_count, patience_s=_CONNECTION_S)
        self._mine = threading.local()
        self.counts = Counts()

    def close(self) -> None:
        self._connections.close()

    @contextmanager
    def transaction(self, *, is_one_look: bool = False) -> Iterator[PatientConnection]:
        """One transaction: what is done in the block is done as a whole or not at all.

        Within another one of the same thread it is a part of that. `is_one_look`: all that is read is of one moment,
        and nothing is written.
        """
        if (connection := self._current) is not None:
            yield connection
            return
        with self._typed_errors(), self._connections.one() as connection, connection.transaction():
            if is_one_look:
                connection.execute("set transaction isolation level repeatable read, read only")
            self._mine.connection, self._mine.notes = connection, {}
            try:
                yield connection
            finally:
                self._mine.connection = None

    def write(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """What one statement answers that changes something; without a transaction around, it is one of its own."""
        with self._any() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description is not None else []

    def read(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """What one statement answers that changes nothing: asked again when the connection is lost."""
        return self.retried(lambda: self.write(statement, parameters))

    def retried(self, work: Callable[[], T]) -> T:
        """Do `work` again when the connection is lost or a race: for what is the same done twice.

        Within a transaction it is done once: only the whole can be done again.
        """
        if self._current is not None:
            return work()
        for pause_s in _RETRY_PAUSES_S:
            try:
                return work()
            except (UnreachableDatabaseError, LostRaceError):
                time.sleep(pause_s)
        return work()

    def migrate(self) -> None:
        """Bring the tables to the form this version knows; of several who do so at once, one does.

        NewerFormatError when they have one that it does not know, NotSupportedError for an old PostgreSQL. Readers and
        writers may go on meanwhile, and so does who began with this version when others bring the tables further.
        """
        known = _migrations()
        if self._has_tables or self._applied() == set(known):
            self._has_tables = True
            return
        for number in sorted(known):
            with self.transaction() as connection:
                if connection.info.server_version < OLDEST_SERVER * 10_000:
                    said = connection.info.parameter_status("server_version")
                    raise NotSupportedError(f"{self.name} is PostgreSQL {said}; at least {OLDEST_SERVER} is needed")
                connection.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                if number == 1:
                    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(self.schema)))
                if number not in self._applied():
                    connection.execute(known[number])
                    connection.execute("insert into schema_version values (%s, now())", (number,))
        self._has_tables = True

    def check_version(self) -> None:
        """NewerFormatError when the tables have a form that this version does not know, and had when it began."""
        if not self._has_tables:
            self._applied()

    def _applied(self) -> set[int]:
        """The numbers of the migrations that the tables had."""
        if self.read("select to_regclass('schema_version') is null")[0][0]:
            return set()
        applied = {number for (number,) in self.read("select number from schema_version")}
        if applied - set(_migrations()):
            raise NewerFormatError(
                f"the tables in {self.name} are of a newer version of runlake (migration {max(applied)}, known here: "
                f"{max(_migrations())}); upgrade runlake"
            )
        return applied

    def ping(self) -> None:
        """UnreachableDatabaseError, without another try, when it does not answer soon."""
        with self._typed_errors(), self._connections.one() as connection:
            connection.patience_s = min(_PING_S, self._patience_s)
            try:
                connection.execute("select 1")
            finally:
                connection.patience_s = self._patience_s

    @property
    def connections_in_use(self) -> int:
        """How many connections this process has at work."""
        return self._connections.in_use_count

    @property
    def notes(self) -> dict[Any, Any]:
        """What this thread has found out and need not ask again until its transaction ends; nothing outside of one."""
        return self._mine.notes if self._current is not None else {}

    @property
    def _current(self) -> PatientConnection | None:
        return getattr(self._mine, "connection", None)

    @contextmanager
    def _any(self) -> Iterator[PatientConnection]:
        """The connection of the transaction around, or one on which each statement is a transaction."""
        with self._typed_errors():
            if (connection := self._current) is not None:
                yield connection
                return
            with self._connections.one() as connection:
                yield connection

    def _connect(self) -> PatientConnection:
        options = {"application_name": "runlake", "client_encoding": "utf8"}
        connection = connect(self._url, patience_s=self._patience_s, autocommit=True, **options)
        settings = {
            "path": '"{}"'.format(self.schema.replace('"', '""')),
            "statement_ms": str(int(self._statement_s * 1000)),
            "idle_ms": str(int(self._statement_s * 2000)),
        }
        connection.execute(_SETTINGS, settings)
        return connection

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            typed = _typed(error, self.name)
            if error.sqlstate in _MOVED_AWAY or isinstance(typed, UnreachableDatabaseError):
                self._connections.forget()
            raise typed from error


_MOVED_AWAY = ("25006",)
"""Read-only: the other connections lead there too, as they do when one is lost."""


def _migrations() -> dict[int, str]:
    """Every migration by its number."""
    folder = resources.files("runlake.store.cluster") / "migrations"
    found = ((_MIGRATION_NAME.fullmatch(file.name), file) for file in folder.iterdir())
    return {int(match[1]): file.read_text("utf-8") for match, file in found if match}


def _typed(error: psycopg.Error, name: str) -> Exception:
    """An error of the database as one of ours."""
    said, state = _first_line(error), error.sqlstate or ""
    if isinstance(error, psycopg.DataError | psycopg.errors.ProgramLimitExceeded):
        return BadValueError(f"the database {name} cannot hold this: {said}")
    if (not state and isinstance(error, psycopg.OperationalError)) or state[:2] == "08" or state in _GONE:
        return UnreachableDatabaseError(f"the database {name} cannot be reached: {said}")
    if state == "23505":
        return ConflictError(f"the database {name} has that already: {said}")
    if state in ("40001", "40P01"):
        return LostRaceError(f"the database {name} gave precedence to another: {said}")
    if state in ("25006", "42501"):
        return ReadOnlyError(f"the database {name} cannot be written: {said}")
    if state == "53100":
        return ReadOnlyError(f"the disk of the database {name} is full: {said}; make room, and do it again")
    if state in ("57014", "55P03", "25P03", "53200"):
        return BusyError(f"the database {name} had no time for this: {said}")
    if state in ("42P01", "42703", "3F000"):
        return StoreError(f"the database {name} does not have the tables of this version of runlake: {said}")
    if state[:2] == "XX":
        return CorruptError(f"the database {name} is damaged: {said}; restore it from a backup")
    return StoreError(f"the database {name} refuses: {said}")


_GONE = ("57P01", "57P02", "57P03", "57P05", "53300", "28000", "28P01", "3D000")


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
