"""Many who wait for the same news: one look at a place for all who stand there, and a fair number of them.

Who follows something waits in the event loop and holds no thread. Twice a second one thread looks at every place that
somebody waits at, once for all of them. It looks as one of those who wait; where that one may not, or what they follow
is gone, each of the others asks for themselves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread

from runlake.errors import BusyError
from runlake.service.contract import Service

P = TypeVar("P")
N = TypeVar("N")

POLL_S = 0.5
HEARTBEAT_S = 15.0
_RETRY_AFTER_S = 30.0


class EndingError(Exception):
    """This worker is about to end, so nobody can wait in it any longer."""


class Seat:
    """Leave to follow one thing, until `leave`, or until nobody holds it any more."""

    def __init__(self, taken: Counter[str], who: str) -> None:
        self._taken, self._who, self._is_left = taken, who, False
        taken[who] += 1

    def leave(self) -> None:
        """Make room for another."""
        if not self._is_left:
            self._is_left = True
            self._taken[self._who] -= 1
            if self._taken[self._who] <= 0:
                del self._taken[self._who]

    def __del__(self) -> None:
        # A stream that was never begun has no end either.
        self.leave()


class Seats:
    """So many `per_person`; `what` is followed, as a message says it."""

    def __init__(self, per_person: int, what: str) -> None:
        self._per_person, self._what = per_person, what
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> Seat:
        """Leave for one more; `BusyError` for who follows too many already."""
        if self._taken[who] >= self._per_person:
            raise BusyError(
                f"{self._per_person} {self._what} are followed already with your keys; end one of these, or read the "
                "others from time to time",
                retry_after_s=_RETRY_AFTER_S,
            )
        return Seat(self._taken, who)


class SharedLooks(Generic[P, N]):
    """All who wait in this worker, for the one event loop that it has, until `ending` is set.

    `read` asks a service what is new at a place, `is_news` whether that is anything, and equal `key`s of places have
    the same answer.
    """

    def __init__(
        self,
        read: Callable[[Service, P], N],
        is_news: Callable[[P, N], bool],
        key: Callable[[P], Hashable],
        *,
        ending: threading.Event,
    ) -> None:
        self._read, self._is_news, self._key = read, is_news, key
        self._ending = ending
        self._waiting: dict[Hashable, list[_Waiting[P, N]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def ask(self, service: Service, place: P) -> N:
        """What is new at a place now."""
        return await to_thread.run_sync(self._read, service, place)

    async def wait(self, service: Service, place: P) -> N | None:
        """What becomes new at a place; None when nothing does for a while. `EndingError` at the worker's end."""
        loop = asyncio.get_running_loop()
        key = self._key(place)
        waiting = _Waiting(service, place, loop.create_future())
        self._waiting.setdefault(key, []).append(waiting)
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look_again())
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                news = await waiting.answer
        except TimeoutError:
            return None
        finally:
            self._forget(key, waiting)
        return news if news is not None else await self.ask(service, place)

    def _forget(self, key: Hashable, waiting: _Waiting[P, N]) -> None:
        others = [other for other in self._waiting.get(key, ()) if other is not waiting]
        if others:
            self._waiting[key] = others
        else:
            self._waiting.pop(key, None)

    async def _look_again(self) -> None:
        """For as long as anybody waits."""
        limiter = CapacityLimiter(1)  # its own: uploads and long answers must not keep news from who waits for them
        while self._waiting:
            if self._ending.is_set():
                self._send_away()
                return
            began_at = time.monotonic()
            asked = {key: waiting[0] for key, waiting in self._waiting.items()}
            found = await to_thread.run_sync(partial(self._look_at_all, asked), limiter=limiter)
            for key, news in found.items():
                for waiting in self._waiting.pop(key, ()):
                    if not waiting.answer.done():
                        waiting.answer.set_result(news)
            await asyncio.sleep(max(POLL_S - (time.monotonic() - began_at), POLL_S / 2))

    def _send_away(self) -> None:
        """Have all who wait told that there is an end."""
        for waiting in [each for place in self._waiting.values() for each in place]:
            if not waiting.answer.done():
                waiting.answer.set_exception(EndingError())
        self._waiting.clear()

    def _look_at_all(self, asked: dict[Hashable, _Waiting[P, N]]) -> dict[Hashable, N | None]:
        """Where there is anything new, or anything wrong."""
        found: dict[Hashable, N | None] = {}
        for key, waiting in asked.items():
            try:
                news = self._read(waiting.service, waiting.place)
            except Exception:
                found[key] = None  # each is told by asking for themselves: it may be this one's key only
                continue
            if self._is_news(waiting.place, news):
                found[key] = news
        return found


class _Waiting(NamedTuple, Generic[P, N]):
    """One of those who wait. The answer None says: ask yourself."""

    service: Service
    place: P
    answer: asyncio.Future[N | None]
