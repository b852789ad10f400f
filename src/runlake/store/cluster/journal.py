"""A journal as rows of the database; `store.journal.journal` says what each method does.

A part is a row that knows where it ends, and its bytes are chunks. An append moves that end and inserts a chunk in one
statement: it is there whole or not at all, so there are no torn tails, and of two who append at the same end one is
told that it comes second. What was acknowledged is on the database's disk.

No lock says whether a writer lives: `is_held` is always None, and `last_write_at` is what tells.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any

from runlake.errors import ConflictError
from runlake.model import RunPath
from runlake.store.cluster.database import Database, UnreachableDatabaseError
from runlake.store.cluster.names import LIVE_RUN, keys_of, live_run
from runlake.store.cluster.text import from_text, to_text
from runlake.store.journal.journal import Part, PartName

_THIS = "parts.run_no = %(run_no)s and parts.writer = %(writer)s and parts.number = %(number)s"
_IS_LIVE = "exists (select from runs r where r.run_no = %(run_no)s and r.deleted_at is null)"
_MOVE = "update runs set parts_moved_at = now(), moved_xid = pg_current_xact_id() where run_no = %(run_no)s"

_CREATE = f"""
with live as (select run_no from runs where run_no = %(run_no)s and deleted_at is null for no key update),
made as (
    insert into parts (run_no, writer, number) select run_no, %(writer)s, %(number)s from live
    on conflict do nothing returning run_no),
moved as ({_MOVE} and run_no in (select run_no from made))
select (select count(*) from live), (select count(*) from made)
"""
_APPEND = f"""
with moved as (
    update parts set end_offset = end_offset + %(size_bytes)s, heard_at = now(), moved_xid = pg_current_xact_id()
    where {_THIS} and end_offset = %(end)s and sealed_in is null and {_IS_LIVE}
    returning run_no, writer, number)
insert into chunks (run_no, writer, number, start_offset, data)
select run_no, writer, number, %(end)s, %(data)b from moved returning 1
"""
_TRUNCATE = f"""
with cut as (
    update parts set end_offset = least(end_offset, %(size_bytes)s), moved_xid = pg_current_xact_id()
    where {_THIS} and sealed_in is null and {_IS_LIVE}
    returning run_no, writer, number),
gone as (
    delete from chunks using cut
    where chunks.run_no = cut.run_no and chunks.writer = cut.writer and chunks.number = cut.number
      and start_offset >= %(size_bytes)s),
shorter as (
    update chunks set data = substring(data for (%(size_bytes)s - start_offset)::integer) from cut
    where chunks.run_no = cut.run_no and chunks.writer = cut.writer and chunks.number = cut.number
      and start_offset < %(size_bytes)s and start_offset + length(data) > %(size_bytes)s)
select 1 from cut
"""
_READ = f"""
select start_offset, data from parts left join chunks on chunks.run_no = parts.run_no
    and chunks.writer = parts.writer and chunks.number = parts.number and start_offset < %(until)s
    and start_offset >= coalesce((
        select max(start_offset) from chunks c
        where c.run_no = %(run_no)s and c.writer = %(writer)s and c.number = %(number)s and start_offset <= %(offset)s
    ), 0)
where {_THIS} and {_IS_LIVE} order by start_offset
"""
_HEARD = f"""
select extract(epoch from clock_timestamp() - greatest(parts.heard_at, served.heard_at))::float8
from parts left join served using (run_no, writer) where {_THIS} and {_IS_LIVE}
"""
_DROP = f"""
with dropped as (delete from parts where {_THIS} returning run_no, writer, number),
emptied as (
    delete from chunks using dropped
    where chunks.run_no = dropped.run_no and chunks.writer = dropped.writer and chunks.number = dropped.number)
{_MOVE} and run_no in (select run_no from dropped)
"""
_FAR = 1 << 62


class PostgresPart:
    """A part that this process appends to, behind the end that it knows."""

    def __init__(self, journal: PostgresJournal, name: PartName) -> None:
        self._journal, self._name, self._end = journal, name, 0

    @property
    def write(self) -> Callable[[bytes], int]:
        return self._write

    def _write(self, data: bytes) -> int:
        self._journal.append(self._name, data, self._end)
        self._end += len(data)
        return len(data)

    def size_bytes(self) -> int:
        return self._end

    def truncate(self, size_bytes: int) -> None:
        self._journal.truncate(self._name, size_bytes)
        self._end = size_bytes

    def close(self) -> None:
        """Nobody holds a part here."""


class PostgresJournal:
    """The parts of one run as rows.

    It stays with the run of `bind`, or the one that was there when the first part was made: once that is deleted, it
    has no parts, and none can be made. Parts that a segment has are not listed any more.
    """

    def __init__(self, database: Database, path: RunPath) -> None:
        self._database, self._path = database, path
        self._run_no: int | None = None

    def prepare(self) -> None:
        if self._find_run() is None or not self._is_live():
            raise self._gone()

    def bind(self) -> None:
        run_no = live_run(self._database, self._path)
        if run_no is None:
            raise self._gone()
        self._run_no = run_no

    def is_here(self) -> bool:
        return self._run_no is not None and self._is_live()

    def create_part(self, name: PartName) -> Part:
        if self._run_no is None:
            self.bind()
        live_count, made_count = self._database.write(_CREATE, self._of(name))[0]
        if not live_count:
            raise self._gone()
        if not made_count:
            raise FileExistsError(errno.EEXIST, f"there is a part {name} already", str(self._path))
        return PostgresPart(self, name)

    def append(self, name: PartName, data: bytes, end: int) -> None:
        """As promised; what is more, who comes second at an end gets ConflictError, and nothing was appended.

        Asked again when the connection was lost, the same bytes at the same place are the same append.
        """
        parameters = {**self._of(name), "data": data, "size_bytes": len(data), "end": end}
        is_again = False

        def append() -> None:
            nonlocal is_again
            try:
                if data and self._database.write(_APPEND, parameters):
                    return
            except UnreachableDatabaseError:
                is_again = True
                raise
            self._check_end(name, data, end, is_again=is_again)

        began_s = time.monotonic()
        self._database.retried(append)
        self._database.counts.add_append(len(data), time.monotonic() - began_s)

    def _check_end(self, name: PartName, data: bytes, end: int, *, is_again: bool) -> None:
        """Why nothing was appended."""
        there = self.size_bytes(name)
        if self._is_sealed(name):
            raise self._no_part(name)
        if not data and there == end:
            return
        if is_again and self.read(name, end, len(data)) == data:
            return
        raise ConflictError(f"the part {name} of {self._path} ends at byte {there}, and not at {end}: read it again")

    def truncate(self, name: PartName, size_bytes: int) -> None:
        parameters = {**self._of(name), "size_bytes": size_bytes}
        if not self._database.retried(lambda: self._database.write(_TRUNCATE, parameters)):
            raise self._no_part(name)

    def list_parts(self) -> list[tuple[PartName, int]]:
        # Asked often, and of a journal that nobody has bound: the run is found by the same statement.
        run = LIVE_RUN if self._run_no is None else f"select run_no from runs where run_no = %(run_no)s and {_IS_LIVE}"
        statement = f"select writer, number, end_offset from parts where run_no = ({run}) and sealed_in is null"
        rows = self._database.read(statement, {**keys_of(self._path), "run_no": self._run_no})
        return sorted((PartName(from_text(writer), number), end) for writer, number, end in rows)

    def size_bytes(self, name: PartName) -> int:
        return int(self._ask(f"select end_offset from parts where {_THIS} and {_IS_LIVE}", name))

    def read(self, name: PartName, offset: int = 0, limit: int | None = None) -> bytes:
        until = _FAR if limit is None else offset + limit
        rows = self._database.read(_READ, {**self._of(name), "offset": offset, "until": until})
        if not rows:
            raise self._no_part(name)
        if rows[0][0] is None:
            return b""
        skipped = offset - rows[0][0]
        return b"".join(data for _, data in rows)[skipped : None if limit is None else skipped + limit]

    def is_held(self, name: PartName) -> bool | None:
        return None

    def last_write_at(self, name: PartName) -> float:
        # How long ago it was, by the one clock that all writers share; the caller compares with its own.
        return time.time() - float(self._ask(_HEARD, name))

    def moved_at(self) -> float | None:
        statement = """
            select extract(epoch from clock_timestamp() - parts_moved_at)::float8 from runs
            where run_no = %(run_no)s and deleted_at is null and parts_moved_at is not null
        """
        rows = self._database.read(statement, {"run_no": self._find_run()})
        return time.time() - rows[0][0] if rows else None

    def sync(self, name: PartName) -> None:
        self.size_bytes(name)  # what is there was committed, and is on the disk

    def drop(self, name: PartName) -> None:
        self._database.retried(lambda: self._database.write(_DROP, self._of(name)))

    def _ask(self, statement: str, name: PartName) -> Any:
        rows = self._database.read(statement, self._of(name))
        if not rows:
            raise self._no_part(name)
        return rows[0][0]

    def _is_sealed(self, name: PartName) -> bool:
        return bool(self._ask(f"select sealed_in is not null from parts where {_THIS} and {_IS_LIVE}", name))

    def _is_live(self) -> bool:
        return bool(self._database.read(f"select {_IS_LIVE}", {"run_no": self._find_run()})[0][0])

    def _find_run(self) -> int | None:
        return self._run_no if self._run_no is not None else live_run(self._database, self._path)

    def _of(self, name: PartName) -> dict[str, Any]:
        return {"run_no": self._find_run(), "writer": to_text(name.writer), "number": name.number}

    def _gone(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "the run was deleted or moved", str(self._path))

    def _no_part(self, name: PartName) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, f"there is no part {name}", str(self._path))
