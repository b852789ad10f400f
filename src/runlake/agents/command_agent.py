"""An agent that starts the sweep's command, a process for each run, several at once if it is told to.

Each command has a process group of its own, so that stopping it reaches what it started as well. Where no wandb is
installed for it, its ``import wandb`` is runlake, as below ``runlake exec``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from runlake.agents.environment import RunEnvironment, merged
from runlake.agents.failures import Failures
from runlake.agents.link import AgentLink, Ending, Say
from runlake.compat.launch import environment_of_agents
from runlake.search.command import expand_command
from runlake.sweep_model import AgentCommand

_LOOK_EVERY_S = 0.05


class Command:
    """What a sweep's configuration says of the command. `SweepConfigError` when it cannot be started."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._template: Sequence[str] | None = config.get("command")
        self._program: str | None = config.get("program")
        self.words({}, "parameters.json")

    def words(self, params: Mapping[str, Any], json_file: str) -> list[str]:
        """The command for these parameters, which are in `json_file` too."""
        return expand_command(
            self._template,
            program=self._program,
            params=params,
            interpreter=sys.executable or "python",
            environment=os.environ,
            args_json_file=json_file,
            is_windows=sys.platform == "win32",
        )


class CommandAgent:
    """One agent; `run` returns when the sweep is over and its children have ended, or were ended."""

    def __init__(
        self,
        link: AgentLink,
        environment: RunEnvironment,
        failures: Failures,
        command: Command,
        *,
        count: int | None,
        worker_count: int,
        kill_delay_s: float,
        say: Say,
    ) -> None:
        self._link, self._environment, self._failures, self._say = link, environment, failures, say
        self._command, self._kill_delay_s = command, kill_delay_s
        self._left_count = count
        self._worker_count = worker_count
        self._children: dict[str, _Child] = {}
        self._ending: Ending | None = None
        self._signals: list[int] = []
        self._has_told_waiting = False

    def run(self) -> Ending:
        """Start commands and wait for them, until there is a reason to end and none of them runs any more."""
        with self._signals_heard():
            try:
                return self._work()
            finally:
                for child in self._children.values():  # only where something went wrong
                    child.kill()
                self._link.leave()

    def _work(self) -> Ending:
        report_at = 0.0
        while True:
            ended = self._reap()
            self._heed_signals()
            if self._ending is None and self._link.is_sweep_gone:
                self._ending = Ending("deleted", "the sweep is gone")
            if self._ending is not None and not self._children:
                self._link.report(ended=ended)
                return self._ending
            for child in self._children.values():
                child.kill_if_late(self._kill_delay_s)
            if ended or time.monotonic() >= report_at:
                self._obey(self._link.report(list(self._children), ended=ended, wanted_count=self._wanted_count()))
                report_at = time.monotonic() + self._link.interval_s
            time.sleep(_LOOK_EVERY_S)

    def _wanted_count(self) -> int:
        if self._ending is not None:
            return 0
        room = self._worker_count - len(self._children)
        return room if self._left_count is None else min(room, self._left_count)

    def _reap(self) -> list[str]:
        """The runs whose commands have ended since the last look."""
        ended = [(run_id, child) for run_id, child in self._children.items() if child.process.poll() is not None]
        for run_id, child in ended:
            del self._children[run_id]
            self._environment.forget(run_id)
            if child.is_stopped:
                continue
            code = child.process.returncode
            if code:
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                self._say(f"run {run_id} failed with {how}")
            self._note(is_failed=code != 0)
        if self._left_count == 0 and not self._children and self._ending is None:
            self._ending = Ending("count", "it has begun as many runs as it was told to")
        return [run_id for run_id, _ in ended]

    def _note(self, *, is_failed: bool) -> None:
        why = self._failures.note(is_failed=is_failed)
        if why is not None and self._ending is None:
            self._ending = Ending("failures", why)

    def _obey(self, orders: Sequence[AgentCommand]) -> None:
        for order in orders:
            if order.kind == "run":
                self._begin(order)
            elif order.kind == "exit":
                self._ending = self._ending or Ending("over", order.reason)
            elif order.run_id in self._children and not self._children[order.run_id].is_stopped:
                self._say(f"run {order.run_id} is stopped: {order.reason}")
                self._children[order.run_id].stop()
        is_idle = not orders and not self._children and self._ending is None and not self._link.is_sweep_gone
        if is_idle and not self._has_told_waiting:
            self._say("waiting for work")
        self._has_told_waiting = is_idle

    def _begin(self, order: AgentCommand) -> None:
        if self._left_count is not None:
            self._left_count -= 1
        variables = self._environment.make(order.run_id, order.params)
        words = self._command.words(order.params, str(self._environment.json_file(order.run_id)))
        self._say(f"run {order.run_id} begins: {subprocess.list2cmdline(words)}")
        try:
            child = _Child(words, merged(environment_of_agents(os.environ), variables))
        except OSError as error:
            self._say(f"run {order.run_id} could not be started: {error}")
            self._environment.forget(order.run_id)
            self._link.report(list(self._children), ended=[order.run_id])
            self._note(is_failed=True)
            return
        self._children[order.run_id] = child

    def _heed_signals(self) -> None:
        """The first one ends the children in order, the second at once."""
        if not self._signals:
            return
        if self._ending is None or self._ending.kind != "interrupted":
            name = signal.Signals(self._signals[0]).name
            self._ending = Ending("interrupted", f"it got {name}")
            if self._children:
                self._say(f"{name}: the runs are stopped; another one kills them")
            for child in self._children.values():
                child.stop()
        if len(self._signals) > 1:
            for child in self._children.values():
                child.kill()

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        def handle_report(number: int, _frame: FrameType | None) -> None:
            self._signals.append(number)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {number: signal.signal(number, handle_report) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


class _Child:
    """One command that runs."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            words,
            env=environ,
            stdin=subprocess.DEVNULL,
            process_group=None if sys.platform == "win32" else 0,
        )
        self._stopped_at: float | None = None

    @property
    def is_stopped(self) -> bool:
        return self._stopped_at is not None

    def stop(self) -> None:
        """Ask it to end; once is enough."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._signal(signal.SIGTERM)

    def kill_if_late(self, delay_s: float) -> None:
        """End it where it was asked to so long ago."""
        if self._stopped_at is not None and time.monotonic() - self._stopped_at > delay_s:
            self.kill()

    def kill(self) -> None:
        """End it and what it started."""
        self._stopped_at = self._stopped_at or time.monotonic()
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _signal(self, number: int) -> None:
        if self.process.returncode is not None:
            return
        if sys.platform == "win32":
            self.process.terminate()
            return
        try:
            os.killpg(self.process.pid, number)  # its leader is not waited for yet: the id cannot be another's
        except ProcessLookupError:
            pass  # all of it has ended
