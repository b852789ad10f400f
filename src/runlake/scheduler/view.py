"""A sweep and its agents as readers see them."""

from __future__ import annotations

from runlake.scheduler.open_sweep import OpenSweep
from runlake.store.process_id import is_gone
from runlake.sweep_model import AgentInfo, SweepInfo


def describe_sweep(sweep: OpenSweep) -> SweepInfo:
    """The sweep as a reader sees it."""
    fold, created, path = sweep.fold, sweep.fold.created, sweep.path
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
        expected_run_count=_expected_run_count(sweep),
        prior_run_ids=created.prior_run_ids,
        agents=tuple(describe_agent(sweep, agent_id) for agent_id in fold.agents),
        seed=created.seed,
        reason=fold.reason,
    )


def describe_agent(sweep: OpenSweep, agent_id: str) -> AgentInfo:
    """One agent as a reader sees it; this process may not have watched it, so clocks are believed here."""
    joined, file = sweep.fold.agents[agent_id], sweep.folder.read_agent(agent_id)
    heard_at = file.at or joined.at
    is_silent = is_gone(joined.process) or sweep.clock.now_s() - heard_at > sweep.limits.silence_s
    return AgentInfo(
        agent_id=agent_id,
        host=joined.host,
        state="finished" if file.has_left else "crashed" if is_silent else "running",
        run_ids=tuple(c.entry.run_id for c in sweep.fold.claims if c.entry.agent_id == agent_id),
        created_at=joined.at,
        heartbeat_at=heard_at,
    )


def _expected_run_count(sweep: OpenSweep) -> int | None:
    plan = sweep.plan
    limits = [] if plan.run_cap is None else [plan.run_cap]
    if plan.method == "grid":
        from runlake.search.grid import grid_size

        limits.append(grid_size(plan) - len(sweep.fold.created.excluded_points))
    return min(limits, default=None)
