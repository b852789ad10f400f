"""The page over a folder, for whoever started the process: the native API, and nothing of teams."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from litestar import Litestar, Request
from litestar.di import Provide

from runlake.errors import AuthenticationError, CommError, RunlakeError
from runlake.server.draining import tell_of_end
from runlake.server.http.asgi import ASGIApp
from runlake.server.http.headers import SecurityHeaders
from runlake.server.http.logs import RequestLog, configure_logs, logger
from runlake.server.http.open_files import CloseFiles
from runlake.server.http.problems import AnswerFaults, problem_response
from runlake.server.http.turns import MIN_TURNS, GiveTurns, Turns
from runlake.server.openapi import openapi_config
from runlake.server.page import files
from runlake.server.page.embedding import checked_origins
from runlake.server.page.frame import read_frame
from runlake.server.page.hosts import HostGate
from runlake.server.page.read_only import refuse_changes
from runlake.server.page.session import SessionInfo, session_router
from runlake.server.page.tokens import TokenDoor
from runlake.server.routes.api import api_router
from runlake.server.routes.sql import QUERIES_AT_ONCE, Queries
from runlake.server.serving import ended_by_signals
from runlake.service.contract import Service
from runlake.sql.engine import SqlLimits
from runlake.version import __version__

if TYPE_CHECKING:
    pass

_DRAIN_S = 3
"""How long requests are waited for at the end; who follows what moves is sent away, see `looks`."""


class Ui(NamedTuple):
    """The application, the token that lets one browser in, and what tells of the end to those who follow."""

    app: ASGIApp
    token: str
    ending: threading.Event


def build_ui(
    service: Service,
    *,
    allowed_hosts: Sequence[str] = (),
    is_read_only: bool = False,
    embed_from: Sequence[str] = (),
    page_folder: Path = files.PAGE_FOLDER,
) -> Ui:
    """The page and the API over a store, for one person; the service is closed with the app.

    Pages of `embed_from` may have ours in a frame; `BadValueError` for what is no origin.
    """
    origins = checked_origins(embed_from)
    shown = SessionInfo(
        is_signed_in=True,
        has_people=False,
        version=__version__,
        default_entity=service.default_entity,
        is_read_only=is_read_only,
        store=service.url,
    )
    door = TokenDoor(shown)
    ending = threading.Event()
    turns = Turns(2 * max(MIN_TURNS, os.cpu_count() or 1))  # nobody has more than half of them, and here is nobody else

    queries = Queries(SqlLimits(), at_once=2 * QUERIES_AT_ONCE)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        preparing = threading.Thread(target=_prepare, args=(service,), name="runlake-prepare", daemon=True)
        preparing.start()
        yield
        turns.close()
        queries.close()
        service.close()

    def provide_service(request: Request[Any, Any, Any]) -> Service:
        if not door.is_open_to(request):
            raise AuthenticationError("this page has no session here; open the address that runlake ui printed")
        return service

    app = Litestar(
        route_handlers=[
            *files.HANDLERS,
            read_frame,
            session_router(door),
            api_router(ending=ending, queries=queries, guards=[refuse_changes] if is_read_only else []),
        ],
        dependencies={
            "service": Provide(provide_service, sync_to_thread=False),
            "page_folder": Provide(lambda: page_folder, sync_to_thread=False),
            "embed_from": Provide(lambda: origins, sync_to_thread=False),
        },
        exception_handlers={Exception: problem_response},
        openapi_config=openapi_config(),
        lifespan=[lifespan],
        logging_config=None,
    )
    return Ui(_with_layers(app, turns, allowed_hosts), door.token, ending)


def serve_ui(ui: Ui, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; `CommError` when that cannot begin.

    `announce` is called when a signal ends this in order, and clients can connect.
    """
    import uvicorn

    configure_logs("text")
    logger.setLevel(logging.WARNING)  # one who looks at runs does not look at requests
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    def make_app() -> ASGIApp:
        tell_of_end(ui.ending)
        return ui.app

    config = uvicorn.Config(
        make_app,
        factory=True,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    server = uvicorn.Server(config)
    with ended_by_signals(server):
        announce()
        try:
            server.run(sockets=[listening])
        except SystemExit:  # so uvicorn says that starting failed, which it has logged
            raise CommError("the page cannot be served; what was logged says why") from None


def _prepare(service: Service) -> None:
    """Ask what the page will ask first, so that what must be imported for it is there: a quarter of a second.

    The newest project is listed by it too. Whatever is wrong with the store is told to who asks in earnest.
    """
    from runlake.query.tiles.question import TilesQuery

    try:
        newest = max(service.list_projects(), key=lambda project: project.created_at, default=None)
        if newest is not None:
            service.list_run_columns(newest.entity, newest.name)
            service.read_tiles(newest.entity, newest.name, TilesQuery(keys=["_step"], runs=[]))
    except (RunlakeError, OSError):
        return


def _with_layers(app: ASGIApp, turns: Turns, allowed_hosts: Sequence[str]) -> ASGIApp:
    app = GiveTurns(CloseFiles(app), turns=turns)
    app = HostGate(app, allowed=allowed_hosts)
    app = AnswerFaults(app)
    app = SecurityHeaders(app)
    return RequestLog(app)
