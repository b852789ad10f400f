"""The parent of several workers: starts them, replaces those that die, and ends them in order.

uvicorn has such a parent too. That one asks its workers whether they live and waits for their answers, and in the
meantime hears neither signals nor that another has died; this one sleeps until something happens.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from runlake.server.logs import logger

if TYPE_CHECKING:
    import uvicorn

STARTUP_FAILURE = 3
"""The exit code by which uvicorn's workers say that starting again would be in vain."""

_PAUSE_S = 1.0
"""Between two lives of a worker that died in less than this."""
_READY_S = 60.0
"""How long a worker that takes another's place may need to start."""
_OVERTIME_S = 10.0
"""How long a worker may take to end beyond the time that its requests are given."""


class Workers:
    """So many processes that accept from one socket, until SIGTERM or SIGINT; SIGHUP replaces one after the other."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, *, count: int, drain_s: float) -> None:
        self._config = config
        self._listening = listening
        self._count = count
        self._drain_s = drain_s
        self._spawn = multiprocessing.get_context("spawn")
        self._woken, self._wake = self._spawn.Pipe(duplex=False)
        self._signals: list[int] = []
        self._running: list[_Worker] = []

    def run(self) -> bool:
        """Whether the workers could start; returns when all have ended."""
        with self._heard():
            try:
                self._running = [self._start() for _ in range(self._count)]
                return self._look_after()
            finally:
                self._end(self._running)

    def _look_after(self) -> bool:
        while True:
            connection.wait([self._woken, *(worker.process.sentinel for worker in self._running)])
            while self._woken.poll():
                self._woken.recv_bytes()
            if self._is_told_to_end():
                return True
            if self._signals:
                self._signals.clear()
                self._replace_all()
            for place, worker in enumerate(self._running):
                if worker.process.is_alive():
                    continue
                if worker.process.exitcode == STARTUP_FAILURE:
                    return False
                fields = {"pid": worker.process.pid, "exit_code": worker.process.exitcode}
                logger.error("a worker died and is replaced", extra={"fields": fields})
                if time.monotonic() - worker.started_at < _PAUSE_S:
                    connection.wait([self._woken], _PAUSE_S)
                worker.forget()
                self._running[place] = self._start()

    def _replace_all(self) -> None:
        """Bring a new worker into service for each old one before the old one ends."""
        for place, old in enumerate(self._running):
            new = self._start()
            if not self._is_ready(new):
                if not self._is_told_to_end():
                    logger.error("a new worker did not start; the old ones stay")
                self._end([new])
                return
            self._running[place] = new
            self._end([old])

    def _is_ready(self, worker: _Worker) -> bool:
        end = time.monotonic() + _READY_S
        while (left_s := end - time.monotonic()) > 0 and not self._is_told_to_end():
            happened = connection.wait([worker.ready, worker.process.sentinel, self._woken], left_s)
            if worker.ready in happened:
                return worker.has_announced_itself()
            if worker.process.sentinel in happened:
                return False
            if self._woken in happened:
                self._woken.recv_bytes()
        return False

    def _is_told_to_end(self) -> bool:
        return signal.SIGTERM in self._signals or signal.SIGINT in self._signals

    def _start(self) -> _Worker:
        ready, announce = self._spawn.Pipe(duplex=False)
        process = self._spawn.Process(target=_work, args=(self._config, self._listening, announce))
        process.start()
        announce.close()
        return _Worker(process, ready)

    def _end(self, workers: list[_Worker]) -> None:
        for worker in workers:
            worker.process.terminate()
        end = time.monotonic() + self._drain_s + _OVERTIME_S
        for worker in workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.is_alive():
                logger.error("a worker did not end and is killed", extra={"fields": {"pid": worker.process.pid}})
                worker.process.kill()
                worker.process.join()
            worker.forget()

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Signals wake the parent up instead of ending it."""

        def hear(number: int, _: Any) -> None:
            self._signals.append(number)
            self._wake.send_bytes(b"!")

        numbers = [signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
        before = {number: signal.signal(number, hear) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Worker:
    """A process, and the end of a pipe on which it says that it serves."""

    def __init__(self, process: SpawnProcess, ready: connection.Connection) -> None:
        self.process = process
        self.ready = ready
        self.started_at = time.monotonic()

    def has_announced_itself(self) -> bool:
        """Whether it said that it serves; the pipe of one that died has an end and no word in it."""
        try:
            self.ready.recv_bytes()
        except EOFError:
            return False
        return True

    def forget(self) -> None:
        """Release what the parent kept of a process that has ended."""
        self.ready.close()
        self.process.close()


def _work(config: uvicorn.Config, listening: socket.socket, announce: connection.Connection) -> None:
    """What a worker does, in its own process."""
    import uvicorn

    class AnnouncedServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                announce.send_bytes(b"!")
                announce.close()

    try:
        AnnouncedServer(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # Ctrl-C is for all processes of a terminal; uvicorn has ended in order before it raises this
