"""Who gets which run of a sweep: what an agent that reports is told.

Whoever asks, in whatever process, decides for itself (`store.ledger` keeps two from deciding the same): an agent
that reports is told what to stop, and when it has room gets the next parameters. There is no scheduler process.
"""

from __future__ import annotations

from runlake.errors import BadValueError, NotFoundError
from runlake.names import new_run_id
from runlake.scheduler.agent_watch import AgentWatch
from runlake.scheduler.follower import HeardReport, RunFollower
from runlake.scheduler.open_sweep import LAST_STATES, OpenSweep, OvertakenError
from runlake.scheduler.runs import RunSource
from runlake.scheduler.trials import Trials
from runlake.store.sweeps.fold import Assigned, Edited
from runlake.store.sweeps.folder import AgentFile
from runlake.sweep_model import AgentCommand, AgentReport


class Scheduler:
    """Hands out the runs of one sweep. `sweep` must be entered while a report is handled."""

    def __init__(self, sweep: OpenSweep, runs: RunSource) -> None:
        self.sweep = sweep
        self._agents = AgentWatch(sweep)
        self._follower = RunFollower(sweep, runs, self._agents)
        self._trials = Trials(sweep, runs)
        self._idle_since: dict[str, float] = {}

    def handle_report(self, agent_id: str, report: AgentReport) -> tuple[list[str], tuple[AgentCommand, ...]]:
        """Runs that are to be stopped, whoever runs them, and what this agent is to do."""
        sweep = self.sweep
        if agent_id not in sweep.fold.agents:
            raise NotFoundError(f"sweep {sweep.path} has no agent {agent_id!r}; join it first")
        if report.wanted_count < 0:
            raise BadValueError(f"an agent cannot want {report.wanted_count} runs")
        file = sweep.folder.read_agent(agent_id)
        file.running = list(report.running)
        file.reported = sorted({*file.reported, *report.running, *report.ended})
        file.has_left = report.is_leaving
        sweep.folder.write_agent(agent_id, file)  # at once: what follows may take its time, and others watch
        while True:
            try:
                stopped = self._follower.follow(HeardReport(agent_id, file, report))
                orders = [] if file.has_left else self._orders(agent_id, file, report)
            except OvertakenError:
                continue
            return stopped, tuple(orders)

    def _orders(self, agent_id: str, file: AgentFile, report: AgentReport) -> list[AgentCommand]:
        orders = [order for run_id in report.running if (order := self._stop_order(agent_id, run_id)) is not None]
        state = self.sweep.fold.state
        if state == "CANCELED":
            return [*orders, AgentCommand(kind="exit", reason=self._why_over())]
        wanted_count = min(report.wanted_count, self.sweep.limits.max_new_runs)
        begun = self._offered_again(agent_id, file)[:wanted_count]
        while len(begun) < wanted_count and (claim := self._next_claim(agent_id)) is not None:
            begun.append(AgentCommand(kind="run", run_id=claim.run_id, params=claim.params))
        for order in begun:
            file.offers[order.run_id] = file.offers.get(order.run_id, 0) + 1
        if begun:
            self.sweep.folder.write_agent(agent_id, file)
        if begun or report.running or not report.wanted_count or state == "PAUSED":
            self._idle_since.pop(agent_id, None)
            return orders + begun
        return [*orders, *self._nothing_left(agent_id)]

    def _stop_order(self, agent_id: str, run_id: str) -> AgentCommand | None:
        claim = self.sweep.fold.by_run.get(run_id)
        if claim is None:
            return None
        reason = claim.stop_reason
        if claim.given_up is not None or claim.entry.agent_id != agent_id:
            reason = "it was given up, because nothing was heard of this agent"
        if self.sweep.fold.state == "CANCELED":
            reason = self._why_over()
        return None if reason is None else AgentCommand(kind="stop", run_id=run_id, reason=reason)

    def _offered_again(self, agent_id: str, file: AgentFile) -> list[AgentCommand]:
        """Runs that this agent was told to begin, and never spoke of: the answer that said so may have been lost."""
        spoken_of = {*file.reported, *self._follower.begun}
        return [
            AgentCommand(kind="run", run_id=claim.entry.run_id, params=claim.entry.params)
            for claim in self.sweep.open_claims()
            if claim.entry.agent_id == agent_id and claim.entry.run_id not in spoken_of
        ]

    def _nothing_left(self, agent_id: str) -> list[AgentCommand]:
        """An agent without work leaves: at once when all has ended, or when it has waited for long.

        It stays while a run goes on whose agent is gone: when that run crashes, its parameters are to be run again.
        """
        sweep = self.sweep
        is_over = sweep.is_over()
        if not is_over and not sweep.open_claims():
            sweep.decide(Edited(at=sweep.clock.now_s(), state="FINISHED", reason=self._why_exhausted()))
            is_over = True
        now = sweep.clock.monotonic_s()
        idle_s = now - self._idle_since.setdefault(agent_id, now)
        if is_over or (idle_s > sweep.limits.silence_s and not self._has_orphans()):
            return [AgentCommand(kind="exit", reason=self._why_over() if is_over else "others run all that is left")]
        return []

    def _has_orphans(self) -> bool:
        return any(map(self._agents.is_gone, {claim.entry.agent_id for claim in self.sweep.open_claims()}))

    def _why_over(self) -> str:
        fold = self.sweep.fold
        said = LAST_STATES.get(fold.state, "")
        return f"{said}: {fold.reason}" if fold.reason else said

    def _why_exhausted(self) -> str:
        run_cap = self.sweep.plan.run_cap
        if run_cap is not None and self.sweep.fold.run_count >= run_cap:
            return f"its run_cap of {run_cap} is reached"
        return "every point of the grid was run"

    def _next_claim(self, agent_id: str) -> Assigned | None:
        """Hand out the next parameters; None when there are none (now)."""
        sweep = self.sweep
        fold, plan = sweep.fold, sweep.plan
        if not sweep.has_more():
            return None
        point, attempt = None, 1
        if fold.free:
            again = fold.free[0].entry
            params, point, attempt = again.params, again.point, again.attempt + 1
        elif plan.method == "grid":
            from runlake.search.grid import grid_point

            point = fold.next_point
            params = grid_point(plan, point)
        else:
            from runlake.search.propose import propose

            trials = self._trials.read() if plan.method == "bayes" else []
            params = propose(plan, len(fold.claims), trials, seed=fold.created.seed)
        at, run_id = sweep.clock.now_s(), new_run_id()
        claim = Assigned(at=at, run_id=run_id, agent_id=agent_id, params=params, point=point, attempt=attempt)
        sweep.decide(claim)
        return claim
