"""Journals that are written elsewhere and sent here: begun, and fed with bytes."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from anyio import to_thread
from litestar import Request, Response, post, put
from litestar.params import FromPath, FromQuery

from runlake.errors import BadValueError
from runlake.model import Appended, RunPath
from runlake.server.routes.answers import Asked, Run, packed
from runlake.server.routes.runs import RUN
from runlake.service.wire import documents


@post(f"{RUN}/writers", status_code=200, media_type=documents.MSGPACK_TYPE)
async def open_writer(service: Asked, run: Run, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin a writer whose journal is written elsewhere; both bodies are msgpack (see service/wire/documents.py)."""
    opening = documents.unpack_request(await request.body())
    grant = await to_thread.run_sync(partial(service.open_writer, run, opening))
    return Response(documents.pack_grant(grant), media_type=documents.MSGPACK_TYPE)


@put(f"{RUN}/writers/{{writer:str}}/{{number:int}}")
async def append_frames(
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    writer: FromPath[str],
    number: FromPath[int],
    request: Request[Any, Any, Any],
    offset: FromQuery[int] = 0,
) -> Response[Appended]:
    """Keep the bytes of a part from `offset` on; the body is whole frames, or nothing as a sign of life.

    409 with `expected` where bytes are missing before them.
    """
    data = await request.body()
    if offset < 0 or not 0 <= number < 1_000_000:
        raise BadValueError(f"part {number} and offset {offset} cannot be")
    # The run is no dependency here: two of them take a group of tasks, and each running process asks for this.
    path = RunPath(entity, project, run_id)
    appended = await to_thread.run_sync(partial(service.append_frames, path, writer, number, offset, data))
    return packed(msgspec.json.encode(appended))


HANDLERS = [open_writer, append_frames]
