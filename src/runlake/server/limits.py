"""How much one client may ask for: bytes in a request, requests in a second.

Who asks too often is told 429 with Retry-After, which every client takes for a reason to wait; nothing here answers
a W&B stream with anything it would take for the end.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from runlake.errors import BusyError, TooLargeError
from runlake.server.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.people import Person
from runlake.server.problems import problem_of, send_problem

_REMEMBERED_CLIENTS = 10_000
_UPLOADS = re.compile(r"/files/|/api/[^/]+/runs/[^/]+/[^/]+/[^/]+/files/")
"""Where files are put: these are written as they come, while everything else is read as a whole."""

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._requests_per_s = requests_per_s
        self._burst_requests = burst_requests
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say when to come back."""
        if scope["type"] == "http" and scope["path"] not in _MEASURING:
            wait_s = self._take(client_of(scope))
            if wait_s > 0:
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
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst_requests, now)
        left = min(self._burst_requests, bucket.left + (now - bucket.at) * self._requests_per_s)
        may_pass = left >= 1
        self._buckets[client] = _Bucket(left - 1 if may_pass else left, now)
        while len(self._buckets) > _REMEMBERED_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if may_pass else (1 - left) / self._requests_per_s


class BodyLimit:
    """Refuses bodies that are too large before they are read, and those that do not say so while they are."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_file_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_file_bytes = max_file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends with an error where it gets too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = scope["method"] == "PUT" and _UPLOADS.match(scope["path"]) is not None
        limit = self._max_file_bytes if is_upload else self._max_body_bytes
        told = dict(scope["headers"]).get(b"content-length", b"")
        if told.isdigit() and int(told) > limit:
            await send_problem(send, problem_of(_too_large(limit)))
            return
        received_bytes = 0
        has_begun = False

        async def receive_up_to_limit() -> Message:
            nonlocal received_bytes
            message = await receive()
            if message["type"] == "http.request":
                received_bytes += len(message.get("body", b""))
                if received_bytes > limit:
                    raise _too_large(limit)
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive_up_to_limit, send_and_note)
        except TooLargeError as error:
            if has_begun:
                raise
            await send_problem(send, problem_of(error))


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the request is larger than {limit:,} bytes, which is all that this server takes at once")


def client_of(scope: Scope) -> str:
    """Whom a request is counted for: the person who asks, or the address that nobody asks from."""
    user = scope.get("user")
    if isinstance(user, Person):
        return f"person {user.username}"
    client = scope.get("client")
    return f"address {client[0]}" if client else "address unknown"
