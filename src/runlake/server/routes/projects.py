"""Projects, and the runs in them as listings and tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Request, Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from runlake.model import ProjectInfo, RunPage
from runlake.server.http.costs import charge_keys
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import ONLY_READS, Asked, Compression, answer, compression_of, costly, lines
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import HistoriesQuery, RunsQuery, Sealed, ServiceInfo
from runlake.version import __version__

_PROJECT = "/projects/{entity:str}/{project:str}"


@get("/service", sync_to_thread=True)
def read_service(service: Asked) -> Response[ServiceInfo]:
    """What answers, and which entity paths mean that name none."""
    return answer(ServiceInfo(default_entity=service.default_entity, version=__version__))


@get("/projects", sync_to_thread=True)
def list_projects(service: Asked, entity: FromQuery[str | None] = None) -> Response[list[ProjectInfo]]:
    """All projects that the caller may see, by entity and name."""
    return answer(service.list_projects(entity))


@put(_PROJECT, sync_to_thread=True)
def create_project(service: Asked, entity: FromPath[str], project: FromPath[str]) -> Response[ProjectInfo]:
    """Make the project be there; an existing one is left as it is."""
    return answer(service.create_project(entity, project))


@get(f"{_PROJECT}/runs")
async def list_runs(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    filters: FromQuery[str | None] = None,
    order: FromQuery[list[str] | None] = None,
    offset: FromQuery[int] = 0,
    limit: FromQuery[int | None] = None,
    version: FromQuery[str | None] = None,
) -> Response[RunPage]:
    """A slice of the runs that match `filters`, a JSON object. Pages with one `version` are of one state."""

    def listed() -> Response[RunPage]:
        asked = documents.unpack(filters, dict) if filters else None
        window = {"offset": offset, "limit": limit, "version": version}
        return answer(
            service.list_runs(entity, project, filters=asked, order=order or ("+created_at",), **window)  # type: ignore[arg-type]
        )

    return await in_turn(request, listed)


@post(f"{_PROJECT}/runs/query", status_code=200, opt=ONLY_READS)
async def query_runs(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[RunsQuery],
) -> Response[RunPage]:
    """As `GET …/runs`, for filters that are too long for an address."""

    def listed() -> Response[RunPage]:
        window = {"offset": data.offset, "limit": data.limit, "version": data.version}
        return answer(
            service.list_runs(entity, project, filters=data.filters, order=data.order, **window)  # type: ignore[arg-type]
        )

    return await in_turn(request, listed)


@post(f"{_PROJECT}/runs/table", status_code=200, media_type=documents.ARROW_TYPE, opt=ONLY_READS)
async def read_runs_table(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[RunsQuery],
    compression: FromQuery[Compression] = "none",
) -> Stream:
    """Fields, config and summary of all matching runs as an Arrow IPC stream, one row a run, oldest first."""

    def printed() -> Iterator[bytes]:
        table = service.read_runs_table(entity, project, filters=data.filters)
        problems = service.list_runs(entity, project, order=(), limit=0).problems
        return wire_rows.write_table(table, problems=problems, compression=compression_of(compression))

    return await costly(request, printed, documents.ARROW_TYPE)


@post(f"{_PROJECT}/histories", status_code=200, media_type=documents.ROWS_TYPE, opt=ONLY_READS)
async def read_histories(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[HistoriesQuery],
    compression: FromQuery[Compression] = "none",
) -> Stream:
    """The rows of all matching runs, in blocks: a sequence of Arrow IPC streams."""
    charge_keys(request.scope, data.keys)

    def printed() -> Iterator[bytes]:
        blocks = service.read_histories(
            entity,
            project,
            keys=data.keys,
            stream=data.stream,
            filters=data.filters,
            order=data.order,
            version=data.version,
        )
        return wire_rows.write_blocks(blocks, compression=compression_of(compression))

    return await costly(request, printed, documents.ROWS_TYPE)


@post(f"{_PROJECT}/seal", sync_to_thread=True, status_code=200, media_type=documents.LINES_TYPE)
def seal(
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromQuery[str | None] = None,
) -> Stream:
    """Turn journals into segments: a line of JSON for each run as it is sealed."""
    sealed = service.seal(entity, project, run_id)
    return lines(Sealed(**path._asdict(), row_count=row_count) for path, row_count in sealed)


@post(f"{_PROJECT}/merge", sync_to_thread=True, status_code=200, media_type=documents.LINES_TYPE)
def pack_runs(
    service: Asked, entity: FromPath[str], project: FromPath[str], at_once: FromQuery[bool] = False
) -> Stream:
    """Bring small finished runs together in shared files: a line of JSON for each run that moved."""

    def moved() -> Iterator[Sealed]:
        for path in service.pack_runs(entity, project, at_once=at_once):
            yield Sealed(**path._asdict(), row_count=0)

    return lines(moved())


HANDLERS = [
    read_service,
    list_projects,
    create_project,
    list_runs,
    query_runs,
    read_runs_table,
    read_histories,
    seal,
    pack_runs,
]
