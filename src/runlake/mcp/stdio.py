"""The tools for whoever started this process, over its stdin and stdout."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from anyio import to_thread
from mcp.server.stdio import stdio_server

from runlake.errors import TooLargeError
from runlake.mcp.protocol import Context, build_server
from runlake.mcp.tool import Caller
from runlake.mcp.tools import call
from runlake.stopping import work_while

MAX_CALL_S = 120.0


def serve_stdio(caller: Caller, *, max_call_s: float = MAX_CALL_S) -> None:
    """Answer until stdin ends. A call that takes longer than `max_call_s`, or that its client cancels, is given up."""

    async def answer(_: Context, name: str, arguments: Mapping[str, Any]) -> str:
        is_gone = threading.Event()
        work = bounded(partial(call, name, arguments, caller), is_gone.is_set, max_call_s)
        try:
            return await to_thread.run_sync(work, abandon_on_cancel=True)
        finally:
            is_gone.set()

    server = build_server(answer, lambda _: caller.may_edit)

    async def serve() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    # A thread that waits for stdin cannot be woken: Ctrl-C ends the process, and a store minds no end.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(serve)


def bounded(work: Callable[[], str], is_gone: Callable[[], bool], max_call_s: float) -> Callable[[], str]:
    """The work, which ends with `TooLargeError` where it next looks up, when it is in vain or takes too long."""

    def bounded_work() -> str:
        ends_at_s = time.monotonic() + max_call_s

        def check() -> None:
            if is_gone():
                raise TooLargeError("this call was cancelled")
            if time.monotonic() >= ends_at_s:
                raise TooLargeError(f"after {max_call_s:g} s this was not done; ask for less: fewer runs, keys or rows")

        with work_while(check):
            return work()

    return bounded_work
