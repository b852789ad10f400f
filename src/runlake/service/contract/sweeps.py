"""The verbs of sweeps and their agents."""

from __future__ import annotations

from typing import Protocol

from runlake.sweep_model import (
    AgentCommand,
    AgentInfo,
    AgentReport,
    AgentStart,
    SweepEdit,
    SweepInfo,
    SweepPath,
    SweepStart,
)


class SweepVerbs(Protocol):
    """Sweeps, and what agents are told."""

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        """A new sweep. `SweepConfigError` names all that is wrong with its configuration.

        `ConflictError` for an id that is taken, `NotFoundError` for a prior run that is not there.
        """
        ...

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        """The sweeps of a project, oldest first."""
        ...

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        """One sweep, as of now; its runs are those that `list_runs` finds by ``{"sweep": sweep_id}``."""
        ...

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        """Pause, resume, finish or cancel it, or name it anew. `ConflictError` for a canceled one."""
        ...

    def delete_sweep(self, path: SweepPath) -> None:
        """Remove it; its runs stay, and its agents find that it is gone."""
        ...

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        """A new agent of a sweep: the one who will begin its runs, and report."""
        ...

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        """What an agent says of itself, at least every few seconds, and what it is to do.

        No parameters are handed out twice and none are forgotten, however many ask: those of an agent that is gone
        before its run has ended go to another. A run of which this agent has not spoken yet is handed to it again, so
        an answer that got lost costs nothing. No orders: wait, and report again.
        """
        ...
