"""The addresses that W&B's client knows: GraphQL, the stream of a run, and its files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from anyio import to_thread
from litestar import HttpMethod, Request, Response, Router, post, put, route
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, RawBody, SkipValidation

from runlake.errors import BadValueError, GapError, NotFoundError
from runlake.model import RunPath, WriterBatch, WriterHandle, WriterStart
from runlake.server.context import ServerContext, person_of, standing_of
from runlake.server.http.costs import CHEAP_COST
from runlake.server.http.file_bytes import receive_file, send_asked
from runlake.server.http.problems import Problem
from runlake.server.http.turns import in_turn
from runlake.server.people.directory import Person
from runlake.server.people.guard import GuardedService
from runlake.server.wandb import artifact_routes
from runlake.server.wandb.context import Client, RequestContext, WandbContext
from runlake.server.wandb.documents.graphql import Answer, GraphQL
from runlake.server.wandb.downloads import send_download
from runlake.server.wandb.ingest.stream import LARGE_BODY_BYTES, MAX_BODY_BYTES, read_batch, read_body, unzipped_bytes
from runlake.service.contract import Service

Context = NamedDependency[SkipValidation[ServerContext]]
"""What the server is made of: the app provides it."""


@dataclass(frozen=True, slots=True)
class WandbParts:
    """What answers documents, and what requests of this wire share."""

    graphql: GraphQL
    shared: WandbContext


Wandb = NamedDependency[SkipValidation[WandbParts]]

RETRY_AFTER_GAP_S = 1.0


class _GraphQLBody(msgspec.Struct):
    query: str | None = None
    variables: dict[str, Any] | None = None
    operationName: str | None = None


_decode_graphql = msgspec.json.Decoder(_GraphQLBody).decode


@post("/graphql", status_code=200, request_max_body_size=MAX_BODY_BYTES, include_in_schema=False)
async def graphql(request: Request[Any, Any, Any], body: RawBody, context: Context, wandb: Wandb) -> Response[bytes]:
    """Execute a document. Errors of the document and of its fields are part of the answer, as GraphQL has it."""
    begin = partial(_begin_graphql, request, body, context, wandb)

    def begin_and_end() -> Response[bytes]:
        done = begin()
        return done if isinstance(done, Response) else done()

    if len(body) > LARGE_BODY_BYTES:
        return await in_turn(request, begin_and_end)
    done = await sync_to_thread(begin)
    return done if isinstance(done, Response) else await in_turn(request, done)


def _begin_graphql(
    request: Request[Any, Any, Any], body: bytes, context: ServerContext, wandb: WandbParts
) -> Response[bytes] | Callable[[], Response[bytes]]:
    """The answer, or how to come by it where that costs much."""
    try:
        asked = _decode_graphql(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadValueError(f"this is no GraphQL request: {error}") from None
    prepared = wandb.graphql.prepare(asked.query or "", asked.variables, asked.operationName, request.scope)
    if isinstance(prepared, dict):
        return _graphql_response(prepared)
    asking = _context_of(request, context, wandb.shared)

    def answer() -> Response[bytes]:
        return _graphql_response(wandb.graphql.run(prepared, asking))

    return answer() if prepared.cost <= CHEAP_COST else answer


def _context_of(request: Request[Any, Any, Any], context: ServerContext, shared: WandbContext) -> RequestContext:
    person = person_of(request)
    service = context.service_for(standing_of(request))
    base_url = context.base_url(request)
    return RequestContext(
        shared=shared,
        service=service,
        person=person,
        people=context.people,
        base_url=base_url,
        file_url=partial(_file_url, context, base_url, service),
        parquet_url=partial(_export_url, context, base_url, service),
        signed_url=partial(_signed_url, context, base_url, service),
        url_life_s=context.url_life_s,
        client=_client_of(request),
        require_write=service.require_write,
    )


def _graphql_response(answer: Answer) -> Response[bytes]:
    content = msgspec.json.encode(answer)
    errors = answer.get("errors", ())
    if any(_code_of(error) == "UNAVAILABLE" for error in errors):
        # The client tries again, as it does not with a 200.
        return Response(content, status_code=503, headers={"Retry-After": "2"}, media_type="application/json")
    if any(error.get("path") == ["agentHeartbeat"] and _code_of(error) == "NOT_FOUND" for error in errors):
        # The client takes this status for the end of the sweep, and everything else for trouble that will pass.
        return Response(content, status_code=404, media_type="application/json")
    return Response(content, media_type="application/json")


@post(
    "/files/{entity:str}/{project:str}/{run_id:str}/file_stream",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    include_in_schema=False,
)
async def file_stream(
    request: Request[Any, Any, Any],
    body: RawBody,
    context: Context,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
) -> Response[bytes]:
    """Keep what a training process says; the answer may ask it to stop.

    A client that is answered 4xx sends nothing more of its run, so that is only said of what stays wrong.
    """
    write = partial(_write_stream, request, body, context, RunPath(entity, project, run_id))
    # Otherwise as many bodies of 64 MiB as there are threads could be in memory.
    is_large = unzipped_bytes(body, request.headers.get("content-encoding")) > LARGE_BODY_BYTES
    return await (in_turn(request, write) if is_large else sync_to_thread(write))


def _write_stream(
    request: Request[Any, Any, Any], body: bytes, context: ServerContext, path: RunPath
) -> Response[bytes]:
    service = context.service_of_caller(request)
    client_id = request.headers.get("x-wandb-async-client-id")
    begun = service.find_writer(path, client_id) or _begin_made_run(service, path, person_of(request))
    content = read_body(body, request.headers.get("content-encoding"))
    try:
        batch = read_batch(content, begun.row_counts, has_labels=client_id is not None) if content else WriterBatch()
        answer = service.write_batch(path, begun.writer, batch)
    except GapError as error:
        # An earlier request is on its way, or will be sent again: this one will fit then.
        problem = Problem(status=503, kind="GapError", message=str(error), retry_after_s=RETRY_AFTER_GAP_S)
        return Response(problem.body, status_code=503, headers=problem.headers, media_type="application/json")
    return Response(msgspec.json.encode({"stopped": answer.is_stop_requested}), media_type="application/json")


def _begin_made_run(service: Service, path: RunPath, person: Person | None) -> WriterHandle:
    """Begin a run that was made and not begun: who sends what others wrote does not say that it begins.

    NotFoundError for every other run.
    """
    with contextlib.suppress(NotFoundError):
        if service.read_run(path).state == "pending":
            return service.begin_writer(path, WriterStart(user=None if person is None else person.username))
    raise NotFoundError(f"run {path} is not written through this server, or it was deleted; begin it anew")


@put(
    "/files/{entity:str}/{project:str}/{run_id:str}/{name:path}",
    status_code=200,
    request_max_body_size=None,
    include_in_schema=False,
)
async def upload(
    request: Request[Any, Any, Any],
    context: Context,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    name: FromPath[str],
    token: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Store a file of a run under its name; the URL carries the permission."""
    path, file_name = RunPath(entity, project, run_id), name.removeprefix("/")
    address = _signed_path(path, file_name)
    service = await to_thread.run_sync(context.service_permitted, request, "PUT", address, token)
    await receive_file(request, service, path, file_name)
    return Response(b"{}", media_type="application/json")


@route(
    "/files/{entity:str}/{project:str}/{run_id:str}/{name:path}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    sync_to_thread=True,
    include_in_schema=False,
    media_type="application/octet-stream",
)
def download(
    request: Request[Any, Any, Any],
    context: Context,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    name: FromPath[str],
    token: FromQuery[str | None] = None,
) -> Response[Any]:
    """A file of a run, whole or in part, by a URL that carries the permission or with a key."""
    path, file_name = RunPath(entity, project, run_id), name.removeprefix("/")
    service = context.service_permitted(request, "GET", _signed_path(path, file_name), token)
    return send_download(
        request,
        context,
        url_for=partial(service.file_url, path, file_name),
        open_bytes=partial(service.open_file, path, file_name),
    )


@route(
    "/exports/{entity:str}/{project:str}/{run_id:str}/{name:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    sync_to_thread=True,
    include_in_schema=False,
    media_type="application/octet-stream",
)
def export(
    request: Request[Any, Any, Any],
    context: Context,
    wandb: Wandb,
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    name: FromPath[str],
    token: FromQuery[str | None] = None,
) -> Response[Any]:
    """Rows of a run as Parquet, whole or in part: W&B's client reads parts of them without a key."""
    path = RunPath(entity, project, run_id)
    service = context.service_permitted(request, "GET", _signed_export_path(path, name), token)
    service.read_run(path)  # who may not read the run, or not any more, may not read what was made of it
    return send_asked(request, wandb.shared.exports.open_export(path, name).open("rb"))


def wandb_router(parts: WandbParts) -> Router:
    """The routes of this page. The app provides the dependency `context`."""

    def provide_wandb() -> WandbParts:
        return parts

    return Router(
        "/",
        route_handlers=[graphql, file_stream, upload, download, export, *artifact_routes.HANDLERS],
        dependencies={"wandb": Provide(provide_wandb, sync_to_thread=False)},
    )


def _client_of(request: Request[Any, Any, Any]) -> Client:
    headers = request.headers
    return Client(
        is_training=headers.get("user-agent", "").startswith("wandb-core"),
        client_id=headers.get("x-wandb-client-id"),
        is_shared=headers.get("x-wandb-use-async-filestream") == "true",
    )


def _code_of(error: Mapping[str, Any]) -> str:
    code: str = error.get("extensions", {}).get("code", "")
    return code


def _signed_path(path: RunPath, name: str) -> str:
    return f"/files/{path}/{name}"


def _file_url(
    context: ServerContext, base_url: str, service: GuardedService, method: str, path: RunPath, name: str
) -> str:
    token = context.sign(service, method, _signed_path(path, name))
    return f"{base_url}/files/{'/'.join(quote(part, safe='') for part in path)}/{quote(name)}?token={token}"


def _signed_url(context: ServerContext, base_url: str, service: GuardedService, method: str, address: str) -> str:
    return f"{base_url}{quote(address)}?token={context.sign(service, method, address)}"


def _signed_export_path(path: RunPath, name: str) -> str:
    return f"/exports/{path}/{name}"


def _export_url(context: ServerContext, base_url: str, service: GuardedService, path: RunPath, name: str) -> str:
    token = context.sign(service, "GET", _signed_export_path(path, name))
    return f"{base_url}/exports/{'/'.join(quote(part, safe='') for part in path)}/{name}?token={token}"
