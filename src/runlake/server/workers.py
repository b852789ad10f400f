"""The parent of several workers: starts them, replaces those that die or hang, and ends them in order.

uvicorn has such a parent too. That one asks its workers whether they live and waits for their answers, and in the
meantime hears neither signals nor that another has died; this one is told by its workers, each second, that they live,
and sleeps in between.
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

from runlake.server.http.logs import logger

if TYPE_CHECKING:
    import uvicorn

STARTUP_FAILURE = 3
"""The exit code by which uvicorn's workers say that starting again would be in vain."""

_SHORT_LIFE_S = 1.0
"""A worker that died before this is not started again at once."""
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0
"""Between two lives of a worker that cannot start, or dies at once: twice as long each time."""
_READY_S = 60.0
"""How long a worker may need to start."""
_OVERTIME_S = 10.0
"""How long a worker may take to end beyond the time that its requests are given."""
_KILLED_S = 5.0
"""How long a killed worker is waited for: one that waits for a disk that does not answer does not even die."""
_TICKS_PER_SIGN = 10
"""uvicorn ticks ten times a second."""


class Workers:
    """So many processes that accept from one socket, until SIGTERM or SIGINT; SIGHUP replaces one after the other.

    A worker that gives no sign of life for `silent_s` is killed and replaced.
    """

    def __init__(
        self, config: uvicorn.Config, listening: socket.socket, *, count: int, drain_s: float, silent_s: float
    ) -> None:
        self._config = config
        self._listening = listening
        self._drain_s = drain_s
        self._silent_s = silent_s
        self._spawn = multiprocessing.get_context("spawn")
        self._woken, self._wake = self._spawn.Pipe(duplex=False)
        self._signals: list[int] = []
        self._places = [_Place() for _ in range(count)]
        self._has_served = False

    def run(self) -> bool:
        """Whether the workers could start; returns when all have ended."""
        with self._heard():
            try:
                return self._look_after()
            finally:
                self._end([place.worker for place in self._places if place.worker is not None])

    def _look_after(self) -> bool:
        looked_at = time.monotonic()
        while True:
            now = time.monotonic()
            if now - looked_at > self._silent_s / 2:
                # This process was stopped, and its workers with it: what they did not say tells nothing.
                for worker in self._workers():
                    worker.heard_at = now
            looked_at = now
            for place in self._places:
                if not self._look_at(place, now):
                    return False
            self._wait()
            if self._is_told_to_end():
                return True
            if self._signals:
                self._signals.clear()
                self._replace_all()

    def _look_at(self, place: _Place, now: float) -> bool:
        """Bring the place in order: False when no worker has ever served and this one cannot either."""
        worker = place.worker
        if worker is not None:
            worker.hear()
            self._has_served = self._has_served or worker.is_serving
            if not worker.process.is_alive():
                if worker.process.exitcode == STARTUP_FAILURE and not self._has_served:
                    return False
                fields = {"pid": worker.process.pid, "exit_code": worker.process.exitcode}
                pause_s = place.let_go(worker, now)
                logger.error("a worker died and is replaced", extra={"fields": {**fields, "pause_s": pause_s}})
            elif now > self._deadline(worker):
                fields = {"pid": worker.process.pid}
                logger.error("a worker gives no sign of life and is replaced", extra={"fields": fields})
                worker.process.kill()
                worker.process.join(_KILLED_S)
                place.let_go(worker, now)
        if place.worker is None and now >= place.due_at:
            place.worker = self._start()
        return True

    def _wait(self) -> None:
        """Until something happens, or is to be looked at because nothing did."""
        workers = self._workers()
        dues = [place.due_at for place in self._places if place.worker is None]
        dues += [self._deadline(worker) for worker in workers]
        # Far less than what makes a worker silent: much longer is a sleep that somebody else put this process to.
        sleep_s = min([self._silent_s / 4, *(due - time.monotonic() for due in dues)])
        pipes = [worker.signs for worker in workers if not worker.signs.closed]
        connection.wait([self._woken, *(worker.process.sentinel for worker in workers), *pipes], max(0.0, sleep_s))
        while self._woken.poll():
            self._woken.recv_bytes()

    def _deadline(self, worker: _Worker) -> float:
        """Until when it must give the next sign of life; the first may take longer."""
        return worker.heard_at + (self._silent_s if worker.is_serving else max(self._silent_s, _READY_S))

    def _workers(self) -> list[_Worker]:
        return [place.worker for place in self._places if place.worker is not None]

    def _replace_all(self) -> None:
        """Bring a new worker into service for each old one before the old one ends."""
        for place in self._places:
            old = place.worker
            if old is None:
                place.due_at = 0.0  # whoever asks for new workers has changed something: it is tried at once
                continue
            new = self._start()
            if not self._is_ready(new):
                if not self._is_told_to_end():
                    logger.error("a new worker did not start; the old ones stay")
                self._end([new])
                return
            place.worker = new
            self._end([old])

    def _is_ready(self, worker: _Worker) -> bool:
        end = time.monotonic() + _READY_S
        while (left_s := end - time.monotonic()) > 0 and not self._is_told_to_end():
            happened = connection.wait([worker.signs, worker.process.sentinel, self._woken], left_s)
            if worker.signs in happened:
                worker.hear()
                return worker.is_serving
            if worker.process.sentinel in happened:
                return False
            if self._woken in happened:
                self._woken.recv_bytes()
        return False

    def _is_told_to_end(self) -> bool:
        return signal.SIGTERM in self._signals or signal.SIGINT in self._signals

    def _start(self) -> _Worker:
        signs, give_sign = self._spawn.Pipe(duplex=False)
        process = self._spawn.Process(target=_work, args=(self._config, self._listening, give_sign))
        process.start()
        give_sign.close()
        return _Worker(process, signs)

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


class _Place:
    """Where one worker runs after the other; while there is none, the next is started at `due_at`."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.due_at = 0.0
        self._pause_s = 0.0

    def let_go(self, worker: _Worker, now: float) -> float:
        """Forget the worker, which has ended. Answers the pause: none after one that served for a while."""
        self.worker = None
        was_well = worker.is_serving and now - worker.started_at > _SHORT_LIFE_S
        self._pause_s = 0.0 if was_well else min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LAST_PAUSE_S)
        self.due_at = now + self._pause_s
        worker.forget()
        return self._pause_s


class _Worker:
    """A process, and the end of a pipe on which it says that it serves, and again and again that it lives."""

    def __init__(self, process: SpawnProcess, signs: connection.Connection) -> None:
        self.process = process
        self.signs = signs
        self.started_at = self.heard_at = time.monotonic()
        self.is_serving = False

    def hear(self) -> None:
        """Take in what it said since; the pipe of one that died has an end, and is closed."""
        try:
            while not self.signs.closed and self.signs.poll():
                self.signs.recv_bytes()
                self.is_serving, self.heard_at = True, time.monotonic()
        except (EOFError, OSError):
            self.signs.close()

    def forget(self) -> None:
        """Release what the parent kept of a process that has ended."""
        self.signs.close()
        if not self.process.is_alive():
            self.process.close()


def _work(config: uvicorn.Config, listening: socket.socket, give_sign: connection.Connection) -> None:
    """What a worker does, in its own process."""
    import uvicorn

    class HeardServer(uvicorn.Server):
        async def on_tick(self, counter: int) -> bool:
            if counter % _TICKS_PER_SIGN == 0:
                try:
                    give_sign.send_bytes(b"!")
                except OSError:
                    pass  # the parent is gone: `serving` ends this process then
            return await super().on_tick(counter)

    try:
        HeardServer(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # Ctrl-C is for all processes of a terminal; uvicorn has ended in order before it raises this
