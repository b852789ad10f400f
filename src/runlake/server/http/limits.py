"""How often one client may ask: requests in a second.

Who asks too often is told 429 with Retry-After, which every client takes for a reason to wait; nothing here answers
a W&B stream with anything it would take for the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from runlake.errors import BusyError
from runlake.lru import LruCache
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send
from runlake.server.http.problems import problem_of, send_problem
from runlake.server.people.directory import Person

_REMEMBERED_CLIENTS = 10_000
_MEASURING = frozenset({"/healthz", "/readyz", "/metrics"})


class _Bucket(NamedTuple):
    """So many requests were left at that moment; they come back with time."""

    left: float
    at: float


class RateLimit:
    """Lets each person ask `requests_per_s` times, and `burst_requests` times at once; nobody counts by address.

    Counted in each worker for itself. Expects the person in ``scope["user"]``, where `auth.SignIn` puts them. A client
    that was not heard of for long is forgotten, and begins with a whole burst again.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests_per_s: float,
        burst_requests: int,
        refused: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._refused = refused
        self._requests_per_s = requests_per_s
        self._burst_requests = burst_requests
        self._clock = clock
        self._buckets: LruCache[str, _Bucket] = LruCache(_REMEMBERED_CLIENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say when to come back."""
        if scope["type"] == "http" and scope["path"] not in _MEASURING:
            wait_s = self._take(client_of(scope))
            if wait_s > 0:
                self._refused("rate")
                error = BusyError(
                    f"more than {self._requests_per_s:g} requests a second; wait {wait_s:.1f} s and go on",
                    retry_after_s=wait_s,
                )
                await send_problem(send, problem_of(error))
                return
        await self._app(scope, receive, send)

    def _take(self, client: str) -> float:
        """Count one request; answers how many seconds are to be waited, 0 when it may pass."""
        now = self._clock()
        bucket = self._buckets.get(client) or _Bucket(self._burst_requests, now)
        left = min(self._burst_requests, bucket.left + (now - bucket.at) * self._requests_per_s)
        may_pass = left >= 1
        self._buckets.put(client, _Bucket(left - 1 if may_pass else left, now))
        return 0.0 if may_pass else (1 - left) / self._requests_per_s


def client_of(scope: Scope) -> str:
    """Whom a request is counted for: the person who asks, or the address that nobody asks from."""
    user = scope.get("user")
    if isinstance(user, Person):
        return f"person {user.username}"
    client = scope.get("client")
    return f"address {client[0]}" if client else "address unknown"
