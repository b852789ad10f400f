"""Pages of one run: lines of its console, and values of one key."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from runlake.listing_model import ConsolePage, ValuesPage
from runlake.model import Stream
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import Asked, Run, answer
from runlake.server.routes.runs import RUN


@get(f"{RUN}/console/lines")
async def read_console_lines(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = 500,
    search: FromQuery[str | None] = None,
    generation: FromQuery[str | None] = None,
) -> Response[ConsolePage]:
    """Lines of what the run printed, from the end for a negative offset; with `search` of those that show a text."""
    asked = {"offset": offset, "limit": limit}

    def read() -> Response[ConsolePage]:
        return answer(service.read_console_lines(run, search=search, generation=generation, **asked))

    return await in_turn(request, read)


@get(f"{RUN}/values")
async def read_values(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    key: FromQuery[str],
    stream_name: Annotated[Stream, QueryParameter(name="stream")] = "history",
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = 1000,
    generation: FromQuery[str | None] = None,
) -> Response[ValuesPage]:
    """Values of one key of whatever type, with their steps, from the end for a negative offset."""
    asked = {"offset": offset, "limit": limit}

    def read() -> Response[ValuesPage]:
        return answer(service.read_values(run, key, stream=stream_name, generation=generation, **asked))

    return await in_turn(request, read)


HANDLERS = [read_console_lines, read_values]
