"""The words of a sweep as frozen values: a search for good parameters, made of runs that agents are told to begin.

Loads msgspec and nothing heavier.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

SweepState = Literal["PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"]
"""In capitals, as W&B has them. PENDING: no agent has asked yet; FINISHED: nothing is handed out any more, what runs
goes on; CANCELED: what runs is stopped too."""

OrderKind = Literal["run", "stop", "exit"]
AgentState = Literal["running", "finished", "crashed"]


class SweepPath(NamedTuple):
    """Where a sweep lives: ``entity/project/sweep_id``."""

    entity: str
    project: str
    sweep_id: str

    def __str__(self) -> str:
        return "/".join(self)


class SweepStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep begins with: its configuration as `search.configuration` has it.

    `prior_run_ids` are runs of the project that the search learns from. The same `seed` proposes the same parameters.
    """

    config: dict[str, Any]
    sweep_id: str | None = None
    name: str | None = None
    user: str | None = None
    prior_run_ids: tuple[str, ...] = ()
    seed: int | None = None


class SweepEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a sweep; everything left out stays as it is."""

    state: SweepState | None = None
    name: str | None = None
    description: str | None = None


class AgentStart(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that joins. `process` is its `store.process_id`, by which its death is seen at once on one machine."""

    host: str | None = None
    process: str | None = None


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One agent of a sweep; times in seconds since 1970 (UTC)."""

    agent_id: str
    host: str | None
    state: AgentState
    run_ids: tuple[str, ...]
    created_at: float
    heartbeat_at: float


class AgentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of itself every few seconds: what it runs, and how many runs more it would begin now.

    `ended` are runs that ended since the last report. Of `wanted_count` at most a hundred come in one answer; who wants
    more asks again, with those `running`. An agent that `is_leaving` runs nothing any more.
    """

    running: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    wanted_count: int = 0
    is_leaving: bool = False


class AgentCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is to do: begin the run `run_id` with `params`, stop it, or leave. `reason` is for people."""

    kind: OrderKind
    run_id: str = ""
    params: dict[str, Any] = {}
    reason: str = ""


class SweepInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep as a reader sees it. `config` is the whole configuration; times in seconds since 1970 (UTC).

    `run_count` are the runs that were handed out and not given up; `expected_run_count` how many there will be, None
    where that is open.
    """

    entity: str
    project: str
    sweep_id: str
    name: str
    state: SweepState
    config: dict[str, Any]
    description: str | None = None
    user: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0
    run_count: int = 0
    expected_run_count: int | None = None
    prior_run_ids: tuple[str, ...] = ()
    agents: tuple[AgentInfo, ...] = ()
    seed: int = 0
    reason: str = ""

    @property
    def path(self) -> SweepPath:
        return SweepPath(self.entity, self.project, self.sweep_id)
