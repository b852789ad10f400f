"""The writers that a server feeds as rows; `store.journal.served` says what each method does.

A turn is one transaction that begins with the writer's row: another turn of the writer waits for its end, and what a
turn appended and said is there together, or not at all.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import LIVE_RUN, keys_of
from runlake.store.cluster.text import from_text, to_text
from runlake.store.journal.served import Served, decode_served, encode_served, gone

_THIS = f"run_no = ({LIVE_RUN}) and writer = %(writer)s"

_MARK = f"""
insert into served (run_no, writer, body) select run_no, %(writer)s, %(body)b from ({LIVE_RUN}) as live
on conflict (run_no, writer) do update set body = excluded.body, heard_at = now() returning 1
"""
_TURN = f"update served set heard_at = now() where {_THIS} returning body, run_no"


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
