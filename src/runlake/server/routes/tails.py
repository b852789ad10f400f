"""Runs that are followed, by many at once: what is new is read, and written as events, once for all at one place."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Hashable
from typing import NamedTuple

from runlake.errors import RunlakeError
from runlake.model import RunPath, Stream, TailCursor
from runlake.query.rows.dicts import iter_rows
from runlake.query.rows.history import Tail
from runlake.server.http.events import COMMENT_ALIVE, COMMENT_BEGIN, event, problem_event
from runlake.server.routes.looks import EndingError, Seat, Seats, SharedLooks
from runlake.service.contract import Service

EVENT_ROWS = 4096
"""No event holds more: a long run is caught up with piece by piece."""

TAILS_PER_PERSON = 200


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


class Tails:
    """All who follow runs in this worker, for the one event loop that it has, until `ending` is set."""

    def __init__(self, *, per_person: int = TAILS_PER_PERSON, ending: threading.Event) -> None:
        self._looks = SharedLooks(_read, _is_news, _question_of, ending=ending)
        self.take_seat = Seats(per_person, "runs").take

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
                    news = await (self._looks.ask(service, place) if is_behind else self._looks.wait(service, place))
                except RunlakeError as error:
                    yield problem_event(error)
                    return
                except EndingError:
                    return
                if news is None:
                    yield COMMENT_ALIVE
        finally:
            seat.leave()


def _question_of(place: Place) -> Hashable:
    return place.run, place.stream, place.keys, str(place.cursor)


def _is_news(place: Place, news: News) -> bool:
    return bool(news.events) or news.is_ended or news.cursor != place.cursor


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
