"""``/mcp``: the tools for language models over HTTP, for whoever's key comes with a request.

Each request stands alone: no session lies in a worker, so any of them answers. Only what is asked in it is answered,
nothing is sent later; so there is nothing to GET. The protocol is loaded when the first client comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from litestar import asgi
from litestar.handlers import ASGIRouteHandler

from runlake.errors import NotSupportedError
from runlake.mcp.questions import SQL, SQL_MEMORY_BYTES, SQL_TIME_S
from runlake.mcp.tool import Caller
from runlake.mcp.tools import call
from runlake.server.context import ServerContext
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send
from runlake.server.http.auth import require_person
from runlake.server.http.problems import Problem, send_problem
from runlake.server.http.turns import run_in_turn
from runlake.server.people.standing import Standing
from runlake.server.routes.sql import Queries
from runlake.service.wire.sql import SqlAsk

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.mcp.protocol import Context
    from runlake.service.contract import Service

PATH = "/mcp"
EDITS = "allow_edits"
"""What an address says for tools that edit: ``/mcp?allow_edits=true``."""

_MAX_BODY_BYTES = 2**20
_ONLY_POST = Problem(
    status=HTTPStatus.METHOD_NOT_ALLOWED, kind="BadValueError", message="messages are sent here by POST, each by itself"
)


class McpDoor:
    """Lets those who are signed in ask the tools; `close` ends what was loaded for it. SQL is one of the `queries`."""

    def __init__(self, context: ServerContext, queries: Queries) -> None:
        self._context = context
        self._queries = queries
        self._starting = asyncio.Lock()
        self._ending = asyncio.Event()
        self._app: ASGIApp | None = None
        self._running: asyncio.Task[None] | None = None

    def route(self) -> ASGIRouteHandler:
        """The handler of the address."""

        @asgi(PATH, copy_scope=False)
        async def answer_mcp(scope: Scope, receive: Receive, send: Send) -> None:
            await self.answer(scope, receive, send)

        return answer_mcp

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; `AuthenticationError` for who is nobody here."""
        headers = dict(scope["headers"])
        require_person(scope.get("user"), headers.get(b"authorization", b"").decode("latin-1"))
        if scope["method"] != "POST":
            await send_problem(send, _ONLY_POST, headers={"Allow": "POST"})
            return
        app = self._app or await self._start()
        await app(scope, receive, send)

    async def close(self) -> None:
        """Let what is under way come to its end."""
        self._ending.set()
        if self._running is not None:
            await self._running

    async def _start(self) -> ASGIApp:
        async with self._starting:
            if self._app is None:
                try:
                    server = await asyncio.to_thread(self._load)
                except ModuleNotFoundError:
                    raise NotSupportedError(
                        "this server has no /mcp: the package 'mcp' is not installed beside it; whoever runs it can do "
                        "so: pip install 'runlake[mcp]'"
                    ) from None
                started: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
                self._running = asyncio.create_task(self._run(server, started))
                self._app = await started
            return self._app

    def _load(self) -> Any:
        from runlake.mcp.protocol import build_server

        return build_server(self._answer, _may_edit)

    async def _run(self, server: Any, started: asyncio.Future[ASGIApp]) -> None:
        """What the protocol runs beside requests, in one task from beginning to end."""
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=_MAX_BODY_BYTES
        )
        async with manager.run():
            started.set_result(manager.handle_request)
            await self._ending.wait()

    async def _answer(self, context: Context, name: str, arguments: Mapping[str, Any]) -> str:
        scope = _scope_of(context)
        standing: Standing = scope["standing"]
        service = self._context.service_for(standing)
        caller = Caller(service=service, answer_sql=self._answer_sql, may_edit=_may_edit(context))
        turns = self._queries.turns if name == SQL else None
        return await run_in_turn(scope, partial(call, name, arguments, caller), turns=turns)

    def _answer_sql(self, service: Service, query: str) -> pa.Table:
        asked = SqlAsk(query=query, time_s=SQL_TIME_S, memory_bytes=SQL_MEMORY_BYTES)
        return self._queries.run(service, asked)


def _may_edit(context: Context) -> bool:
    said = parse_qs(_scope_of(context)["query_string"].decode("latin-1")).get(EDITS, [""])
    return said[-1].lower() in ("true", "1")


def _scope_of(context: Context) -> Scope:
    """That of the request that a message came in."""
    return context.request.scope  # type: ignore[union-attr]
