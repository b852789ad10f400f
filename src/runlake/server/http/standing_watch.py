"""Whatever takes longer than a moment is asked again whether it still may, and ended when it may not.

Streams of events, long answers, uploads, long work: all of them are requests under way, and one layer around the app
sees them all. A task looks into the directory of people once a second, for all of them together, and only where that
changed asks each request what it stands on (`standing`). So it costs nothing that nobody leaves, and no route can
forget it. A change reaches what runs within two seconds, in every worker, whoever made it.

A request that is ended is cancelled where it waits: for the client's next bytes, for a client that does not read, for a
thread. Before its answer has begun it is answered with the problem. A stream of events ends with the event `problem`.
Every other answer breaks off without its end, so that nobody takes it for whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

from anyio import CapacityLimiter, to_thread

from runlake.errors import RunlakeError
from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.http.events import EVENTS_TYPE, problem_event
from runlake.server.http.logs import ERROR_IN_SCOPE, logger
from runlake.server.http.problems import problem_of, send_problem
from runlake.server.people.directory import Directory
from runlake.server.people.people import People
from runlake.server.people.standing import Standing

LOOK_EVERY_S = 1.0
YOUNG_S = 0.5
"""A request this young is left for the next look: one that revokes its own key is to hear that it did."""
LAST_WORDS_S = 1.0
"""How long a client may take to take the end."""


class StandingWatch:
    """A layer between `auth.AuthMiddleware`, which puts ``scope["standing"]`` there, and the app."""

    def __init__(self, app: ASGIApp, *, people: People, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._people = people
        self._clock = clock
        self._under_way: set[_UnderWay] = set()
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, for as long as whoever sent it may."""
        standing, task = scope.get("standing"), asyncio.current_task()
        if scope["type"] != "http" or not isinstance(standing, Standing) or task is None:
            await self._app(scope, receive, send)
            return
        request = _UnderWay(standing, task, self._clock())
        self._under_way.add(request)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_again())
        is_broken = False
        try:
            await self._app(scope, receive, request.noting(send))
        except (Exception, asyncio.CancelledError):
            # What else went wrong then went wrong because of it.
            if request.error is None:
                raise
            is_broken = True
        finally:
            self._under_way.discard(request)
        if request.error is not None:
            task.uncancel()
            if is_broken:
                scope[ERROR_IN_SCOPE] = request.error
                fields = {"path": scope["path"], "reason": type(request.error).__name__}
                logger.info("a request was ended: who sent it may not any more", extra={"fields": fields})
                await request.end(send, request.error)

    async def _look_again(self) -> None:
        """For as long as anything is under way."""
        limiter = CapacityLimiter(1)  # its own: those of the routes may all be taken by what is to be ended
        while self._under_way:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                directory = await to_thread.run_sync(self._people.directory, limiter=limiter)
            except RunlakeError as error:
                logger.warning("who still may cannot be asked now", extra={"fields": {"error": str(error)}})
                continue
            now = self._clock()
            for request in tuple(self._under_way):
                if now - request.began_at >= YOUNG_S:
                    request.ask_again(directory)


class _UnderWay:
    """One request, and how far its answer is."""

    __slots__ = ("_asked", "_headers", "_is_complete", "_standing", "_task", "began_at", "error")

    def __init__(self, standing: Standing, task: asyncio.Task[object], began_at: float) -> None:
        self.began_at = began_at
        self.error: RunlakeError | None = None
        self._standing = standing
        self._task = task
        self._asked: Directory | None = None
        self._headers: Iterable[tuple[bytes, bytes]] | None = None
        self._is_complete = False

    def noting(self, send: Send) -> Send:
        """`send`, noting how far the answer is."""

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._headers = message["headers"]
            elif not message.get("more_body", False):
                self._is_complete = True
            await send(message)

        return send_and_note

    def ask_again(self, directory: Directory) -> None:
        """End it where it waits, unless what it stands on still holds."""
        if directory is self._asked or self.error is not None:
            return
        self._asked = directory
        try:
            self._standing.check(directory)
        except RunlakeError as error:
            if not self._is_complete:
                self.error = error
                self._task.cancel()

    async def end(self, send: Send, error: RunlakeError) -> None:
        """Say so, where that can still be said."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                if self._headers is None:
                    # What the client has still to send of its request is not waited for.
                    await send_problem(send, problem_of(error), headers={"Connection": "close"})
                elif _is_events(self._headers) and not self._is_complete:
                    await send({"type": "http.response.body", "body": problem_event(error), "more_body": False})


def _is_events(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    types = (value for name, value in headers if name.lower() == b"content-type")
    return next(types, b"").startswith(EVENTS_TYPE.encode())
