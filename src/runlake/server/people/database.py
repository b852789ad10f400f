"""The database of people: its tables, how they came to be, and what an engine must know of SQLite.

The statements are SQLAlchemy Core without a dialect of their own, and serve SQLite and PostgreSQL. How a transaction
sees one state, and how one that writes waits for another, each says in its own words: here, and nowhere else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from runlake.errors import BadValueError, ConflictError, NewerFormatError, ReadOnlyError, StoreError

FILE_NAME = "server.sqlite"
"""The database within a store folder."""

_MIGRATION_LOCK = 0x72756E6C616B65
"""PostgreSQL's lock for whoever makes tables: two that make the same at once would fail."""

_REVISION = "select number from revisions where name = %s"

BUSY_S = 10.0
"""How long a write waits for another process's."""

metadata = sa.MetaData()

migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", sa.Float, nullable=False),
)
revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
entities = sa.Table(
    "entities",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False, unique=True),
    # Users and teams share one namespace, and names that differ only in case would be taken for each other.
    sa.Column("folded_name", sa.String(512), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("email", sa.String(320)),
    sa.Column("is_admin", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", sa.Float, nullable=False),
)
members = sa.Table(
    "members",
    metadata,
    sa.Column("team_id", sa.ForeignKey("entities.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("entities.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("entities.id", ondelete="CASCADE"), nullable=False),
    sa.Column("sha256", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)
shares = sa.Table(
    "shares",
    metadata,
    # Names and no references: projects of a folder may belong to entities that have no account.
    sa.Column("entity", sa.String(128), primary_key=True),
    sa.Column("project", sa.String(128), primary_key=True),
    sa.Column("access", sa.String(16), nullable=False),
)
secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

CHANGES = "people"
"""The row of `revisions` that every write raises."""


def _make_first_tables(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    connection.execute(sa.insert(revisions).values(name=CHANGES, number=0))


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_make_first_tables,)
"""Step n brings the tables from version n to n + 1. Steps are added, never changed."""


def sqlite_url(root: Path) -> str:
    """The URL of the database in the store at `root`."""
    return sa.URL.create("sqlite", database=str(root.absolute() / FILE_NAME)).render_as_string(hide_password=False)


def open_engine(url: str) -> sa.Engine:
    """An engine whose tables are up to date. Connections to SQLite are opened for each use.

    `NewerFormatError` when a newer runlake made the tables, `StoreError` when the database cannot be used,
    `BadValueError` for one that is neither SQLite nor PostgreSQL.
    """
    scheme, _, place = url.partition("://")
    if scheme in ("postgresql", "postgresql+psycopg"):
        engine = _open_postgresql(f"postgresql://{place}")
    elif (parsed := _parse(url)).get_backend_name() == "postgresql":
        engine = sa.create_engine(parsed, pool_pre_ping=True)
    else:
        _make_private(parsed)
        arguments = {"check_same_thread": False, "timeout": BUSY_S}
        engine = sa.create_engine(parsed, poolclass=NullPool, connect_args=arguments)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that sees one state of the database."""
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with _named_errors(engine), engine.execution_options(**options).begin() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that waits its turn, and tells all readers that something changed."""
    own_row = revisions.c.name == CHANGES
    with _named_errors(engine), engine.execution_options(is_writing=True).begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(sa.select(revisions.c.number).where(own_row).with_for_update())
        yield connection
        connection.execute(sa.update(revisions).where(own_row).values(number=revisions.c.number + 1))


class ChangeMark:
    """Tells cheaply whether the database changed: equal answers of one `ChangeMark` mean that nothing did.

    SQLite counts the commits of other connections for a connection that is kept open (``PRAGMA data_version``, some
    microseconds); elsewhere the row of `revisions` is read, over a connection that is kept open too. Not for several
    threads at once.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._kept: sa.PoolProxiedConnection | None = None
        self._file: tuple[int, int] | None = None
        self._opened_count = 0

    def read(self) -> tuple[int, int]:
        """The mark as of now; after a fault the connection is opened anew, and the mark is another."""
        if self._engine.dialect.name != "sqlite":
            number = self._read_revision()
            return self._opened_count, number
        with _named_errors(self._engine):
            file = _identity_of(self._engine.url)
            if file != self._file:
                self.close()  # a backup was put in its place, and this connection still reads what was there
            if self._kept is None:
                self._kept = self._engine.raw_connection()
                self._file = file
                self._opened_count += 1
            try:
                # The driver's own connection: SQLAlchemy would begin a transaction, and see no change in it.
                row = _driver(self._kept).execute("PRAGMA data_version").fetchone()
            except SQLiteError:
                self.close()
                raise
            return self._opened_count, int(row[0])

    def _read_revision(self) -> int:
        """One statement and nothing around it: each request asks for it."""
        if self._engine.driver == "psycopg":
            from psycopg import Error

            try:
                if self._kept is None:
                    self._kept = self._engine.raw_connection()
                    _driver(self._kept).autocommit = True
                    self._opened_count += 1
                row = _driver(self._kept).execute(_REVISION, (CHANGES,), prepare=True).fetchone()
                return int(row[0]) if row else 0
            except (Error, sa.exc.DBAPIError):
                self.close()  # the server may have closed it long ago: the next one is another
                self._opened_count += 1
        with reading(self._engine) as connection:
            number = connection.scalar(sa.select(revisions.c.number).where(revisions.c.name == CHANGES))
        return int(number or 0)

    def close(self) -> None:
        """Give up the connection; `read` opens it again."""
        if self._kept is not None and self._engine.dialect.name != "sqlite":
            self._kept.invalidate()  # it commits by itself, as no other of the pool does
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise _no_url() from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadValueError(
            f"people are kept in SQLite or PostgreSQL, not in {parsed.drivername}; write postgresql://USER@HOST/NAME"
        )
    return parsed


def _no_url() -> BadValueError:
    return BadValueError("the address of the people's database is no URL; write postgresql://USER@HOST/NAME")


def _open_postgresql(url: str) -> sa.Engine:
    """By libpq's own reading of the address, which knows several hosts: the primary of a database and its standby."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        from runlake.patient_postgres import connect
    except ImportError as error:
        raise BadValueError(
            f"people in PostgreSQL need a driver ({error}); install it with: pip install 'runlake[postgresql]'"
        ) from None
    try:
        known = conninfo_to_dict(url)
    except ProgrammingError:
        raise _no_url() from None
    shown = sa.URL.create("postgresql+psycopg", host=str(known.get("host", "")), database=str(known.get("dbname", "")))
    # It is asked in every request, so connections are kept; pre_ping finds those that the server has closed.
    return sa.create_engine(shown, creator=lambda: connect(url, patience_s=BUSY_S), pool_pre_ping=True)


def _identity_of(url: sa.URL) -> tuple[int, int]:
    """Which file it is, whatever is in it."""
    try:
        status = os.stat(str(url.database))  # noqa: PTH116 - asked in every request
    except OSError as error:
        raise StoreError(f"the database of people {url.database} cannot be looked at: {error.strerror}") from error
    return status.st_dev, status.st_ino


def _driver(connection: sa.PoolProxiedConnection) -> Any:
    return connection.driver_connection


def _make_private(url: sa.URL) -> None:
    """Have the folder, and the file, which only its owner reads; SQLite gives its side files the same mode."""
    if url.database in (None, "", ":memory:"):
        raise BadValueError("people are kept in a file; name one, as in sqlite:////srv/store/server.sqlite")
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
    except OSError as error:
        raise ReadOnlyError(f"people and keys are kept in {path}, which cannot be opened: {error.strerror}") from error


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` and by nobody else
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer that began as a reader could not wait for another writer: SQLite refuses it at once.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _migrate(engine: sa.Engine) -> None:
    with _named_errors(engine):
        if _version(engine) == len(MIGRATIONS):
            return
        if engine.dialect.name == "sqlite":
            _use_wal(engine)
        with engine.execution_options(is_writing=True).begin() as connection:
            if engine.dialect.name != "sqlite":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            metadata.create_all(connection, tables=[migrations])
            version = _applied_count(connection)  # read again: another process may have been first
            for number, step in enumerate(MIGRATIONS[version:], version + 1):
                step(connection)
                connection.execute(sa.insert(migrations).values(number=number, applied_at=time.time()))


def _version(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        version = _applied_count(connection) if sa.inspect(connection).has_table(migrations.name) else 0
    if version > len(MIGRATIONS):
        raise NewerFormatError(
            f"the database of people {engine.url!r} has version {version}, this runlake knows {len(MIGRATIONS)}; "
            "upgrade runlake"
        )
    return version


def _applied_count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.max(migrations.c.number))) or 0)


def _use_wal(engine: sa.Engine) -> None:
    """Let readers read while one writes. The mode stays with the file."""
    deadline = time.monotonic() + BUSY_S
    connection = engine.raw_connection()
    try:
        while True:
            try:
                _driver(connection).execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except SQLiteError:
                # Changing the mode does not wait for others who are changing it.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    finally:
        connection.close()


@contextmanager
def _named_errors(engine: sa.Engine) -> Iterator[None]:
    """Faults of the database as errors of ours."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise ConflictError("somebody else changed the same at this moment; look at it and try again") from error
    except (sa.exc.DBAPIError, SQLiteError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        kind = ReadOnlyError if "readonly" in str(cause) or "read-only" in str(cause) else StoreError
        raise kind(f"the database of people {engine.url!r} cannot be used: {cause}") from error
