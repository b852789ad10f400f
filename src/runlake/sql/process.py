"""Queries of others in processes of their own, which can be ended whatever they are doing: see `sql.child`."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO

import msgspec
import psutil
import pyarrow as pa

from runlake import errors
from runlake.errors import NotSupportedError, SqlError, SqlLimitError
from runlake.ready import ready
from runlake.sql.child import Question, Step, send
from runlake.sql.engine import SqlLimits, check_letters, too_large, too_slow
from runlake.sql.schema import ReadTable
from runlake.sql.scope import Scope
from runlake.stopping import check_wanted

_LOOK_EVERY_S = 0.05
_START_S = 30.0
_LATE_S = 1.0
"""DuckDB ends most queries in time by itself and says so, and its process goes on to the next."""
_OWN_BYTES = 256 * 2**20
"""What a process takes with its libraries before it has read anything."""

_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What a query's process has of this one's environment, which may hold keys."""


class EngineProcesses:
    """Processes for queries, each with `thread_count` threads; one that is at nothing is kept. Threads may share it.

    An answer of more than `answer_bytes` is not taken.
    """

    def __init__(self, *, thread_count: int | None = None, answer_bytes: int = 256 * 2**20) -> None:
        self.thread_count = max(1, (os.cpu_count() or 1) // 2) if thread_count is None else thread_count
        self.answer_bytes = answer_bytes
        self._waiting: list[_Process] = []
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, _end_all, self._waiting)

    def engine(self, limits: SqlLimits) -> ProcessEngine:
        """An engine for one query, as soon as its process can begin: the first one takes a second."""
        with self._lock:
            process = self._waiting.pop() if self._waiting else None
        if process is not None and process.is_gone():
            process.end()
            process = None
        process = _Process() if process is None else process
        try:
            process.await_start()
        except BaseException:
            process.end()
            raise
        return ProcessEngine(self, process, limits)

    def prepare(self) -> None:
        """Have a process get ready, since a query may come."""
        with self._lock:
            if not self._waiting and self._end.alive:
                self._waiting.append(_Process())

    def give_back(self, process: _Process, *, is_idle: bool) -> None:
        """A query has ended. Where its process is at it still, that is ended, and another one gets ready."""
        if not is_idle:
            process.end()
        with self._lock:
            is_kept = not self._waiting and self._end.alive
            if is_kept:
                self._waiting.append(process if is_idle else _Process())
        if is_idle and not is_kept:
            process.end()

    def close(self) -> None:
        """End those that wait; those that are at work end with their queries."""
        with self._lock:
            self._end()


class ProcessEngine:
    """One query in a process of its own, which ends when the query must."""

    def __init__(self, processes: EngineProcesses, process: _Process, limits: SqlLimits) -> None:
        self._processes, self._process, self._limits = processes, process, limits
        self._is_idle = False

    def read_scope(self, text: str) -> Scope:
        check_letters(text)
        deadline_s = time.monotonic() + self._limits.time_s
        with self._faults():
            send(self._process.stdin, Question(text, self._limits, self._processes.thread_count))
            scope = self._next_step(deadline_s).scope
        assert scope is not None
        return scope

    def answer(self, tables: Iterable[ReadTable], deadline_s: float) -> pa.Table:
        stdin = self._process.stdin
        for name, schema, pieces in tables:
            with self._faults():
                send(stdin, Step(table=name))
                writer = pa.ipc.new_stream(stdin, schema)
            for piece in pieces:
                with self._faults():
                    writer.write_table(piece)
            with self._faults():
                writer.close()
        with self._faults():
            send(stdin, Step(time_s=max(0.0, deadline_s - time.monotonic())))
            self._next_step(deadline_s)
            table = self._read_answer()
        self._is_idle = True
        return table

    def close(self) -> None:
        self._processes.give_back(self._process, is_idle=self._is_idle)

    def _next_step(self, deadline_s: float) -> Step:
        """What the process says next; raises the error that it says, or that it must be ended with."""
        for _ in self._process.waits():
            now_s = time.monotonic()
            if self._process.used_bytes() > _OWN_BYTES + 3 * self._limits.memory_bytes:
                raise too_large(self._limits)
            if now_s > deadline_s + _LATE_S:
                raise too_slow(self._limits)
            if now_s < deadline_s:
                check_wanted()
        step = self._process.read_step()
        if step.error is not None:
            name, message = step.error
            self._is_idle = True
            kind: Callable[[str], Exception] = getattr(errors, name)
            raise kind(message)
        return step

    def _read_answer(self) -> pa.Table:
        batches, size_bytes = [], 0
        with pa.ipc.open_stream(self._process.stdout) as reader:
            for batch in reader:
                size_bytes += batch.nbytes
                if size_bytes > self._processes.answer_bytes:
                    raise SqlLimitError(
                        f"the answer is larger than {self._processes.answer_bytes:,} bytes, which is all that is sent "
                        "at once; ask for fewer rows or columns"
                    )
                batches.append(batch)
            return pa.Table.from_batches(batches, reader.schema)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """What it means that the process is not there any more."""
        try:
            yield
        except (EOFError, OSError, pa.ArrowInvalid, psutil.Error) as error:
            raise SqlError(
                "this query does not work: its process ended, as it does for want of memory or by a fault of DuckDB"
            ) from error


class _Process:
    """A child at its beginning or between two queries."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "runlake.sql.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self.stdin: IO[bytes] = self._child.stdin
        self.stdout: IO[bytes] = self._child.stdout
        self._is_started = False

    def await_start(self) -> None:
        """Wait until it can begin; `NotSupportedError` where it cannot."""
        if self._is_started:
            return
        give_up_s = time.monotonic() + _START_S
        for _ in self.waits():
            check_wanted()
            if time.monotonic() > give_up_s:
                raise NotSupportedError(f"a process for the query has not started within {_START_S:g} s")
        try:
            self.read_step()
        except EOFError:
            raise NotSupportedError("a process for the query does not start: is duckdb installed?") from None
        self._is_started = True

    def waits(self) -> Iterator[None]:
        """Goes on until it has said something, or has ended."""
        while not select.select([self.stdout], [], [], _LOOK_EVERY_S)[0]:
            yield

    def read_step(self) -> Step:
        """What it has said; `EOFError` when it has ended."""
        line = self.stdout.readline()
        if not line:
            raise EOFError
        return msgspec.json.decode(line, type=ready(Step))

    def used_bytes(self) -> int:
        """Its memory."""
        return int(psutil.Process(self._child.pid).memory_info().rss)

    def is_gone(self) -> bool:
        return self._child.poll() is not None

    def end(self) -> None:
        """Whatever it is doing."""
        self._child.kill()
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self._child.wait()


def _end_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()
