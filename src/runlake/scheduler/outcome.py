"""What a sweep learns from one of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from runlake.model import RunInfo, State
from runlake.query.rows.metric import metric_of

if TYPE_CHECKING:
    from runlake.search.plan import SweepPlan

OVER: frozenset[State] = frozenset({"finished", "failed", "killed", "crashed", "preempted"})
"""The states of runs that are over, as far as can be seen."""


class Outcome(msgspec.Struct, frozen=True):
    """The value of the metric, None where there is none that counts."""

    value: float | None
    state: Literal["running", "finished", "failed"]


RUNNING = Outcome(value=None, state="running")


def outcome_of(plan: SweepPlan, run: RunInfo, *, is_stopped: bool) -> Outcome:
    """The outcome of a run; one that the sweep stopped early counts with what it had come to."""
    if run.state not in OVER:
        return RUNNING
    if run.state != "finished" and not is_stopped:
        return Outcome(value=None, state="failed")
    return Outcome(
        value=metric_of(run, plan.metric.name, plan.metric.goal) if plan.metric is not None else None,
        state="finished",
    )
