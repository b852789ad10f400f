"""DuckDB in a process of its own: ``python -m runlake.sql.child``, which `sql.process` starts and ends.

One query after the other comes over stdin, and its answers go to stdout: lines of JSON, and Arrow streams between them.

    ←  {} as soon as it can begin
    →  {"text", "limits", "thread_count"}
    ←  {"scope"} or {"error"}
    →  {"table"} and its rows, for each table of the scope; {"time_s"} behind the last
    ←  {"row_count"} and the answer, or {"error"}

Functions of DuckDB may take minutes, and memory that it does not count, before they look at anything: so who asks ends
this process. It ends by itself when who started it is gone, or asks nothing for long.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import pyarrow as pa

from runlake.errors import RunlakeError
from runlake.ready import ready
from runlake.sql.engine import DuckDatabase, SqlLimits
from runlake.sql.schema import ReadTable
from runlake.sql.scope import Scope

NICENESS = 10
"""What a server has to do besides goes first."""

_IDLE_S = 600.0
_PARENT_LOOK_S = 1.0
_BATCH_ROWS = 65_536


class Question(msgspec.Struct):
    """A query, and what it may take."""

    text: str
    limits: SqlLimits
    thread_count: int


class Step(msgspec.Struct, omit_defaults=True):
    """What one side says next: one field of it."""

    scope: Scope | None = None
    table: str | None = None
    time_s: float | None = None
    row_count: int | None = None
    error: tuple[str, str] | None = None


def main() -> None:
    """Answer until stdin ends."""
    _end_with_parent()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    import duckdb  # noqa: F401  while nobody waits for it

    asked, told = sys.stdin.buffer, sys.stdout.buffer
    database: DuckDatabase | None = None
    send(told, Step())
    while select.select([asked], [], [], _IDLE_S)[0] and (line := asked.readline()):
        question = msgspec.json.decode(line, type=ready(Question))
        try:
            database = DuckDatabase(thread_count=question.thread_count) if database is None else database
            engine = database.engine(question.limits)
            try:
                send(told, Step(scope=engine.read_scope(question.text)))
                left_s: list[float] = []
                tables = list(_read_tables(asked, left_s))
                answer = engine.answer(tables, time.monotonic() + left_s[0])
            finally:
                engine.close()
        except RunlakeError as error:
            send(told, Step(error=(type(error).__name__, str(error))))
            continue
        send(told, Step(row_count=answer.num_rows))
        with pa.ipc.new_stream(told, answer.schema) as writer:
            writer.write_table(answer, max_chunksize=_BATCH_ROWS)
        told.flush()


def send(file: IO[bytes], step: Any) -> None:
    """One line of the talk."""
    file.write(msgspec.json.encode(step) + b"\n")
    file.flush()


def _read_tables(asked: IO[bytes], left_s: list[float]) -> Iterator[ReadTable]:
    while True:
        step = msgspec.json.decode(asked.readline(), type=ready(Step))
        if step.time_s is not None:
            left_s.append(step.time_s)
            return
        assert step.table is not None
        with pa.ipc.open_stream(asked) as rows:
            yield step.table, rows.schema, iter([rows.read_all()])


def _end_with_parent() -> None:
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_LOOK_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


if __name__ == "__main__":
    main()
