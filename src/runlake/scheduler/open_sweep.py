"""Who gets which run of a sweep: what one process knows of it, and what an agent that reports is told.

Whoever asks, in whatever process, decides for itself (`sweeps.ledger` keeps two from deciding the same): an agent that
reports is told what to stop, and when it has room gets the next parameters. There is no scheduler process.

A run that was handed out is *open* until it has ended. When its agent is gone first, or it was preempted, it is given
up, and its parameters go to the next who asks, up to `MAX_ATTEMPTS` times. An agent is gone when it has left, when its
process has ended (which is seen on one machine only), or when it said nothing for `SILENCE_S` while somebody watched
(`HANGING_S` where its process is seen to live).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from runlake.errors import BadValueError, NotFoundError
from runlake.model import RunInfo, RunPath
from runlake.names import new_run_id
from runlake.scheduler.outcome import OVER, RUNNING, Outcome, outcome_of
from runlake.store.process_id import is_gone, lives_here
from runlake.store.sweeps.fold import Assigned, Assignment, Edited, Entry, GivenUp, Stopped
from runlake.store.sweeps.folder import AgentFile, SweepFolder
from runlake.sweep_model import AgentCommand, AgentInfo, AgentReport, SweepInfo, SweepPath, SweepState

if TYPE_CHECKING:
    from runlake.search.plan import SweepPlan
    from runlake.search.propose import Trial

SILENCE_S = 60.0
"""An agent that said nothing for so long is taken for gone. The official one speaks every five seconds."""

HANGING_S = 600.0
"""One whose process is seen to live, on this machine, may just be slow: it has this long."""

MAX_ATTEMPTS = 3
"""How many agents may lose their lives over the same parameters."""

BEGIN_GRACE_S = 15.0
"""A run that ended at its agent may not be here yet: what is shipped comes a little later."""

MAX_OFFERS = 3
"""How often an agent is told to begin a run of which nothing is ever heard."""

EARLY_STOP_EVERY_S = 5.0
"""Whether runs are to stop early is looked at no more often: it reads a metric of all of them."""

FEW_RUNS = 8
"""Of so many runs each is read by itself: a listing of the project costs about as much."""

LOOK_EVERY_S = 1.0
LOOK_AT_LEAST_EVERY_S = 10.0
LOOK_SHARE = 0.05
"""How often the runs of all agents are looked at, where they are more than a few: no oftener than that takes this share
of the time, and in these limits. An agent's own runs are looked at with each of its reports."""

_LAST: dict[SweepState, str] = {"FINISHED": "the sweep is finished", "CANCELED": "the sweep was canceled"}


class Runs:
    """What sweeps ask of the runs of a store; `LocalService` has it."""

    def __init__(
        self,
        *,
        find: Callable[[str, str, Mapping[str, Any]], Sequence[RunInfo]],
        read: Callable[[RunPath], RunInfo | None],
        stop: Callable[[RunPath], None],
        metric_values: Callable[[SweepPath, str], Mapping[str, Sequence[float]]],
    ) -> None:
        self.find = find
        """The runs of (entity, project) that match a filter, as of now."""
        self.read = read
        """One run as of now, None when it is not there."""
        self.stop = stop
        """Asks a run to stop."""
        self.metric_values = metric_values
        """Of each run of a sweep the values of one metric in the order they were logged."""


class _Lost(Exception):
    """Somebody else decided something first."""


class OpenSweep:
    """One sweep as one process knows it. Used as a context: one thread at a time, and nothing decided unread."""

    def __init__(self, folder: SweepFolder, runs: Runs) -> None:
        self.folder = folder
        self.fold = folder.fold
        self._runs = runs
        self._lock = threading.Lock()
        self._plan: SweepPlan | None = None
        self._outcomes: dict[str, Outcome] = {}
        """Of the runs that are over."""
        self._begun: set[str] = set()
        """The runs that were seen: whoever was told to begin them has heard it."""
        self._missing_since: dict[str, float] = {}
        self._prior: list[Trial] | None = None
        self._heard: dict[str, tuple[int, float]] = {}
        """Of each agent how many reports of it were seen, and when (monotonic) the last one came."""
        self._idle_since: dict[str, float] = {}
        self._looked_at = -EARLY_STOP_EVERY_S
        self._look_at_all_from = 0.0

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

    def decide(self, entry: Entry) -> bool:
        """Make the next entry; False, and everything read, when somebody else was first."""
        if self.folder.decide(entry):
            return True
        self.folder.catch_up()
        return False

    def open_claims(self) -> Iterable[Assignment]:
        """The runs that were handed out, and have neither ended (as far as this process knows) nor been given up."""
        return [c for c in self.fold.claims if c.given_up is None and c.entry.run_id not in self._outcomes]

    # What a reader sees

    def describe(self) -> SweepInfo:
        """The sweep as a reader sees it."""
        fold, created, path = self.fold, self.fold.created, self.folder.path
        return SweepInfo(
            entity=path.entity,
            project=path.project,
            sweep_id=path.sweep_id,
            name=fold.name or created.name,
            state=fold.state,
            config=created.config,
            description=fold.description,
            user=created.user,
            created_at=created.at,
            updated_at=fold.updated_at,
            run_count=fold.run_count,
            expected_run_count=self._expected_run_count(),
            prior_run_ids=created.prior_run_ids,
            agents=tuple(self.describe_agent(agent_id) for agent_id in fold.agents),
            seed=created.seed,
            reason=fold.reason,
        )

    def describe_agent(self, agent_id: str) -> AgentInfo:
        """One agent as a reader sees it; this process may not have watched it, so clocks are believed here."""
        joined, file = self.fold.agents[agent_id], self.folder.read_agent(agent_id)
        heard_at = file.at or joined.at
        is_silent = is_gone(joined.process) or time.time() - heard_at > SILENCE_S
        return AgentInfo(
            agent_id=agent_id,
            host=joined.host,
            state="finished" if file.has_left else "crashed" if is_silent else "running",
            run_ids=tuple(c.entry.run_id for c in self.fold.claims if c.entry.agent_id == agent_id),
            created_at=joined.at,
            heartbeat_at=heard_at,
        )

    def _expected_run_count(self) -> int | None:
        limits = [] if self.plan.run_cap is None else [self.plan.run_cap]
        if self.plan.method == "grid":
            from runlake.search.grid import grid_size

            limits.append(grid_size(self.plan) - len(self.fold.created.excluded_points))
        return min(limits, default=None)

    # What an agent is told

    def handle_report(self, agent_id: str, report: AgentReport) -> tuple[list[str], tuple[AgentCommand, ...]]:
        """Runs that are to be stopped, whoever runs them, and what this agent is to do."""
        if agent_id not in self.fold.agents:
            raise NotFoundError(f"sweep {self.folder.path} has no agent {agent_id!r}; join it first")
        if report.wanted_count < 0:
            raise BadValueError(f"an agent cannot want {report.wanted_count} runs")
        file = self.folder.read_agent(agent_id)
        file.running = list(report.running)
        file.reported = sorted({*file.reported, *report.running, *report.ended})
        file.has_left = report.is_leaving
        self.folder.write_agent(agent_id, file)  # at once: what follows may take its time, and others watch
        while True:
            try:
                stopped = self._follow_runs(agent_id, file, report)
                orders = [] if file.has_left else self._orders(agent_id, file, report)
            except _Lost:
                continue
            return stopped, tuple(orders)

    def _decide(self, entry: Entry) -> None:
        if not self.decide(entry):
            raise _Lost

    def _orders(self, agent_id: str, file: AgentFile, report: AgentReport) -> list[AgentCommand]:
        orders = [order for run_id in report.running if (order := self._stop_order(agent_id, run_id)) is not None]
        if self.fold.state == "CANCELED":
            return [*orders, AgentCommand(kind="exit", reason=self._why_over())]
        begun = self._offered_again(agent_id, file)[: report.wanted_count]
        while len(begun) < report.wanted_count and (claim := self._next_claim(agent_id)) is not None:
            begun.append(AgentCommand(kind="run", run_id=claim.run_id, params=claim.params))
        for order in begun:
            file.offers[order.run_id] = file.offers.get(order.run_id, 0) + 1
        if begun:
            self.folder.write_agent(agent_id, file)
        if begun or report.running or not report.wanted_count or self.fold.state == "PAUSED":
            self._idle_since.pop(agent_id, None)
            return orders + begun
        return [*orders, *self._nothing_left(agent_id)]

    def _stop_order(self, agent_id: str, run_id: str) -> AgentCommand | None:
        claim = self.fold.by_run.get(run_id)
        if claim is None:
            return None
        reason = claim.stop_reason
        if claim.given_up is not None or claim.entry.agent_id != agent_id:
            reason = "it was given up, because nothing was heard of this agent"
        if self.fold.state == "CANCELED":
            reason = self._why_over()
        return None if reason is None else AgentCommand(kind="stop", run_id=run_id, reason=reason)

    def _offered_again(self, agent_id: str, file: AgentFile) -> list[AgentCommand]:
        """Runs that this agent was told to begin, and never spoke of: the answer that said so may have been lost."""
        return [
            AgentCommand(kind="run", run_id=claim.entry.run_id, params=claim.entry.params)
            for claim in self.open_claims()
            if claim.entry.agent_id == agent_id and claim.entry.run_id not in {*file.reported, *self._begun}
        ]

    def _nothing_left(self, agent_id: str) -> list[AgentCommand]:
        """An agent without work leaves: at once when all has ended, or when it has waited for long.

        It stays while a run goes on whose agent is gone: when that run crashes, its parameters are to be run again.
        """
        is_over = self._is_over()
        if not is_over and not self.open_claims():
            self._decide(Edited(at=time.time(), state="FINISHED", reason=self._why_exhausted()))
            is_over = True
        since = self._idle_since.setdefault(agent_id, time.monotonic())
        if is_over or (time.monotonic() - since > SILENCE_S and not self._has_orphans()):
            return [AgentCommand(kind="exit", reason=self._why_over() if is_over else "others run all that is left")]
        return []

    def _has_orphans(self) -> bool:
        return any(self._is_agent_gone(owner) for owner in {claim.entry.agent_id for claim in self.open_claims()})

    def _why_over(self) -> str:
        said = _LAST.get(self.fold.state, "")
        return f"{said}: {self.fold.reason}" if self.fold.reason else said

    def _why_exhausted(self) -> str:
        if self.plan.run_cap is not None and self.fold.run_count >= self.plan.run_cap:
            return f"its run_cap of {self.plan.run_cap} is reached"
        return "every point of the grid was run"

    def _next_claim(self, agent_id: str) -> Assigned | None:
        """Hand out the next parameters; None when there are none (now)."""
        fold, plan = self.fold, self.plan
        if not self._has_more():
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

            trials = self._trials() if plan.method == "bayes" else []
            params = propose(plan, len(fold.claims), trials, seed=fold.created.seed)
        claim = Assigned(
            at=time.time(), run_id=new_run_id(), agent_id=agent_id, params=params, point=point, attempt=attempt
        )
        self._decide(claim)
        return claim

    # What becomes of the runs

    def _follow_runs(self, agent_id: str, file: AgentFile, report: AgentReport) -> list[str]:
        """Note which runs have ended, give up those of agents that are gone; the runs that are to stop early."""
        waiting = {claim.entry.run_id: claim for claim in self.open_claims()}
        began_at = time.monotonic()
        looks_at_all = self._is_time_for_all(waiting, report)
        if not looks_at_all:
            waiting = {run_id: claim for run_id, claim in waiting.items() if claim.entry.agent_id == agent_id}
        owners = {claim.entry.agent_id for claim in waiting.values()}
        gone = {owner: file.has_left if owner == agent_id else self._is_agent_gone(owner) for owner in owners}
        if len(waiting) > FEW_RUNS and not self._asks_for_all():
            ours = {agent_id, *(owner for owner in owners if gone[owner])}
            waiting = {run_id: claim for run_id, claim in waiting.items() if claim.entry.agent_id in ours}
        found = {run.run_id: run for run in self._find(waiting)} if waiting else {}
        self._begun.update(run.run_id for run in found.values() if run.state != "pending")
        running = [run for run in found.values() if run.state not in OVER]
        for run_id, claim in waiting.items():
            self._follow(claim, found.get(run_id), agent_id, file, report, is_agent_gone=gone[claim.entry.agent_id])
        if looks_at_all:
            self._stop_early(running)
            now = time.monotonic()
            pause_s = min(max((now - began_at) / LOOK_SHARE, LOOK_EVERY_S), LOOK_AT_LEAST_EVERY_S)
            self._look_at_all_from = now + pause_s
        # Asked of the ledger, not of what was decided just now: who decided may have been killed before saying so.
        is_canceled = self.fold.state == "CANCELED"
        stopped = [run for run in running if is_canceled or waiting[run.run_id].stop_reason is not None]
        return [run.run_id for run in stopped if not run.stop_requested]

    def _is_time_for_all(self, waiting: Mapping[str, Assignment], report: AgentReport) -> bool:
        """Whether it matters now what became of the runs of other agents: seldom, where there are many."""
        learns = report.wanted_count > 0 and self.plan.method == "bayes"
        is_time = time.monotonic() >= self._look_at_all_from
        return is_time or learns or len(waiting) <= FEW_RUNS or self.fold.state == "CANCELED"

    def _asks_for_all(self) -> bool:
        """Whether it matters what became of the runs of agents that live."""
        plan = self.plan
        return plan.method == "bayes" or plan.early_terminate is not None or not self._has_more()

    def _has_more(self) -> bool:
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

    def _follow(
        self,
        claim: Assignment,
        run: RunInfo | None,
        agent_id: str,
        file: AgentFile,
        report: AgentReport,
        *,
        is_agent_gone: bool,
    ) -> None:
        run_id, is_mine = claim.entry.run_id, claim.entry.agent_id == agent_id
        if run is not None and run.state in OVER:
            if is_mine and run_id in report.running:
                return  # its agent knows better: it may have been silent for a while
            is_lost = run.state in ("crashed", "killed", "preempted") and claim.stop_reason is None
            if run.state == "preempted" and is_lost:
                self._give_up(claim, "it was preempted")
            elif is_agent_gone and is_lost:
                self._give_up(claim, f"its agent is gone, and it {run.state}")
            else:
                self._settle(claim, run)
        elif run is None or run.state == "pending":
            if is_agent_gone:
                self._give_up(claim, "its agent was gone before it began")
            elif is_mine and run_id not in report.running:
                if run_id in file.reported:
                    since = self._missing_since.setdefault(run_id, time.monotonic())
                    if time.monotonic() - since > BEGIN_GRACE_S:
                        self._give_up(claim, "it ended before it had begun to log", is_free=False)
                elif file.offers.get(run_id, 0) >= MAX_OFFERS:
                    self._give_up(
                        claim, f"it did not begin, though it was handed out {MAX_OFFERS} times", is_free=False
                    )

    def _give_up(self, claim: Assignment, reason: str, *, is_free: bool = True) -> None:
        is_free = is_free and claim.entry.attempt < MAX_ATTEMPTS
        self._decide(GivenUp(at=time.time(), run_id=claim.entry.run_id, reason=reason, is_free=is_free))

    def _is_agent_gone(self, agent_id: str) -> bool:
        file = self.folder.read_agent(agent_id)
        if file.has_left or is_gone(self.fold.agents[agent_id].process):
            return True
        count, at = self._heard.get(agent_id, (-1, 0.0))
        if file.report_count != count:
            self._heard[agent_id] = (file.report_count, time.monotonic())
            return False
        is_alive = lives_here(self.fold.agents[agent_id].process)
        return time.monotonic() - at > (HANGING_S if is_alive else SILENCE_S)

    def _settle(self, claim: Assignment, run: RunInfo) -> None:
        outcome = outcome_of(self.plan, run, is_stopped=claim.stop_reason is not None)
        metric = self.plan.metric
        if metric and outcome.value is not None and metric.is_reached_by(outcome.value) and not self._is_over():
            reason = f"run {run.run_id} reached the target: {metric.name} = {outcome.value:g}"
            self._decide(Edited(at=time.time(), state="FINISHED", reason=reason))
        self._outcomes[run.run_id] = outcome

    def _is_over(self) -> bool:
        return self.fold.state in _LAST

    def _stop_early(self, running: Sequence[RunInfo]) -> None:
        candidates = {
            run.run_id for run in running if run.row_count and self.fold.by_run[run.run_id].stop_reason is None
        }
        now = time.monotonic()
        if self.plan.early_terminate is None or not candidates or now - self._looked_at < EARLY_STOP_EVERY_S:
            return
        from runlake.search.early_stop import runs_to_stop

        assert self.plan.metric is not None, "a plan that stops runs early has a metric"
        self._looked_at = now
        values = self._runs.metric_values(self.folder.path, self.plan.metric.name)
        for run_id in sorted(candidates & runs_to_stop(self.plan, values)):
            self._decide(Stopped(at=time.time(), run_id=run_id, reason="others did better after as many values"))

    # What the search learns from

    def _trials(self) -> list[Trial]:
        from runlake.search.propose import Trial

        trials = list(self._prior_trials())
        for claim in self.fold.claims:
            if claim.given_up is None:
                outcome = self._outcomes.get(claim.entry.run_id, RUNNING)
                trials.append(Trial(number=claim.number, params=claim.entry.params, **msgspec.structs.asdict(outcome)))
        return trials

    def _prior_trials(self) -> Sequence[Trial]:
        if self._prior is None:
            from runlake.search.propose import Trial

            run_ids = self.fold.created.prior_run_ids
            runs = self._find(run_ids) if run_ids else []
            outcomes = [outcome_of(self.plan, run, is_stopped=False) for run in runs]
            self._prior = [
                Trial(number=number - len(runs), params=run.config, **msgspec.structs.asdict(outcome))
                for number, (run, outcome) in enumerate(zip(runs, outcomes, strict=True))
            ]
        return self._prior

    def _find(self, run_ids: Collection[str]) -> Sequence[RunInfo]:
        path = self.folder.path
        if len(run_ids) <= FEW_RUNS:
            read = (self._runs.read(RunPath(path.entity, path.project, run_id)) for run_id in run_ids)
            return [run for run in read if run is not None]
        return self._runs.find(path.entity, path.project, {"name": {"$in": list(run_ids)}})
