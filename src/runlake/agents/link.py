"""One agent and its sweep: what is reported, what is ordered, and patience with a server that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

from runlake.errors import BusyError, NotFoundError, RunlakeError, UnreachableError
from runlake.service.contract import Service
from runlake.settings import Settings
from runlake.store.process_id import own_process_id
from runlake.sweep_model import AgentCommand, AgentReport, AgentStart, SweepPath

Say = Callable[[str], None]
PASSING = (BusyError, UnreachableError, OSError)
"""What is waited for: a server that is down or busy, a disk that is full or away."""

T = TypeVar("T")


class Ending(NamedTuple):
    """Why an agent ended: the sweep is over, the agent has begun as many runs as it was to, …; `reason` for people."""

    kind: Literal["over", "count", "failures", "interrupted", "deleted"]
    reason: str


class AgentLink:
    """Speaks for one agent, once it has joined. Threads may share it: one report at a time.

    `NotFoundError` where there is no such sweep.
    """

    def __init__(self, service: Service, path: SweepPath, settings: Settings, *, say: Say) -> None:
        self.path = path
        self.is_sweep_gone = False
        self.interval_s = settings.agent_interval_s
        self._service, self._say = service, say
        self._lock = threading.Lock()
        self._untold: list[str] = []
        self._is_in_trouble = False
        self._host = settings.host
        self.agent_id = ""
        self.sweep = self._patiently(lambda: service.read_sweep(path))

    def join(self) -> None:
        """Become an agent of the sweep."""
        start = AgentStart(host=self._host, process=own_process_id())
        self.agent_id = self._patiently(lambda: self._service.join_sweep(self.path, start).agent_id)

    def report(
        self, running: Sequence[str] = (), *, ended: Sequence[str] = (), wanted_count: int = 0, is_leaving: bool = False
    ) -> tuple[AgentCommand, ...]:
        """Say what runs and what ended; what is to be done. Nothing while the store cannot be asked.

        When the sweep is gone, `is_sweep_gone` says so from then on.
        """
        with self._lock:
            self._untold += ended
            if self.is_sweep_gone:
                return ()
            report = AgentReport(
                running=tuple(running),
                ended=tuple(self._untold),
                wanted_count=wanted_count,
                is_leaving=is_leaving,
            )
            try:
                orders = self._service.report_agent(self.path, self.agent_id, report)
            except NotFoundError as error:
                self.is_sweep_gone = True
                self._say(f"the sweep is gone, so this agent ends after what it runs now ({error})")
                return ()
            except PASSING as error:
                self._tell_trouble(error)
                return ()
            self._tell_no_trouble()
            self._untold.clear()
            return orders

    def leave(self) -> None:
        """Say goodbye; where that cannot be said now, the silence says it later."""
        try:
            self.report(is_leaving=True)
        except RunlakeError as error:
            self._say(f"the sweep could not be told that the agent left ({error})")

    def _patiently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                answer = ask()
            except PASSING as error:
                self._tell_trouble(error)
                time.sleep(self.interval_s)
                continue
            self._tell_no_trouble()
            return answer

    def _tell_trouble(self, error: Exception) -> None:
        if not self._is_in_trouble:
            self._say(f"the sweep cannot be asked now, and the agent waits ({error})")
        self._is_in_trouble = True

    def _tell_no_trouble(self) -> None:
        if self._is_in_trouble:
            self._say("the sweep can be asked again")
        self._is_in_trouble = False
