"""Lines of many runs for charts, and the keys that there are to draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.response import Stream

from runlake.model import ProjectKeys
from runlake.model import Stream as StreamName
from runlake.query.tiles.question import TilesQuery
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import ONLY_READS, Asked, costly
from runlake.service.wire import documents
from runlake.service.wire import tiles as wire_tiles

_PROJECT = "/projects/{entity:str}/{project:str}"
KEYS_A_PAGE = 10_000


@post(f"{_PROJECT}/tiles", status_code=200, media_type=documents.TILES_TYPE, opt=ONLY_READS)
async def read_tiles(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[TilesQuery],
) -> Stream:
    """Lines of some keys of many runs on one grid: a JSON header and float64 values, see service/wire/tiles.py."""

    def printed() -> Iterator[bytes]:
        return wire_tiles.write_tiles(service.read_tiles(entity, project, data))

    return await costly(request, printed, documents.TILES_TYPE)


@get(f"{_PROJECT}/keys")
async def list_project_keys(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = KEYS_A_PAGE,
    known: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[ProjectKeys]:
    """The keys of a project by name; 304 where they are those of the ETag in If-None-Match."""

    def listed() -> Response[Any]:
        found = service.list_project_keys(entity, project, stream=stream_name, offset=offset, limit=limit)
        tag = f'"{found.version}"'
        if known is not None and tag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Response(None, status_code=304, headers={"ETag": tag})
        return Response(_as_json(found), media_type=documents.JSON_TYPE, headers={"ETag": tag})

    return await in_turn(request, listed)


def _as_json(keys: ProjectKeys) -> bytes:
    """As `documents.pack` has it, ten times faster: these are texts and counts."""
    try:
        return msgspec.json.encode(keys)
    except UnicodeEncodeError:  # half a surrogate pair
        return documents.pack(keys)


HANDLERS = [read_tiles, list_project_keys]
