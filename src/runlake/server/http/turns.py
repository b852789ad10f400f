"""Costly work takes turns: so many answers are computed at once, in threads of their own, and nobody has all of them.

What is cheap (health, a small GraphQL answer, rows that a training process sends) has other threads and never waits
here. One person gets at most half of the turns, so that whoever asks next finds one. Who has to wait longer than
`WAIT_S` is told to come back, which every client takes for a reason to wait.

A long answer is made piece by piece, each in a turn of its own: one that waits for a slow line holds none. When the
client hangs up, the work that was begun for it ends where it next calls `check_wanted`, and so does work that takes
longer than `MAX_TURN_S`: a thread cannot be stopped from outside.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from litestar import Request
from litestar.concurrency import sync_to_thread

from runlake.errors import BusyError, TooLargeError
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send
from runlake.server.http.costs import REFUSED_IN_SCOPE
from runlake.server.http.limits import client_of
from runlake.stopping import check_wanted, work_while

T = TypeVar("T")

MIN_TURNS = 4
MAX_WAITING = 64
"""So many requests of one person may wait for a turn."""
WAIT_S = 30.0
MAX_TURN_S = 120.0
RETRY_AFTER_S = 5.0

_IN_SCOPE = "runlake.turns"


class ClientGoneError(BusyError):
    """Nobody waits for this answer any more; nobody reads this either."""


class Turns:
    """`turn_count` threads for the costly work of all people. Belongs to one event loop."""

    def __init__(
        self,
        turn_count: int | None = None,
        *,
        wait_s: float = WAIT_S,
        max_turn_s: float = MAX_TURN_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._turn_count = max(MIN_TURNS, os.cpu_count() or 1) if turn_count is None else turn_count
        self._wait_s = wait_s
        self._max_turn_s = max_turn_s
        self._max_waiting = max_waiting
        self._threads = ThreadPoolExecutor(self._turn_count, thread_name_prefix="runlake-costly")
        self._working: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[None], str] = {}

    async def run(self, who: str, work: Callable[[], T], *, is_begun: bool = False) -> T:
        """What `work` returns, computed in a turn of `who`; cancelling this ends it. BusyError after a long wait.

        `is_begun`: a part of the answer was sent, so that nobody can be told to come back, and it waits as long as it
        takes.
        """
        await self._begin(who, is_begun=is_begun)
        is_gone = threading.Event()
        ends_at = time.monotonic() + self._max_turn_s

        def check() -> None:
            if is_gone.is_set():
                raise ClientGoneError("the client that asked for this has left")
            if time.monotonic() > ends_at:
                raise TooLargeError(
                    f"after {self._max_turn_s:g} s this was not done, which is all that this server takes at once; "
                    "ask for less: fewer runs, keys or rows, or a simpler filter"
                )

        def work_checked() -> T:
            with work_while(check):
                check_wanted()
                return work()

        loop = asyncio.get_running_loop()
        try:
            done: Future[T] = self._threads.submit(contextvars.copy_context().run, work_checked)
        except RuntimeError:
            self._end(who)
            raise BusyError("this server is about to end; ask again", retry_after_s=RETRY_AFTER_S) from None
        # The turn ends with the thread's work, and not with whoever waited for it.
        done.add_done_callback(lambda _: _call_in(loop, self._end, who))
        try:
            return await asyncio.wrap_future(done)
        finally:
            is_gone.set()

    async def pieces(self, who: str, pieces: Iterator[T]) -> AsyncIterator[T]:
        """The pieces of an answer that has begun, each made in a turn of its own when it is asked for."""
        while (piece := await self.run(who, lambda: next(pieces, None), is_begun=True)) is not None:
            yield piece

    def close(self) -> None:
        """Begin nothing more; what goes on ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _begin(self, who: str, *, is_begun: bool) -> None:
        if self._may_begin(who):
            self._working[who] += 1
            return
        if not is_begun and sum(waits == who for waits in self._waiting.values()) >= self._max_waiting:
            raise self._busy()
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = who
        try:
            # Not `wait_for`, which forgets before Python 3.12 that it was cancelled at the moment of the turn.
            async with asyncio.timeout(None if is_begun else self._wait_s):
                await asyncio.shield(turn)
        except (TimeoutError, asyncio.CancelledError) as error:
            if self._waiting.pop(turn, None) is None:
                self._end(who)  # it was given at the same moment
            if isinstance(error, TimeoutError):
                raise self._busy() from None
            raise

    def _may_begin(self, who: str) -> bool:
        return self._working.total() < self._turn_count and self._working[who] < max(1, self._turn_count // 2)

    def _end(self, who: str) -> None:
        self._working[who] -= 1
        if not self._working[who]:
            del self._working[who]
        for turn, waits in list(self._waiting.items()):
            if self._may_begin(waits):
                del self._waiting[turn]
                self._working[waits] += 1
                turn.set_result(None)

    def _busy(self) -> BusyError:
        return BusyError(
            f"this server has {self._turn_count} threads for costly answers, and yours have waited for long; "
            "go on when some of them are there",
            retry_after_s=RETRY_AFTER_S,
        )


class GiveTurns:
    """Lets the routes inside know whose turns costly work takes: see `in_turn`."""

    def __init__(self, app: ASGIApp, *, turns: Turns) -> None:
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        scope[_IN_SCOPE] = self._turns
        await self._app(scope, receive, send)


async def in_turn(request: Request[Any, Any, Any], work: Callable[[], T], *, turns: Turns | None = None) -> T:
    """What `work` returns, computed in a turn of who asks, as long as they wait for it.

    The body of the request must have been read. `turns` are those of work of a kind of its own.
    """
    if turns is None:
        turns = request.scope.get(_IN_SCOPE)  # type: ignore[assignment]
    if turns is None:  # an app without layers
        return await sync_to_thread(work)
    working = asyncio.ensure_future(turns.run(client_of(request.scope), work))
    leaving = asyncio.ensure_future(_until_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and leaving.exception() is None:
            raise ClientGoneError("the client that asked for this has left")
        return await working
    except (BusyError, TooLargeError) as error:
        request.scope[REFUSED_IN_SCOPE] = "left" if isinstance(error, ClientGoneError) else "turns"  # type: ignore[literal-required]
        raise
    finally:
        working.cancel()
        leaving.cancel()


async def run_in_turn(scope: Scope, work: Callable[[], T], *, turns: Turns | None = None) -> T:
    """The same where the client is watched by others, or not at all: it ends with who waits for it."""
    turns = scope.get(_IN_SCOPE) if turns is None else turns
    return await (sync_to_thread(work) if turns is None else turns.run(client_of(scope), work))


def pieces_in_turn(request: Request[Any, Any, Any], pieces: Iterator[bytes]) -> AsyncIterator[bytes] | Iterator[bytes]:
    """The pieces of an answer, each made in a turn of who asks."""
    turns: Turns | None = request.scope.get(_IN_SCOPE)  # type: ignore[assignment]
    return pieces if turns is None else turns.pieces(client_of(request.scope), pieces)


async def _until_gone(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _call_in(loop: asyncio.AbstractEventLoop, function: Callable[[str], None], argument: str) -> None:
    try:
        loop.call_soon_threadsafe(function, argument)
    except RuntimeError:
        pass  # the loop has ended while a thread was at work: nobody waits for a turn any more
