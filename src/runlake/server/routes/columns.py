"""Runs as columns: what a table of runs shows."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, HeaderParameter, JSONBody

from runlake.listing_model import RunColumnList, RunColumnsPage, RunColumnsQuery
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import ONLY_READS, Asked, packed
from runlake.service.wire import documents

COLUMNS = "/projects/{entity:str}/{project:str}/runs/columns"


@get(COLUMNS)
async def list_run_columns(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[RunColumnList]:
    """Every column that the runs of a project have, by its name. 304 for who has the answer of the same state."""

    def listed() -> Response[RunColumnList]:
        found = service.list_run_columns(entity, project)
        tag = f'"{found.version}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match == tag:
            return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
        # Names and counts only, and up to a hundred thousand: no value in them has a form of ours.
        return Response(msgspec.json.encode(found), media_type=documents.JSON_TYPE, headers=headers)  # type: ignore[arg-type]

    return await in_turn(request, listed)


@post(COLUMNS, status_code=200, opt=ONLY_READS)
async def read_run_columns(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[RunColumnsQuery],
) -> Response[RunColumnsPage]:
    """Named columns of a slice of the runs that match, groups of all that match, and counts of their values."""
    return await in_turn(
        request, lambda: packed(documents.pack_run_columns(service.read_run_columns(entity, project, data)))
    )


HANDLERS = [list_run_columns, read_run_columns]
