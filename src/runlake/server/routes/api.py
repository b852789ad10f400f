"""All routes of the native API under one prefix."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide
from litestar.types import Guard

from runlake.server.routes import (
    artifacts,
    bulk,
    columns,
    files,
    news,
    pages,
    projects,
    rows,
    runs,
    segments,
    sql,
    sweeps,
    tiles,
    views,
    writers,
)
from runlake.server.routes.answers import WireRequest, run_path
from runlake.server.routes.tails import TAILS_PER_PERSON, Tails
from runlake.service.wire.documents import API_PREFIX

MAX_BODY_BYTES = 64 * 2**20
"""What is read as a whole; a server may be told to take less. Files are not: see `files.put_file`."""


def api_router(
    *,
    ending: threading.Event,
    tails_per_person: int = TAILS_PER_PERSON,
    queries: sql.Queries | None = None,
    guards: Sequence[Guard] = (),
) -> Router:
    """The routes under ``/api/v1``. The app provides the dependency `service`: the caller's `Service`.

    Each person may follow `tails_per_person` runs at once, and listen to projects as often, until `ending` is
    set. `queries` are closed by who made them. `guards` are asked before each handler.
    """
    queries = sql.Queries() if queries is None else queries
    tails = Tails(per_person=tails_per_person, ending=ending)
    project_events = news.ProjectEvents(per_person=tails_per_person, ending=ending)
    return Router(
        API_PREFIX,
        route_handlers=[
            *projects.HANDLERS,
            *columns.HANDLERS,
            *bulk.HANDLERS,
            *news.HANDLERS,
            *pages.HANDLERS,
            *runs.HANDLERS,
            *rows.HANDLERS,
            *files.HANDLERS,
            *writers.HANDLERS,
            *sweeps.HANDLERS,
            *artifacts.HANDLERS,
            *views.HANDLERS,
            *tiles.HANDLERS,
            *segments.HANDLERS,
            *sql.HANDLERS,
        ],
        dependencies={
            **artifacts.DEPENDENCIES,
            "run": Provide(run_path, sync_to_thread=False),
            "project_events": Provide(lambda: project_events, sync_to_thread=False),
            "queries": Provide(lambda: queries, sync_to_thread=False),
            "tails": Provide(lambda: tails, sync_to_thread=False),
        },
        guards=guards,
        request_class=WireRequest,
        request_max_body_size=MAX_BODY_BYTES,
        tags=["runlake"],
    )
