"""Where sealed values lie, for engines that read Parquet by themselves."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from runlake.errors import NotSupportedError
from runlake.listing_model import SegmentList
from runlake.model import Stream
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import Asked, packed
from runlake.service.wire import documents

LONGEST_SIGNED_S = 7 * 86_400


@get("/projects/{entity:str}/{project:str}/segments")
async def list_segments(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    stream_name: Annotated[Stream, QueryParameter(name="stream")] = "history",
    signed_for_s: Annotated[float | None, QueryParameter(gt=0, le=LONGEST_SIGNED_S)] = None,
) -> Response[SegmentList]:
    """The Parquet files that make the sealed rows of a project at this moment, in a bucket."""

    def listed() -> Response[SegmentList]:
        found = service.list_segments(entity, project, stream=stream_name, signed_for_s=signed_for_s)
        if any(segment.url.startswith("file:") for segment in found.segments):
            raise NotSupportedError(
                "the files of this store lie on its server's disk; read them there, or ask for rows, an export or SQL"
            )
        return packed(documents.pack(found))

    return await in_turn(request, listed)


HANDLERS = [list_segments]
