"""The rows of one run: whole, sampled, and as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, JSONBody, QueryParameter, SkipValidation
from litestar.response import Stream

from runlake.model import Stream as StreamName
from runlake.model import TailCursor
from runlake.query.rows.history import History
from runlake.query.rows.table import narrow_tables
from runlake.server.http import logs
from runlake.server.http.costs import charge_keys
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import (
    ONLY_READS,
    Asked,
    Compression,
    Run,
    answer,
    compression_of,
    costly,
    packed,
    stream,
)
from runlake.server.routes.runs import RUN
from runlake.server.routes.tails import EVENT_ROWS, Place, Tails
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import Keys, KeysQuery, OutlineDocument

RowsFormat = Literal["rows", "table"]
"""`rows` keeps everything (see service/wire/rows.py); `table` is one ordinary Arrow IPC stream for any reader."""

KeyList = Annotated[list[str] | None, QueryParameter(name="key", description="A series; may be given several times.")]

Followed = NamedDependency[SkipValidation[Tails]]
"""All who follow runs in this worker; the router provides it under the name `tails`."""


@get(f"{RUN}/history")
async def read_history(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    keys: KeyList = None,
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    min_step: FromQuery[int | None] = None,
    max_step: FromQuery[int | None] = None,
    generation: FromQuery[str | None] = None,
    rows_format: Annotated[RowsFormat, QueryParameter(name="format")] = "rows",
    compression: FromQuery[Compression] = "none",
) -> Stream:
    """The rows with min_step ≤ _step < max_step, as a sequence of Arrow IPC streams or as one ordinary table."""
    charge_keys(request.scope, keys)
    read = partial(service.read_history, run, stream=stream_name, keys=keys, generation=generation)
    read = partial(read, min_step=min_step, max_step=max_step)
    return await _print(request, read, rows_format, compression)


@post(f"{RUN}/history", status_code=200, opt=ONLY_READS)
async def query_history(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    data: JSONBody[KeysQuery],
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    min_step: FromQuery[int | None] = None,
    max_step: FromQuery[int | None] = None,
    generation: FromQuery[str | None] = None,
    rows_format: Annotated[RowsFormat, QueryParameter(name="format")] = "rows",
    compression: FromQuery[Compression] = "none",
) -> Stream:
    """As `GET …/history`, for more keys than an address can hold."""
    charge_keys(request.scope, data.keys)
    read = partial(service.read_history, run, stream=stream_name, keys=data.keys, generation=generation)
    read = partial(read, min_step=min_step, max_step=max_step)
    return await _print(request, read, rows_format, compression)


@get(f"{RUN}/sample")
async def sample_history(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    key: FromQuery[str],
    samples: FromQuery[int],
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    generation: FromQuery[str | None] = None,
    rows_format: Annotated[RowsFormat, QueryParameter(name="format")] = "rows",
) -> Stream:
    """`samples` rows of one numeric key that draw the same line, or all where there are no more."""
    read = partial(service.sample_history, run, key, samples=samples, stream=stream_name, generation=generation)
    return await _print(request, read, rows_format, "none")


@get(f"{RUN}/keys", sync_to_thread=True)
def list_keys(
    service: Asked,
    run: Run,
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    generation: FromQuery[str | None] = None,
) -> Response[Keys]:
    """The escaped paths of all keys, in first-logged order."""
    return answer(Keys(keys=service.list_keys(run, stream=stream_name, generation=generation)))


@get(f"{RUN}/outline")
async def outline_history(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
) -> Response[OutlineDocument]:
    """How many rows a stream has, and which series, without values."""

    def outlined() -> bytes:
        return documents.pack_outline(service.outline_history(run, stream=stream_name))

    return packed(await in_turn(request, outlined))


@post(f"{RUN}/tail", sync_to_thread=True, status_code=200, media_type=documents.ROWS_TYPE, opt=ONLY_READS)
def read_tail(
    service: Asked,
    run: Run,
    data: JSONBody[KeysQuery],
    cursor: FromQuery[str | None] = None,
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    limit: FromQuery[int | None] = None,
    last: FromQuery[int | None] = None,
) -> Stream:
    """The rows behind `cursor`, and the cursor behind them; answers at once."""
    place = None if cursor is None else TailCursor.parse(cursor)
    tail = service.read_tail(run, place, stream=stream_name, keys=data.keys, limit=limit, last=last)
    return stream(wire_rows.write_tail(tail), documents.ROWS_TYPE)


@get(f"{RUN}/tail", media_type=documents.EVENTS_TYPE)
async def follow_tail(
    service: Asked,
    tails: Followed,
    run: Run,
    request: Request[Any, Any, Any],
    keys: KeyList = None,
    cursor: FromQuery[str | None] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    stream_name: Annotated[StreamName, QueryParameter(name="stream")] = "history",
    last: FromQuery[int | None] = None,
) -> Stream:
    """The rows as they are logged, as server-sent events, until the run has ended.

    Events: `rows` (`data` is a JSON list of rows, `id` the cursor behind them), `restart` before the rows of a new
    generation, `end`, `problem` (also when the caller may not read the run any more). Whoever comes back with the last
    id, in the header Last-Event-ID as browsers do or as `cursor`, gets every row exactly once. Who follows too many
    runs at once is told so with 429.
    """
    text = last_event_id or cursor
    place = None if text is None else TailCursor.parse(text)
    seat = tails.take_seat(str(logs.person_of(request.scope)))
    begins = {"limit": EVENT_ROWS} if last is None or place is not None else {"last": last}
    first = await to_thread.run_sync(partial(service.read_tail, run, place, stream=stream_name, keys=keys, **begins))
    following = Place(run, stream_name, None if keys is None else tuple(keys), first.cursor)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    events = tails.follow(service, following, first, seat)
    return Stream(events, media_type=documents.EVENTS_TYPE, headers=headers)


async def _print(
    request: Request[Any, Any, Any], read: Callable[[], History], rows_format: RowsFormat, compression: Compression
) -> Stream:
    packing = compression_of(compression)

    def printed() -> Iterator[bytes]:
        history = read()
        if rows_format == "table":
            return wire_rows.write_tables(narrow_tables(history), compression=packing)
        return wire_rows.write_history(history, compression=packing)

    return await costly(request, printed, documents.ARROW_TYPE if rows_format == "table" else documents.ROWS_TYPE)


HANDLERS = [
    read_history,
    query_history,
    sample_history,
    list_keys,
    outline_history,
    read_tail,
    follow_tail,
]
