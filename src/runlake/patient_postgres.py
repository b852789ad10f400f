"""Connections to PostgreSQL on which nobody waits without end.

A network that is cut says nothing, and libpq waits for an answer as long as the operating system does: a quarter of an
hour, or for ever where a proxy still takes what is sent. Statements have a limit in the server, which a server that is
not there does not keep.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict

T = TypeVar("T")

_LIMITS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How a cut is noticed, where the address says nothing of it."""


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when the server says nothing for longer than `patience_s`: OperationalError."""

    patience_s = 30.0

    def wait(self, gen: PQGen[T], *arguments: Any, **options: Any) -> T:
        return super().wait(self._within_patience(gen), *arguments, **options)

    def _within_patience(self, gen: PQGen[T]) -> PQGen[T]:
        """The same; it is asked now and then whether it has heard something."""
        last_heard_s = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                heard = yield wanted
                if heard:
                    last_heard_s = time.monotonic()
                elif time.monotonic() - last_heard_s > self.patience_s:
                    self.close()
                    raise psycopg.OperationalError(f"no answer for {self.patience_s:g} s")
                wanted = gen.send(heard)
        except StopIteration as done:
            result: T = done.value
            return result


def connect(url: str, *, patience_s: float, **options: Any) -> PatientConnection:
    """A new connection, by `url` of libpq, which may name several hosts."""
    known = conninfo_to_dict(url)
    limits = {name: limit for name, limit in _LIMITS.items() if name not in known}
    connection = PatientConnection.connect(url, **limits, **options)
    connection.patience_s = patience_s
    return connection
