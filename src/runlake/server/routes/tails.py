"""Runs that are followed, by many at once: one look at a run for all who stand at the same place in it.

Who follows waits in the event loop and holds no thread. Twice a second one thread looks at every place that somebody
waits at, and what is new there is read, and written as events, once for all of them. It is asked as one of those who
wait; where that one may not, or the run is gone, each of the others asks for themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from runlake.errors import BusyError, RunlakeError
from runlake.model import RunPath, Stream, TailCursor
from runlake.query.rows.dicts import iter_rows
from runlake.query.rows.history import Tail
from runlake.server.http.events import COMMENT_ALIVE, COMMENT_BEGIN, event, problem_event
from runlake.service.contract import Service

EVENT_ROWS = 4096
"""No event holds more: a long run is caught up with piece by piece."""

TAILS_PER_PERSON = 200

_POLL_S = 0.5
_HEARTBEAT_S = 15.0
_RETRY_AFTER_S = 30.0


class Place(NamedTuple):
    """Where somebody stands who follows a run, and what they want to see of it."""

    run: RunPath
    stream: Stream
    keys: tuple[str, ...] | None
    cursor: TailCursor


class News(NamedTuple):
    """What came behind a place, as events, and where it ends."""

    events: bytes
    cursor: TailCursor
    row_count: int
    is_ended: bool


class Seat:
    """Leave to follow one run, until `leave`, or until nobody holds it any more."""

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


class Tails:
    """All who follow runs in this worker, for the one event loop that it has."""

    def __init__(self, *, per_person: int = TAILS_PER_PERSON) -> None:
        self._per_person = per_person
        self._taken: Counter[str] = Counter()
        self._waiting: dict[_Question, list[_Waiting]] = {}
        self._looking: asyncio.Task[None] | None = None

    def take_seat(self, who: str) -> Seat:
        """Leave for one more tail; `BusyError` for who follows too many runs already."""
        if self._taken[who] >= self._per_person:
            raise BusyError(
                f"{self._per_person} runs are followed already with your keys; end one of these, or read the others "
                "from time to time",
                retry_after_s=_RETRY_AFTER_S,
            )
        return Seat(self._taken, who)

    async def follow(self, service: Service, place: Place, first: Tail, seat: Seat) -> AsyncIterator[bytes]:
        """Events until the run has ended: `first`, which was read already, and what comes behind it."""
        try:
            yield COMMENT_BEGIN
            news: News | None = _news_of(first)
            while True:
                if news is not None:
                    if news.events:
                        yield news.events
                    if news.is_ended:
                        return
                    place = place._replace(cursor=news.cursor)
                is_behind = news is not None and news.row_count >= EVENT_ROWS
                try:
                    news = await (self._ask(service, place) if is_behind else self._wait(service, place))
                except RunlakeError as error:
                    yield problem_event(error)
                    return
                if news is None:
                    yield COMMENT_ALIVE
        finally:
            seat.leave()

    async def _ask(self, service: Service, place: Place) -> News:
        return await to_thread.run_sync(_read, service, place)

    async def _wait(self, service: Service, place: Place) -> News | None:
        """What comes behind the place; None when nothing does for a while."""
        loop = asyncio.get_running_loop()
        question = _question_of(place)
        waiting = _Waiting(service, place, loop.create_future())
        self._waiting.setdefault(question, []).append(waiting)
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look_again())
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                news = await waiting.answer
        except TimeoutError:
            return None
        finally:
            self._forget(question, waiting)
        return news if news is not None else await self._ask(service, place)

    def _forget(self, question: _Question, waiting: _Waiting) -> None:
        others = [other for other in self._waiting.get(question, ()) if other is not waiting]
        if others:
            self._waiting[question] = others
        else:
            self._waiting.pop(question, None)

    async def _look_again(self) -> None:
        """For as long as anybody waits."""
        limiter = CapacityLimiter(1)  # its own: uploads and long answers must not keep rows from who waits for them
        while self._waiting:
            began_at = time.monotonic()
            asked = {question: waiting[0] for question, waiting in self._waiting.items()}
            found = await to_thread.run_sync(partial(_look_at_all, asked), limiter=limiter)
            for question, news in found.items():
                for waiting in self._waiting.pop(question, ()):
                    if not waiting.answer.done():
                        waiting.answer.set_result(news)
            await asyncio.sleep(max(_POLL_S - (time.monotonic() - began_at), _POLL_S / 2))


_Question = tuple[RunPath, Stream, Sequence[str] | None, str]


class _Waiting(NamedTuple):
    """One of those who wait. The answer None says: ask yourself."""

    service: Service
    place: Place
    answer: asyncio.Future[News | None]


def _question_of(place: Place) -> _Question:
    return place.run, place.stream, place.keys, str(place.cursor)


def _look_at_all(asked: dict[_Question, _Waiting]) -> dict[_Question, News | None]:
    """Where there is anything new, or anything wrong."""
    found: dict[_Question, News | None] = {}
    for question, waiting in asked.items():
        try:
            news = _read(waiting.service, waiting.place)
        except Exception:
            found[question] = None  # each is told by asking for themselves: it may be this one's key only
            continue
        if news.events or news.is_ended or news.cursor != waiting.place.cursor:
            found[question] = news
    return found


def _read(service: Service, place: Place) -> News:
    keys = None if place.keys is None else list(place.keys)
    return _news_of(service.read_tail(place.run, place.cursor, stream=place.stream, keys=keys, limit=EVENT_ROWS))


def _news_of(tail: Tail) -> News:
    """A tail as events."""
    events = event("restart", None) if tail.is_restarted else b""
    row_count = tail.history.row_count
    if row_count:
        events += event("rows", list(iter_rows(tail.history)), str(tail.cursor))
    if tail.is_ended:
        events += event("end", None, str(tail.cursor))
    return News(events, tail.cursor, row_count, tail.is_ended)
