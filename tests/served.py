"""One store behind a server, reached in process and over a socket: the same app, the same service."""

import threading
import time

import httpx
import uvicorn
from anyio.from_thread import start_blocking_portal
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from runlake.server.http.open_files import CloseFiles
from runlake.server.http.problems import problem_response
from runlake.server.routes.api import api_router


class Holder:
    """Whose store is behind the server at this moment: a test puts its own there."""

    service = None


def make_app(holder, **options):
    """The native API over whatever the holder holds, for whoever asks."""

    return Litestar(
        [api_router(ending=threading.Event(), **options)],
        middleware=[CloseFiles],
        dependencies={"service": Provide(lambda: holder.service, sync_to_thread=False)},
        exception_handlers={Exception: problem_response},
        openapi_config=OpenAPIConfig(title="runlake", version="1", use_handler_docstrings=True),
    )


class InProcessTransport(httpx.BaseTransport):
    """Requests of a synchronous client, answered by an app in another thread: no socket, no server."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)
        self._entered = start_blocking_portal()
        self._portal = self._entered.__enter__()

    def handle_request(self, request):
        body = request.read()

        async def answer():
            asked = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            response = await self._inner.handle_async_request(asked)
            return response.status_code, response.headers.raw, await response.aread()

        status, headers, content = self._portal.call(answer)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    def stop(self):
        self._entered.__exit__(None, None, None)


class SocketServer:
    """The app on a free port of this machine, in a thread."""

    def __init__(self, app):
        config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        (socket,) = self._server.servers[0].sockets
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}"

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
