"""An agent that calls a function of this process, once for each run, in the main thread.

While the function runs, a quiet thread reports; when the sweep wants the run to stop, it does what Ctrl-C does.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from runlake.agents.environment import RunEnvironment, applied
from runlake.agents.failures import Failures
from runlake.agents.link import AgentLink, Ending, Say
from runlake.errors import RunlakeError
from runlake.model import State
from runlake.sdk.exit_hooks import exit_code_of, interrupt_main_thread
from runlake.sdk.process.active import session
from runlake.sdk.run.run import Run
from runlake.sweep_model import AgentCommand

Function = Callable[[], Any]
_INTERRUPTED = Ending("interrupted", "it was interrupted")


class FunctionAgent:
    """One agent; `run` returns when the sweep is over, or there is another reason to end."""

    def __init__(
        self,
        link: AgentLink,
        environment: RunEnvironment,
        failures: Failures,
        function: Function,
        *,
        count: int | None,
        say: Say,
    ) -> None:
        self._link, self._environment, self._failures, self._say = link, environment, failures, say
        self._function, self._count = function, count
        self._begun_count = 0
        self._exit: AgentCommand | None = None
        self._has_told_no_run = False
        self._call: _Call | None = None

    def run(self) -> Ending:
        """Do one run after the other, and leave."""
        with self._ctrl_c_heard():
            try:
                return self._work()
            except KeyboardInterrupt:
                return _INTERRUPTED
            finally:
                self._link.leave()

    def _work(self) -> Ending:
        ended: tuple[str, ...] = ()
        has_told_waiting = False
        while True:
            orders = self._link.report(ended=ended, wanted_count=1)
            ended = ()
            self._heed_exit(orders)
            order = next((order for order in orders if order.kind == "run"), None)
            if self._exit is not None:
                return Ending("over", self._exit.reason)
            if self._link.is_sweep_gone:
                return Ending("deleted", "the sweep is gone")
            if order is None:
                if not has_told_waiting:
                    self._say("waiting for work")
                has_told_waiting = True
                time.sleep(self._link.interval_s)
                continue
            has_told_waiting = False
            self._begun_count += 1
            ending = self._do(order)
            if ending is None and self._begun_count == self._count:
                ending = Ending("count", f"it has begun {self._count} runs")
            if ending is not None:
                self._link.report(ended=(order.run_id,))
                return ending
            ended = (order.run_id,)

    def _do(self, order: AgentCommand) -> Ending | None:
        """One run; why the agent is to end then, if it is."""
        session.end_all(0)  # what was begun before does not take the place of this run
        before = session.run
        self._say(f"run {order.run_id} begins with {order.params}")
        call = self._call = _Call(order.run_id)
        reporter = threading.Thread(target=self._report_on, args=(call,), name="runlake-agent", daemon=True)
        with applied(self._environment.make(order.run_id, order.params)):
            reporter.start()
            try:
                call.make(self._function)
            finally:
                call.is_over.set()
                session.end_all(call.exit_code, call.state)
                reporter.join()
                self._environment.forget(order.run_id)
        if call.is_interrupted:
            return _INTERRUPTED
        if call.stop_reason is not None:
            self._say(f"run {order.run_id} was stopped: {call.stop_reason}")
            return None
        if session.run is before and not call.exit_code and not self._has_told_no_run:
            self._has_told_no_run = True
            self._say("the function did not call runlake.init(), so nothing is known of its run; said once")
        why = self._failures.note(is_failed=call.exit_code != 0)
        return None if why is None else Ending("failures", why)

    def _report_on(self, call: _Call) -> None:
        while not call.is_over.wait(self._link.interval_s):
            try:
                orders = self._link.report((call.run_id,))
            except RunlakeError as error:  # the main thread meets it at its next report
                self._say(f"the agent could not report: {error}")
                return
            self._heed_exit(orders)
            for order in orders:
                if order.kind == "stop" and order.run_id == call.run_id:
                    call.stop(order.reason)

    @contextmanager
    def _ctrl_c_heard(self) -> Iterator[None]:
        """Also where Ctrl-C is ignored, as in a job in the background of a shell: by it runs are stopped."""
        before = signal.getsignal(signal.SIGINT)
        handler = before if callable(before) else signal.default_int_handler

        def handle_report(number: int, frame: FrameType | None) -> Any:
            if self._call is not None:
                self._call.handle_report()
            return handler(number, frame)

        signal.signal(signal.SIGINT, handle_report)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)

    def _heed_exit(self, orders: tuple[AgentCommand, ...]) -> None:
        self._exit = next((order for order in orders if order.kind == "exit"), self._exit)


class _Call:
    """One call of the function, and how it ended."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.is_over = threading.Event()
        self.exit_code = 0
        self.state: State | None = None
        self.stop_reason: str | None = None
        self.is_interrupted = False
        self._lock = threading.Lock()
        self._is_inside = True

    def make(self, function: Function) -> None:
        """Call the function; whatever it raises is kept here."""
        try:
            function()
        except KeyboardInterrupt:
            self.note_interrupt()
        except SystemExit as error:
            self.exit_code = exit_code_of(error)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.exit_code = 1
        finally:
            self._leave()

    def stop(self, reason: str) -> None:
        """Called from another thread: the function is to end. Nothing happens once it has ended."""
        with self._lock:
            if not self._is_inside or self.stop_reason is not None:
                return
            self.stop_reason = reason
            run = self._run
            if run is not None and run.state == "running":
                session.stop(run)
            else:
                interrupt_main_thread()

    def handle_report(self) -> None:
        """The function gets a KeyboardInterrupt; the run that it ends by that, unless it is handled, was killed."""
        run = self._run
        if run is not None:
            run.is_interrupted = True

    def note_interrupt(self) -> None:
        """The function was ended by a KeyboardInterrupt: because its run was to stop, else because of Ctrl-C."""
        run = self._run
        if self.stop_reason is None:
            if run is not None and run.is_stop_requested:
                self.stop_reason = "somebody asked the run to stop"
            else:
                self.is_interrupted = True
        self.exit_code, self.state = 255, "killed"

    @property
    def _run(self) -> Run | None:
        """The run that the function has begun."""
        run = session.run
        return run if run is not None and run.id == self.run_id else None

    def _leave(self) -> None:
        """From here on nobody interrupts the main thread any more; an interrupt on its way arrives in here."""
        while True:
            try:
                with self._lock:
                    self._is_inside = False
                time.sleep(0)
                return
            except KeyboardInterrupt:
                self.note_interrupt()
