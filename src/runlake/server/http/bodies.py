"""The bodies of requests: whose are read, how large they may be, how long they may take, how many at once.

Nobody's body is read before somebody has said who they are. That is asked here, before the first byte is taken from the
network, and not in each route: what a route is given as a body has been read for it. Three are exceptions: a URL that
carries its own permission is checked by its route, which reads nothing before; and documents of GraphQL, and what signs
somebody in at the page, may come from nobody, as long as they are small.
"""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Callable
from typing import NoReturn

from runlake.errors import AuthenticationError, BadValueError, BusyError, RunlakeError, SlowError, TooLargeError
from runlake.server.config import ServerConfig
from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.http.auth import require_person
from runlake.server.http.cookies import SESSION_PATH
from runlake.server.people.directory import Person

_UPLOADS = re.compile(
    r"/files/|/artifact-uploads/|/api/[^/]+/(?:runs/[^/]+/[^/]+/[^/]+/files/|artifacts/[^/]+/[^/]+/[^/]+/versions/[^/]+/content)"
)
"""Where files are put: these are written as they come, while everything else is read as a whole."""
_SIGNED = re.compile(r"/files/|/artifact-uploads/")
"""Where the address may permit it instead of a key."""
_OPEN = frozenset({("POST", "/graphql"), ("POST", SESSION_PATH)})
_STRANGERS = "nobody"
"""All who send no key are one party of the budget: they cannot take what is there by being many."""
_BUDGET_WAIT_S = 10.0
_LENGTH_DIGITS = 18
_COLLECTED_EVERY_BYTES = 16 << 20

Refused = Callable[[str], None]
"""Counts a refusal by its reason: `Metrics.refused`."""


class BodyBudget:
    """How many bytes of bodies may be in memory at once, in one worker.

    Each party may hold half of what the others leave: one alone never has it all, and the next finds room. Who finds
    none waits, and after `wait_s` is told to come back.
    """

    def __init__(self, total_bytes: int, *, wait_s: float = _BUDGET_WAIT_S) -> None:
        self._total_bytes = total_bytes
        self._wait_s = wait_s
        self._held: dict[str, int] = {}
        self._used_bytes = self._answered_bytes = 0
        self._has_changed: asyncio.Event | None = None

    async def take(self, party: str, size_bytes: int) -> None:
        """Count these bytes for the party, as soon as there is room; `BusyError` when there is none for long."""
        if self._take(party, size_bytes):
            return
        try:
            async with asyncio.timeout(self._wait_s):
                while not self._take(party, size_bytes):
                    self._has_changed = self._has_changed or asyncio.Event()
                    await self._has_changed.wait()
        except TimeoutError:
            raise BusyError(
                "the server has as many requests in memory as it takes from one at a time; send fewer at once"
            ) from None

    def give_back(self, party: str, size_bytes: int) -> None:
        """Bytes that `take` counted were answered."""
        self._answered_bytes += size_bytes
        if self._answered_bytes > _COLLECTED_EVERY_BYTES:
            # The framework's request and its scope hold each other, and the body with them, until somebody looks.
            self._answered_bytes = 0
            gc.collect()
        self._used_bytes -= size_bytes
        left = self._held[party] - size_bytes
        if left:
            self._held[party] = left
        else:
            del self._held[party]
        if self._has_changed is not None:
            self._has_changed.set()
            self._has_changed = None

    def _take(self, party: str, size_bytes: int) -> bool:
        mine = self._held.get(party, 0)
        left_by_others = self._total_bytes - (self._used_bytes - mine)
        # A body that is alone passes whatever its size, which has a limit of its own: it could never pass otherwise.
        if 2 * (mine + size_bytes) > left_by_others and self._used_bytes:
            return False
        self._used_bytes += size_bytes
        self._held[party] = mine + size_bytes
        return True


class Bodies:
    """Refuses bodies of strangers, and bodies that are too large, too slow, or too many at once.

    Expects the person in ``scope["user"]``, where `auth.SignIn` puts them.
    """

    def __init__(self, app: ASGIApp, *, config: ServerConfig, refused: Refused) -> None:
        self._app = app
        self._config = config
        self._refused = refused
        self._budget = BodyBudget(config.max_bodies_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends with an error where it is not as it may be."""
        told_bytes = _told_bytes(scope) if scope["type"] == "http" else 0
        if told_bytes == 0:
            await self._app(scope, receive, send)
            return
        person = scope.get("user")
        person = person if isinstance(person, Person) else None
        is_upload = scope["method"] == "PUT" and _UPLOADS.match(scope["path"]) is not None
        is_signed = is_upload and b"token=" in scope["query_string"] and _SIGNED.match(scope["path"]) is not None
        if person is None and not is_signed and (scope["method"], scope["path"]) not in _OPEN:
            self._refuse("no_key", _no_person(scope))
        body = _Body(receive, send, told_bytes=told_bytes, config=self._config, refuse=self._refuse)
        if is_upload:
            body.set_limit(self._config.max_file_bytes, _too_large)
        elif person is not None:
            body.set_limit(self._config.max_body_bytes, _too_large)
        else:
            body.set_limit(self._config.max_anonymous_body_bytes, lambda _: _no_person(scope))
        try:
            if not is_upload:
                await body.count(self._budget, _STRANGERS if person is None else person.username)
            await self._app(scope, body.receive, body.send)
        finally:
            body.forget()

    def _refuse(self, reason: str, error: RunlakeError) -> NoReturn:
        self._refused(reason)
        raise error


class _Body:
    """One body on its way."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        told_bytes: int | None,
        config: ServerConfig,
        refuse: Callable[[str, RunlakeError], NoReturn],
    ) -> None:
        self._receive, self._send, self._refuse = receive, send, refuse
        self._told_bytes = told_bytes
        self._patience_s = self._left_s = config.body_timeout_s
        self._min_bytes_per_s = config.min_body_bytes_per_s
        self._budget: BodyBudget | None = None
        self._party, self._counted_bytes = "", 0
        self._received_bytes = 0
        self._is_whole = self._is_answered = False

    def set_limit(self, limit_bytes: int, refusal: Callable[[int], RunlakeError]) -> None:
        """Refuse a body that is larger, at once where its size is known."""
        self._limit_bytes, self._refusal = limit_bytes, refusal
        self._check(self._told_bytes or 0)

    async def count(self, budget: BodyBudget, party: str) -> None:
        """Have what is received counted: at once where its size is known."""
        self._budget, self._party = budget, party
        if self._told_bytes is not None:
            await self._take(self._told_bytes)

    def forget(self) -> None:
        """Nothing of the body is in memory any more."""
        if self._budget is not None and self._counted_bytes:
            self._budget.give_back(self._party, self._counted_bytes)

    async def receive(self) -> Message:
        """The next message of the client, as long as the body is as it may be."""
        if self._is_whole:
            return await self._receive()
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._receive()
        except TimeoutError:
            self._refuse("slow_body", self._too_slow())
        if message["type"] != "http.request":
            if self._is_answered:
                return message
            raise BadValueError(f"the client went away after {self._received_bytes} bytes of its request")
        size_bytes = len(message.get("body", b""))
        waited_s = time.monotonic() - asked_at
        self._left_s = min(self._patience_s, self._left_s - waited_s + size_bytes / self._min_bytes_per_s)
        self._received_bytes += size_bytes
        self._check(self._received_bytes)
        if self._told_bytes is None and self._budget is not None:
            await self._take(size_bytes)
        self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """What the client is answered: it may have gone away after that."""
        self._is_answered = True
        await self._send(message)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit_bytes:
            refusal = self._refusal(self._limit_bytes)
            self._refuse("no_key" if isinstance(refusal, AuthenticationError) else "large_body", refusal)

    async def _take(self, size_bytes: int) -> None:
        assert self._budget is not None
        try:
            await self._budget.take(self._party, size_bytes)
        except BusyError as error:
            self._refuse("busy_bodies", error)
        self._counted_bytes += size_bytes

    def _too_slow(self) -> SlowError:
        return SlowError(
            f"the request stopped after {self._received_bytes} bytes: less than {self._min_bytes_per_s:g} bytes a "
            f"second came, over {self._patience_s:g} seconds; send it again"
        )


def _told_bytes(scope: Scope) -> int | None:
    """How large the body is as the request says, 0 where there is none; None where it says so only at the end."""
    headers = dict(scope["headers"])
    told = headers.get(b"content-length")
    if told is None:
        return None if b"transfer-encoding" in headers else 0
    if not told.isdigit():
        return None
    digits = told.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= _LENGTH_DIGITS else 10**_LENGTH_DIGITS


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"the request is larger than {limit_bytes:,} bytes, which is all that this server takes at once"
    )


def _no_person(scope: Scope) -> RunlakeError:
    """Why it was nobody who sent the request."""
    try:
        require_person(None, dict(scope["headers"]).get(b"authorization", b"").decode("latin-1"))
    except AuthenticationError as error:
        return error
    raise AssertionError("nobody is nobody")
