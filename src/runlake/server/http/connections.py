"""The connections of one worker: how many there may be, and how long each may take for what it sends and reads.

A connection that a person has used with a key is *known*. Of the others those that wait, for a first request or the
next one, are the ones that anybody can make by the thousand: of one address only so many stay, and when there is no
room for a new connection the one that has waited longest goes. Who says at once what they want is always let in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from runlake.server.config import ServerConfig
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send

IN_STATE = "runlake.connections"
"""Where the app puts this, in the state of its lifespan, for the protocol of each connection."""
_LOOKS_PER_DEADLINE = 4
_LONGEST_PAUSE_S = 1.0
_LEAST_CONNECTIONS = 16
_MOST_FILES = 1 << 20


class Connection(Protocol):
    """What is asked of a connection here."""

    address: str

    def look(self, now: float, elapsed_s: float) -> None:
        """End whatever has taken too long."""
        ...

    def evict(self) -> None:
        """Make room for another."""
        ...


class Connections:
    """Knows all connections of a worker, and looks at each of them every now and then."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        refused: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.refused = refused
        self.clock = clock
        self._max_count = max(_LEAST_CONNECTIONS, min(config.max_connections, _files_left() // 2))
        self._all: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        self._waiting_of: dict[str, dict[Connection, None]] = {}
        self._looked_at = 0.0
        self._is_looking = False

    def open(self, connection: Connection) -> bool:
        """A new one, which waits for its first request; False where there is no room for it."""
        if len(self._all) >= self._max_count:
            self.refused("connections")
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return False
            self._end(oldest)
        self._all.add(connection)
        self.wait(connection)
        if not self._is_looking:
            self._is_looking, self._looked_at = True, self.clock()
            self._look_later()
        return True

    def wait(self, connection: Connection) -> None:
        """A connection that nobody has used with a key waits for a request."""
        self._waiting[connection] = None
        siblings = self._waiting_of.setdefault(connection.address, {})
        siblings[connection] = None
        if len(siblings) > self.config.max_waiting_per_address:
            self.refused("address")
            self._end(next(iter(siblings)))

    def go_on(self, connection: Connection) -> None:
        """It waits no more."""
        if connection in self._waiting:
            del self._waiting[connection]
            siblings = self._waiting_of[connection.address]
            del siblings[connection]
            if not siblings:
                del self._waiting_of[connection.address]

    def close(self, connection: Connection) -> None:
        """It is gone."""
        self.go_on(connection)
        self._all.discard(connection)

    def _end(self, connection: Connection) -> None:
        # Its descriptor is free a moment later, when the event loop says that it is lost.
        self.close(connection)
        connection.evict()

    def _look_later(self) -> None:
        config = self.config
        shortest_s = min(config.header_timeout_s, config.answer_timeout_s, config.body_timeout_s)
        pause_s = min(_LONGEST_PAUSE_S, shortest_s / _LOOKS_PER_DEADLINE)
        asyncio.get_running_loop().call_later(pause_s, self._look)

    def _look(self) -> None:
        now = self.clock()
        elapsed_s, self._looked_at = now - self._looked_at, now
        for connection in list(self._all):
            connection.look(now, elapsed_s)
        if self._all:
            self._look_later()
        else:
            self._is_looking = False


class HandOver:
    """Gives the connections to whoever runs the app, before the first of them."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] == "lifespan" and "state" in scope:
            scope["state"][IN_STATE] = self._connections
        await self._app(scope, receive, send)


def _files_left() -> int:
    """How many descriptors a process may have."""
    try:
        import resource
    except ImportError:
        return _MOST_FILES  # no system of POSIX
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def allow_many_files() -> None:
    """Take as many descriptors as the system gives without asking: the low limit is for programs that use select."""
    try:
        import resource
    except ImportError:
        return  # no system of POSIX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
