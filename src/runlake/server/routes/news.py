"""What moves in a project: asked for, and told as it happens to all who listen, with one look for all of them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any, NamedTuple

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, SkipValidation
from litestar.response import Stream

from runlake.errors import RunlakeError
from runlake.listing_model import ProjectNews
from runlake.server.http import logs
from runlake.server.http.events import COMMENT_ALIVE, COMMENT_BEGIN, event, problem_event
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import Asked, answer
from runlake.server.routes.looks import EndingError, Seat, Seats, SharedLooks
from runlake.service.contract import Service
from runlake.service.wire import documents

_PROJECT = "/projects/{entity:str}/{project:str}"


class Listened(NamedTuple):
    """A project, and the version of its news that somebody has."""

    entity: str
    project: str
    version: str


class ProjectEvents:
    """All who listen to projects in this worker, for the one event loop that it has, until `ending` is set."""

    def __init__(self, *, per_person: int, ending: threading.Event) -> None:
        self._looks = SharedLooks(
            _read, lambda place, news: news.version != place.version, lambda place: place, ending=ending
        )
        self.take_seat = Seats(per_person, "projects").take

    async def follow(
        self, service: Service, entity: str, project: str, first: ProjectNews, seat: Seat
    ) -> AsyncIterator[bytes]:
        """Events for as long as somebody listens: `first`, which was read already, and what comes after it."""
        try:
            yield COMMENT_BEGIN
            news: ProjectNews | None = first
            version = first.version
            while True:
                if news is None:
                    yield COMMENT_ALIVE
                else:
                    version = news.version
                    yield event("runs", news, version)
                try:
                    news = await self._looks.wait(service, Listened(entity, project, version))
                except RunlakeError as error:
                    yield problem_event(error)
                    return
                except EndingError:
                    return
        finally:
            seat.leave()


Events = NamedDependency[SkipValidation[ProjectEvents]]
"""All who listen to projects in this worker; the router provides it under the name `project_events`."""


def _read(service: Service, place: Listened) -> ProjectNews:
    return service.read_news(place.entity, place.project, place.version)


@get(f"{_PROJECT}/news")
async def read_news(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    since: FromQuery[str | None] = None,
) -> Response[ProjectNews]:
    """Which runs have moved since a version that was answered before; null where any may have."""
    return await in_turn(request, lambda: answer(service.read_news(entity, project, since)))


@get(f"{_PROJECT}/events", media_type=documents.EVENTS_TYPE)
async def follow_project(
    request: Request[Any, Any, Any],
    service: Asked,
    project_events: Events,
    entity: FromPath[str],
    project: FromPath[str],
    since: FromQuery[str | None] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> Stream:
    """What moves in a project, as server-sent events, twice a second at most, and nothing while nothing moves.

    Events: `runs` (`data` is what `GET …/news` answers, `id` its version), the first at once; `problem` at the end
    (also when the caller may not read the project any more). Whoever comes back with the last id, in the header
    Last-Event-ID as browsers do or as `since`, is told what moved meanwhile. Who listens too often is told so with 429.
    """
    seat = project_events.take_seat(str(logs.person_of(request.scope)))
    first = await in_turn(request, lambda: service.read_news(entity, project, last_event_id or since))
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    events = project_events.follow(service, entity, project, first, seat)
    return Stream(events, media_type=documents.EVENTS_TYPE, headers=headers)


HANDLERS = [read_news, follow_project]
