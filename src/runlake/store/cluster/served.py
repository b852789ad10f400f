"""The writers that a server feeds as rows; `store.journal.served` says what each method does.

A turn is one transaction that begins with the writer's row: another turn of the writer waits for its end, and what a
turn appended and said is there together, or not at all.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import LIVE_RUN, keys_of
from runlake.store.cluster.text import from_text, to_text
from runlake.store.journal.journal import PartName
from runlake.store.journal.served import Served, decode_served, encode_served, gone

_THIS = f"run_no = ({LIVE_RUN}) and writer = %(writer)s"

_MARK = f"""
insert into served (run_no, writer, body) select run_no, %(writer)s, %(body)b from ({LIVE_RUN}) as live
on conflict (run_no, writer) do update set body = excluded.body, heard_at = now() returning 1
"""
_TURN = f"update served set heard_at = now() where {_THIS} returning body, run_no"
_APPEND = f"""
with turn as (
    select run_no, writer from served where {_THIS} for no key update),
moved as (
    update parts set end_offset = end_offset + %(size_bytes)s, heard_at = now(), moved_xid = pg_current_xact_id()
    from turn where parts.run_no = turn.run_no and parts.writer = turn.writer and parts.number = %(number)s
      and end_offset = %(end)s and sealed_in is null
    returning parts.run_no, parts.writer, parts.number),
kept as (
    insert into chunks (run_no, writer, number, start_offset, data)
    select run_no, writer, number, %(end)s, %(data)b from moved),
said as (
    update served set seen = %(said)b::bytea from moved
    where %(said)b::bytea is not null and served.run_no = moved.run_no and served.writer = moved.writer)
select others.writer, others.number, others.end_offset from moved
left join parts others on others.run_no = moved.run_no and others.sealed_in is null
    and (others.writer, others.number) <> (moved.writer, moved.number)
"""
"""The turn is first: whoever has one is waited for, and the part looked at as it was left."""


class PostgresServed:
    """The served writers of the run that has a path at the moment of each call."""

    def __init__(self, database: Database, path: RunPath) -> None:
        self._database, self._path = database, path

    def mark(self, writer: str, served: Served) -> None:
        parameters = {**self._of(writer), "body": encode_served(served)}
        if not self._database.retried(lambda: self._database.write(_MARK, parameters)):
            raise FileNotFoundError(errno.ENOENT, "the run was deleted or moved", str(self._path))

    def read(self, writer: str) -> Served | None:
        rows = self._database.read(f"select body from served where {_THIS}", self._of(writer))
        return decode_served(rows[0][0]) if rows else None

    def list(self) -> list[str]:
        statement = f"select writer from served where run_no = ({LIVE_RUN})"
        return sorted(from_text(writer) for (writer,) in self._database.read(statement, keys_of(self._path)))

    appends_at_once = True

    def append_at_once(
        self, name: PartName, data: bytes, end: int, said: bytes | None = None
    ) -> Sequence[tuple[PartName, int]] | None:
        parameters = {**self._of(name.writer), "number": name.number, "end": end, "size_bytes": len(data)}
        parameters |= {"data": data, "said": said}
        began_s = time.monotonic()
        # Done a second time when an answer was lost, it does nothing, and the turn that follows finds these bytes.
        rows = self._database.retried(lambda: self._database.write(_APPEND, parameters))
        if not rows:
            return None
        self._database.counts.add_append(len(data), time.monotonic() - began_s)
        return [(PartName(from_text(other), number), size) for other, number, size in rows if other is not None]

    @contextmanager
    def turn(self, writer: str) -> Iterator[Served]:
        with self._database.transaction():
            rows = self._database.write(_TURN, self._of(writer))
            if not rows:
                raise gone(writer)
            self._database.notes[self._path] = rows[0][1]
            yield decode_served(rows[0][0])

    def read_said(self, writer: str) -> bytes:
        rows = self._database.read(f"select seen from served where {_THIS}", self._of(writer))
        return (rows[0][0] or b"") if rows else b""

    def keep_said(self, writer: str, content: bytes) -> None:
        parameters = {**self._of(writer), "seen": content}
        self._database.write(f"update served set seen = %(seen)b where {_THIS}", parameters)

    def _of(self, writer: str) -> dict[str, Any]:
        return {**keys_of(self._path), "writer": to_text(writer)}
