"""Running a server: a socket, workers that share it, and an end that loses nothing.

The parent binds the socket and looks after the workers (`workers`); each is a process of its own with the whole app. On
SIGTERM or SIGINT nobody accepts any more, requests that have begun are answered, and then everything ends with 0.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runlake.errors import BadValueError, CommError
from runlake.server.config import ServerConfig
from runlake.server.http.connections import allow_many_files
from runlake.server.http.logs import configure_logs, logger
from runlake.server.workers import STARTUP_FAILURE, Workers

if TYPE_CHECKING:
    import uvicorn

APP = "runlake.server.serving:create_worker_app"
_BACKLOG = 2048
_KEEP_ALIVE_S = 75
"""Longer than the pauses of clients that send every 15 s, and than most proxies keep a connection."""
_PARENT_LOOK_S = 1.0


class Tls(msgspec.Struct, frozen=True):
    """The files of a certificate (with its chain) and of its private key."""

    cert: Path
    key: Path

    def check(self) -> None:
        """`BadValueError` when the two are not there or do not belong together."""
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise BadValueError(
                f"the certificate {self.cert} with the key {self.key} cannot be used: {error}"
            ) from None


def listen(host: str, port: int) -> socket.socket:
    """A socket on which clients can connect from now on, and are answered as soon as a worker is there.

    Port 0 stands for any that is free. `CommError` when the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CommError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --port"
        ) from None
    listening.set_inheritable(True)
    return listening


def address_of(listening: socket.socket, *, host: str, is_tls: bool) -> str:
    """The URL under which a client on this machine reaches the socket."""
    port = listening.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
    return f"{'https' if is_tls else 'http'}://{name}:{port}"


def serve(config: ServerConfig, listening: socket.socket, *, tls: Tls | None = None, app: str = APP) -> None:
    """Answer requests until SIGTERM or SIGINT. `CommError` when no worker can start.

    `app` names the factory that every worker calls; `create_worker_app` is the server's own.
    """
    import uvicorn

    from runlake.server.http.protocol import BoundedProtocol

    configure_logs(config.log_format)
    allow_many_files()
    with _folder_for_metrics() as metrics_dir:
        is_alone = config.workers == 1
        handed = msgspec.structs.replace(config, supervisor_pid=None if is_alone else os.getpid())
        os.environ.update(handed.to_environment())
        if not is_alone:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
        uvicorn_config = uvicorn.Config(
            app,
            factory=True,
            http=BoundedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(config.drain_s),
            ssl_certfile=str(tls.cert) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
        )
        if is_alone:
            has_served = _run_alone(uvicorn_config, listening)
        else:
            silent_s = max(config.silent_s, config.drain_s)  # who ends by itself is silent while it drains
            workers = Workers(
                uvicorn_config, listening, count=config.workers, drain_s=config.drain_s, silent_s=silent_s
            )
            has_served = workers.run()
        if not has_served:
            raise CommError("the server cannot start; its log says why")


def create_worker_app() -> Any:
    """The app of one worker, made inside the worker by uvicorn."""
    from runlake.server.app import create_app

    return prepare_worker(create_app)


def prepare_worker(create_app: Callable[[], Any]) -> Any:
    """The app, and around it what every worker needs: a log, and an end when its parent has gone."""
    config = ServerConfig.from_environment(os.environ)
    configure_logs(config.log_format)
    try:
        app = create_app()
    except Exception:
        # With this code the parent gives up instead of trying the same for ever.
        logger.exception("the server's app cannot be made")
        sys.exit(STARTUP_FAILURE)
    configure_logs(config.log_format)  # again: frameworks have their own ideas of it when an app is made
    # What is there now stays for good: to look for garbage among it takes 70 ms each time, and all requests wait.
    gc.collect()
    gc.freeze()
    if config.supervisor_pid is not None:
        threading.Thread(target=_end_with_parent, args=(config.supervisor_pid,), daemon=True).start()
    return app


def _run_alone(config: uvicorn.Config, listening: socket.socket) -> bool:
    """Whether it ever served."""
    import uvicorn

    server = uvicorn.Server(config)
    try:
        with ended_by_signals(server):
            server.run(sockets=[listening])
    except SystemExit:  # so uvicorn and `prepare_worker` say that starting failed
        return False
    return server.started


def _end_with_parent(parent_pid: int) -> None:
    """A worker whose parent was killed would hold the port for ever, and nobody could start the server again."""
    while os.getppid() == parent_pid:
        time.sleep(_PARENT_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """A signal ends the server also before it runs; uvicorn raises it once more behind its own end."""

    def end(*_: object) -> None:
        server.should_exit = True

    kept = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def _folder_for_metrics() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="runlake-metrics-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
