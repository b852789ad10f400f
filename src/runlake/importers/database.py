"""A SQLite database of another tracker, only read, while others may write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runlake.errors import BadValueError

HEAD = b"SQLite format 3\0"

WAIT_S = 30.0
"""How long somebody who writes may keep us waiting."""

_PIECE_ROWS = 20_000


def is_database(file: Path) -> bool:
    """Whether a file is a SQLite database, by its first bytes."""
    try:
        with file.open("rb") as content:
            return content.read(len(HEAD)) == HEAD
    except OSError:
        return False


class Database:
    """What a database holds, table by table; of tables and columns that are not there, nothing.

    `uri` is how SQLite opens it once more, only for reading. `blocks_writers`: who writes waits for who reads.
    """

    def __init__(self, file: Path, uri: str, connection: sqlite3.Connection, *, blocks_writers: bool = True) -> None:
        self._blocks_writers = blocks_writers
        self.file = file
        self.uri = uri
        self._connection = connection
        self._columns: dict[str, frozenset[str]] = {
            name: frozenset(row[1] for row in connection.execute(f"pragma table_info({_quoted(name)})"))
            for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }

    @property
    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        return frozenset(self._columns)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        if table not in self._columns:
            return 0
        return int(self._connection.execute(f"select count(*) from {_quoted(table)}").fetchone()[0])

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is a table with these columns."""
        return table in self._columns and self._columns[table].issuperset(columns)

    def select(
        self, table: str, columns: Sequence[str], where: str = "true", arguments: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """These columns of the rows for which `where` is true, in the order in which they were inserted.

        None for a column that is not there, and no row of a table that is not there. Rows are read some thousands at a
        time, so that who writes to the database never waits for long. BadValueError for what is damaged.
        """
        if table not in self._columns:
            return
        names = ", ".join(_quoted(name) if name in self._columns[table] else "null" for name in columns)
        statement = f"select rowid, {names} from {_quoted(table)} where ({where}) and rowid > ? order by rowid limit ?"
        last = -(2**63)
        if not self._blocks_writers:
            with reading(self.file):
                yield from (row[1:] for row in self._connection.execute(statement, (*arguments, last, -1)))
            return
        while True:
            rows = self.query(statement, (*arguments, last, _PIECE_ROWS))
            yield from (row[1:] for row in rows)
            if len(rows) < _PIECE_ROWS:
                return
            last = rows[-1][0]

    def query(self, statement: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query that has few. BadValueError for what is damaged."""
        with reading(self.file):
            return self._connection.execute(statement, arguments).fetchall()


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """What SQLite says of a damaged file, as BadValueError."""
    try:
        yield
    except sqlite3.Error as error:
        raise BadValueError(f"{file} cannot be read: {error}") from None


@contextmanager
def open_database(file: Path) -> Iterator[Database]:
    """Open a database only for reading, and leave nothing beside it.

    BadValueError for a file that is none, or is damaged.
    """
    # A database in WAL mode that nobody has open is one file; to open it in the usual way would make two more.
    has_log = file.with_name(f"{file.name}-wal").exists()
    is_rollback = _is_rollback(file)
    options = "mode=ro" if has_log or is_rollback else "mode=ro&immutable=1"
    uri = f"file:{quote(str(file.resolve()))}?{options}"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_S)) as connection:
            connection.text_factory = decoded
            try:
                database = Database(file, uri, connection, blocks_writers=is_rollback)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                    raise
                raise BadValueError(
                    f"{file} was left by a process that was killed while it wrote: what it did must be taken back "
                    "first, which would change the file. Copy it, with the file beside it that ends with -journal, "
                    "and open the copy once with its own program, or with sqlite3"
                ) from None
            yield database
    except sqlite3.Error as error:
        raise BadValueError(f"{file} cannot be read as a SQLite database: {error}") from None


def _is_rollback(file: Path) -> bool:
    """Whether writers change the file itself, and keep what was in a journal beside it."""
    with file.open("rb") as content:
        return content.read(20)[18:19] != b"\2"


def decoded(content: bytes) -> str:
    """A text of a database; what is no UTF-8 in it is replaced."""
    return content.decode("utf-8", "replace")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
