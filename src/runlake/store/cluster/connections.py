"""Connections to the database that are used again: as many as are allowed, opened when they are needed.

No thread of its own. What the database closed meanwhile is noticed before it is handed out, at the price of one look at
the socket, so that after a restart of the database nobody is handed what is left of the time before.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.pq import TransactionStatus

from runlake.errors import BusyError
from runlake.patient_postgres import PatientConnection

_IDLE_S = 300.0
"""A connection that nobody wanted for so long is closed: each costs the database a process."""
_LIFE_S = 3600.0
"""So old a connection may get: a name that leads to another machine since is looked up again."""


class Connections:
    """Connections to one database. Threads may share it, processes may not."""

    def __init__(self, connect: Callable[[], PatientConnection], *, limit: int, patience_s: float) -> None:
        self._connect, self._limit, self._patience_s = connect, limit, patience_s
        self._free = threading.BoundedSemaphore(limit)
        self._idle: deque[_Idle] = deque()
        self._is_closed = False
        self._in_use: set[int] = set()

    @property
    def in_use_count(self) -> int:
        """How many are handed out."""
        return len(self._in_use)

    @contextmanager
    def one(self) -> Iterator[PatientConnection]:
        """A connection of one's own for the block; BusyError when all are taken for longer than patience lasts."""
        if not self._free.acquire(timeout=self._patience_s):
            raise BusyError(
                f"all {self._limit} connections to the database were in use for {self._patience_s:g} s; try again"
            )
        try:
            idle = self._take() or _Idle(self._connect(), time.monotonic())
            self._in_use.add(id(idle))
            try:
                yield idle.connection
            finally:
                self._in_use.discard(id(idle))
                self._put(idle)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close what is idle, and the others when they are given back."""
        self._is_closed = True
        self.forget()

    def forget(self) -> None:
        """Close what is idle: the next who asks gets new ones."""
        while True:
            try:
                self._idle.pop().connection.close()
            except IndexError:
                return

    def _take(self) -> _Idle | None:
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return None
            if idle.is_usable():
                return idle
            idle.connection.close()

    def _put(self, idle: _Idle) -> None:
        connection, now_s = idle.connection, time.monotonic()
        if connection.closed or self._is_closed or connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
        else:
            idle.since_s = now_s
            self._idle.append(idle)
        while self._idle and now_s - self._idle[0].since_s > _IDLE_S:
            try:
                self._idle.popleft().connection.close()
            except IndexError:
                return  # taken at this moment


class _Idle:
    """A connection that waits for work."""

    def __init__(self, connection: PatientConnection, now_s: float) -> None:
        self.connection, self.made_s, self.since_s = connection, now_s, now_s

    def is_usable(self) -> bool:
        """Whether the other side has not closed it: a database that says something unasked says good-bye."""
        if time.monotonic() - self.made_s > _LIFE_S:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
