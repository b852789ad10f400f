"""One sweep as one process knows it: what was decided in it, and what became of its runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from runlake.scheduler.limits import Clock, SweepLimits
from runlake.scheduler.outcome import Outcome
from runlake.store.sweeps.fold import Assignment, Entry
from runlake.store.sweeps.folder import SweepFolder
from runlake.sweep_model import SweepState

if TYPE_CHECKING:
    from runlake.search.plan import SweepPlan

LAST_STATES: dict[SweepState, str] = {"FINISHED": "the sweep is finished", "CANCELED": "the sweep was canceled"}
"""The states in which nothing is handed out any more, in words."""


class OvertakenError(Exception):
    """Somebody else decided something first: what was about to be decided is to be thought over."""


class OpenSweep:
    """One sweep, open. Used as a context: one thread at a time, and nothing decided unread."""

    def __init__(self, folder: SweepFolder, limits: SweepLimits, clock: Clock) -> None:
        self.folder = folder
        self.fold = folder.fold
        self.path = folder.path
        self.limits = limits
        self.clock = clock
        self.outcomes: dict[str, Outcome] = {}
        """Of the runs that are over, as far as this process has seen."""
        self._lock = threading.Lock()
        self._plan: SweepPlan | None = None

    def __enter__(self) -> OpenSweep:
        self._lock.acquire()
        try:
            self.folder.catch_up()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @property
    def plan(self) -> SweepPlan:
        """The configuration, checked."""
        if self._plan is None:
            from runlake.search.configuration import parse_sweep

            self._plan = parse_sweep(self.fold.created.config)
        return self._plan

    def try_decide(self, entry: Entry) -> bool:
        """Make the next entry; False, and everything read, when somebody else was first."""
        if self.folder.decide(entry):
            return True
        self.folder.catch_up()
        return False

    def decide(self, entry: Entry) -> None:
        """Make the next entry; OvertakenError, and everything read, when somebody else was first."""
        if not self.try_decide(entry):
            raise OvertakenError

    def open_claims(self) -> Iterable[Assignment]:
        """The runs that were handed out, and have neither ended (as far as this process knows) nor been given up."""
        return [c for c in self.fold.claims if c.given_up is None and c.entry.run_id not in self.outcomes]

    def is_over(self) -> bool:
        """Whether nothing is handed out any more, because somebody decided so."""
        return self.fold.state in LAST_STATES

    def has_more(self) -> bool:
        """Whether there is something to hand out."""
        fold, plan = self.fold, self.plan
        if fold.state not in ("PENDING", "RUNNING"):
            return False
        if plan.run_cap is not None and fold.run_count >= plan.run_cap:
            return False
        if fold.free or plan.method != "grid":
            return True
        from runlake.search.grid import grid_size

        return fold.next_point < grid_size(plan)
