"""The entries of a sweep's ledger, and what they come to; pure.

Decided once and for all are: who got which run with which parameters, which of these were given up and are free again,
the sweep's state, which runs are to stop early. What becomes of a run is the run's to say, and not in here.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from runlake.ready import ready
from runlake.sweep_model import SweepState

Params = dict[str, Any]


class Created(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="create"):
    """The first entry. `config` is the checked configuration, `excluded_points` those of a grid that prior runs had."""

    at: float
    config: dict[str, Any]
    seed: int
    name: str
    user: str | None = None
    prior_run_ids: tuple[str, ...] = ()
    excluded_points: tuple[int, ...] = ()


class Joined(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="join"):
    """An agent came."""

    at: float
    agent_id: str
    host: str | None = None
    process: str | None = None


class Assigned(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="claim"):
    """An agent got a run. `point` counts the points of a grid; `attempt` those who got these parameters, from 1 on."""

    at: float
    run_id: str
    agent_id: str
    params: Params
    point: int | None = None
    attempt: int = 1


class GivenUp(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="give_up"):
    """The agent of a run was gone before the run had ended; with `is_free` another one is to get its parameters."""

    at: float
    run_id: str
    reason: str
    is_free: bool = True


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="stop"):
    """A run is to end early: it does not do well enough."""

    at: float
    run_id: str
    reason: str


class Edited(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="edit"):
    """The sweep's state, name or description were changed, by a person or because there is nothing left to do."""

    at: float
    state: SweepState | None = None
    name: str | None = None
    description: str | None = None
    reason: str = ""


Entry = Created | Joined | Assigned | GivenUp | Stopped | Edited


class Assignment(msgspec.Struct):
    """One run that was handed out. `number` counts them from 0."""

    number: int
    entry: Assigned
    given_up: GivenUp | None = None
    stop_reason: str | None = None


class SweepFold:
    """What the entries so far come to; `created` must be among them before anything else is asked."""

    def __init__(self) -> None:
        self.next_entry = 1
        self.claims: list[Assignment] = []
        self.by_run: dict[str, Assignment] = {}
        self.agents: dict[str, Joined] = {}
        self.free: deque[Assignment] = deque()
        """Claims that were given up and are to be handed out again, the oldest first."""
        self.next_point = 0
        """The first point of a grid that nobody got yet."""
        self.state: SweepState = "PENDING"
        self.reason = ""
        self.name: str | None = None
        self.description: str | None = None
        self.updated_at = 0.0
        self._created: Created | None = None

    @property
    def is_created(self) -> bool:
        return self._created is not None

    @property
    def created(self) -> Created:
        assert self._created is not None, "a sweep begins with the entry that makes it"
        return self._created

    @property
    def run_count(self) -> int:
        """The runs that were handed out and count: those that another attempt replaces do not."""
        return sum(1 for claim in self.claims if claim.given_up is None or not claim.given_up.is_free)

    def take(self, number: int, body: dict[str, Any]) -> None:
        """Add the next entry. What a later version added to the kinds is passed over."""
        self.next_entry = number + 1
        try:
            entry: Entry = msgspec.convert(body, ready(Entry))
        except msgspec.ValidationError:
            return
        self.updated_at = entry.at
        match entry:
            case Created():
                self._created = self._created or entry
                self.description = entry.config.get("description")
                self._pass_excluded()
            case Joined():
                self.agents[entry.agent_id] = entry
            case Assigned():
                self._take_claim(entry)
            case GivenUp():
                self._give_up(entry)
            case Stopped():
                if entry.run_id in self.by_run:
                    self.by_run[entry.run_id].stop_reason = entry.reason
            case Edited():
                if entry.state is not None:
                    self.state, self.reason = entry.state, entry.reason
                self.name = entry.name or self.name
                self.description = self.description if entry.description is None else entry.description

    def _take_claim(self, entry: Assigned) -> None:
        if self.free and entry.attempt > 1:
            self.free.popleft()
        elif entry.point is not None:
            self.next_point = entry.point + 1
            self._pass_excluded()
        claim = Assignment(number=len(self.claims), entry=entry)
        self.claims.append(claim)
        self.by_run[entry.run_id] = claim
        if self.state == "PENDING":
            self.state = "RUNNING"

    def _give_up(self, entry: GivenUp) -> None:
        claim = self.by_run.get(entry.run_id)
        if claim is not None and claim.given_up is None:
            claim.given_up = entry
            if entry.is_free:
                self.free.append(claim)

    def _pass_excluded(self) -> None:
        while self.next_point in self.created.excluded_points:
            self.next_point += 1
