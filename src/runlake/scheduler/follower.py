"""What becomes of the runs of a sweep: which have ended, which are given up, which are to stop early.

A run that was handed out is *open* until it has ended. When its agent is gone first, or it was preempted, it is given
up, and its parameters go to the next who asks, up to `max_attempts` times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runlake.model import RunInfo
from runlake.scheduler.agent_watch import AgentWatch
from runlake.scheduler.open_sweep import OpenSweep
from runlake.scheduler.outcome import OVER, outcome_of
from runlake.scheduler.runs import RunSource
from runlake.store.sweeps.fold import Assignment, Edited, GivenUp, Stopped
from runlake.store.sweeps.folder import AgentFile
from runlake.sweep_model import AgentReport


class HeardReport(NamedTuple):
    """A report of an agent, and what is known of that agent with it."""

    agent_id: str
    file: AgentFile
    report: AgentReport


class RunFollower:
    """The runs of one sweep, as one process follows them. What it decides may raise `OvertakenError`."""

    def __init__(self, sweep: OpenSweep, runs: RunSource, agents: AgentWatch) -> None:
        self._sweep = sweep
        self._runs = runs
        self._agents = agents
        self.begun: set[str] = set()
        """The runs that were seen: whoever was told to begin them has heard it."""
        self._missing_since: dict[str, float] = {}
        self._looked_at = -sweep.limits.early_stop_every_s
        self._look_at_all_from = 0.0

    def follow(self, heard: HeardReport) -> list[str]:
        """Note which runs have ended, give up those of agents that are gone; the runs that are to be stopped."""
        sweep, agent_id = self._sweep, heard.agent_id
        waiting = {claim.entry.run_id: claim for claim in sweep.open_claims()}
        began_at = sweep.clock.monotonic_s()
        looks_at_all = self._is_time_for_all(waiting, heard.report)
        if not looks_at_all:
            waiting = {run_id: claim for run_id, claim in waiting.items() if claim.entry.agent_id == agent_id}
        owners = {claim.entry.agent_id for claim in waiting.values()}
        gone = {owner: heard.file.has_left if owner == agent_id else self._agents.is_gone(owner) for owner in owners}
        if len(waiting) > sweep.limits.few_runs and not self._asks_for_all():
            ours = {agent_id, *(owner for owner in owners if gone[owner])}
            waiting = {run_id: claim for run_id, claim in waiting.items() if claim.entry.agent_id in ours}
        few_runs = sweep.limits.few_runs
        found = {run.run_id: run for run in self._runs.find_by_id(sweep.path, waiting, few_runs=few_runs)}
        self.begun.update(run.run_id for run in found.values() if run.state != "pending")
        running = [run for run in found.values() if run.state not in OVER]
        for run_id, claim in waiting.items():
            self._follow(claim, found.get(run_id), heard, is_agent_gone=gone[claim.entry.agent_id])
        if looks_at_all:
            self._stop_early(running)
            self._look_at_all_from = self._next_look_at_all(began_at)
        # Asked of the ledger, not of what was decided just now: who decided may have been killed before saying so.
        is_canceled = sweep.fold.state == "CANCELED"
        stopped = [run for run in running if is_canceled or waiting[run.run_id].stop_reason is not None]
        return [run.run_id for run in stopped if not run.stop_requested]

    def _is_time_for_all(self, waiting: Mapping[str, Assignment], report: AgentReport) -> bool:
        """Whether it matters now what became of the runs of other agents: seldom, where there are many."""
        sweep = self._sweep
        learns = report.wanted_count > 0 and sweep.plan.method == "bayes"
        is_time = sweep.clock.monotonic_s() >= self._look_at_all_from
        return is_time or learns or len(waiting) <= sweep.limits.few_runs or sweep.fold.state == "CANCELED"

    def _next_look_at_all(self, began_at: float) -> float:
        now, limits = self._sweep.clock.monotonic_s(), self._sweep.limits
        pause_s = max((now - began_at) / limits.look_share, limits.look_every_s)
        return now + min(pause_s, limits.look_at_least_every_s)

    def _asks_for_all(self) -> bool:
        """Whether it matters what became of the runs of agents that live."""
        plan = self._sweep.plan
        return plan.method == "bayes" or plan.early_terminate is not None or not self._sweep.has_more()

    def _follow(self, claim: Assignment, run: RunInfo | None, heard: HeardReport, *, is_agent_gone: bool) -> None:
        if run is None or run.state == "pending":
            self._follow_unbegun(claim, heard, is_agent_gone=is_agent_gone)
        elif run.state in OVER:
            if claim.entry.agent_id == heard.agent_id and run.run_id in heard.report.running:
                return  # its agent knows better: it may have been silent for a while
            is_lost = run.state in ("crashed", "killed", "preempted") and claim.stop_reason is None
            if run.state == "preempted" and is_lost:
                self._give_up(claim, "it was preempted")
            elif is_agent_gone and is_lost:
                self._give_up(claim, f"its agent is gone, and it {run.state}")
            else:
                self._settle(claim, run)

    def _follow_unbegun(self, claim: Assignment, heard: HeardReport, *, is_agent_gone: bool) -> None:
        run_id, limits = claim.entry.run_id, self._sweep.limits
        if is_agent_gone:
            self._give_up(claim, "its agent was gone before it began")
        elif claim.entry.agent_id == heard.agent_id and run_id not in heard.report.running:
            if run_id in heard.file.reported:
                now = self._sweep.clock.monotonic_s()
                if now - self._missing_since.setdefault(run_id, now) > limits.begin_grace_s:
                    self._give_up(claim, "it ended before it had begun to log", is_free=False)
            elif heard.file.offers.get(run_id, 0) >= limits.max_offers:
                reason = f"it did not begin, though it was handed out {limits.max_offers} times"
                self._give_up(claim, reason, is_free=False)

    def _give_up(self, claim: Assignment, reason: str, *, is_free: bool = True) -> None:
        sweep = self._sweep
        is_free = is_free and claim.entry.attempt < sweep.limits.max_attempts
        sweep.decide(GivenUp(at=sweep.clock.now_s(), run_id=claim.entry.run_id, reason=reason, is_free=is_free))

    def _settle(self, claim: Assignment, run: RunInfo) -> None:
        sweep = self._sweep
        outcome = outcome_of(sweep.plan, run, is_stopped=claim.stop_reason is not None)
        metric = sweep.plan.metric
        if metric and outcome.value is not None and metric.is_reached_by(outcome.value) and not sweep.is_over():
            reason = f"run {run.run_id} reached the target: {metric.name} = {outcome.value:g}"
            sweep.decide(Edited(at=sweep.clock.now_s(), state="FINISHED", reason=reason))
        sweep.outcomes[run.run_id] = outcome

    def _stop_early(self, running: Sequence[RunInfo]) -> None:
        sweep = self._sweep
        plan, by_run, now = sweep.plan, sweep.fold.by_run, sweep.clock.monotonic_s()
        candidates = {run.run_id for run in running if run.row_count and by_run[run.run_id].stop_reason is None}
        is_soon = now - self._looked_at < sweep.limits.early_stop_every_s
        if plan.early_terminate is None or not candidates or is_soon:
            return
        from runlake.search.early_stop import runs_to_stop

        assert plan.metric is not None, "a plan that stops runs early has a metric"
        self._looked_at = now
        values = self._runs.metric_values(sweep.path, plan.metric.name)
        for run_id in sorted(candidates & runs_to_stop(plan, values)):
            reason = "others did better after as many values"
            sweep.decide(Stopped(at=sweep.clock.now_s(), run_id=run_id, reason=reason))
