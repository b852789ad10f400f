"""The verbs of sweeps over a folder: made, read, edited, deleted, joined; what agents are told is `scheduler`'s."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError, SweepConfigError, warn
from runlake.lru import LruCache
from runlake.model import RunInfo, RunPath
from runlake.names import new_run_id
from runlake.scheduler.limits import Clock, SweepLimits
from runlake.scheduler.open_sweep import OpenSweep
from runlake.scheduler.runs import RunSource
from runlake.scheduler.scheduler import Scheduler
from runlake.scheduler.view import describe_agent, describe_sweep
from runlake.service.local.open_store import OpenStore
from runlake.store.layout import check_run_path
from runlake.store.run.snapshot import reading
from runlake.store.store import Store
from runlake.store.sweeps.fold import Created, Edited, Joined
from runlake.store.sweeps.folder import AgentFile, SweepFolder, create_sweep, delete_sweep
from runlake.sweep_model import (
    AgentCommand,
    AgentInfo,
    AgentReport,
    AgentStart,
    SweepEdit,
    SweepInfo,
    SweepPath,
    SweepStart,
    SweepState,
)

_KEPT_SWEEPS = 500
"""So many sweeps are known as far as they were read; others are read anew."""


class LocalSweeps:
    """`contract.sweeps` over a folder."""

    def __init__(self, folder: OpenStore[Store], runs: RunSource, *, limits: SweepLimits, clock: Clock) -> None:
        self._folder, self._store, self._layout = folder, folder.store, folder.store.layout
        self._runs = runs
        self._limits = limits
        self._clock = clock
        self._open: LruCache[SweepPath, Scheduler] = LruCache(_KEPT_SWEEPS)
        self._lock = threading.Lock()

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        """Check the configuration and make a sweep. SweepConfigError names all that is wrong with it."""
        from runlake.search.configuration import parse_sweep
        from runlake.search.grid import grid_index, grid_size

        self._store.create()
        plan = parse_sweep(start.config)
        path = SweepPath(entity, project, start.sweep_id or new_run_id())
        check_run_path(RunPath(*path))
        prior = self._prior_runs(path, start.prior_run_ids) if start.prior_run_ids else []
        excluded: set[int] = set()
        if plan.method == "grid":
            excluded = {point for run in prior if (point := grid_index(plan, run.config)) is not None}
            if len(excluded) == grid_size(plan):
                raise SweepConfigError("the prior runs have every point of the grid: there is nothing left to run")
        seed = int.from_bytes(os.urandom(4)) if start.seed is None else start.seed
        created = Created(
            at=self._clock.now_s(),
            config=start.config,
            seed=seed,
            name=start.name or plan.name or path.sweep_id,
            user=start.user or self._folder.user,
            prior_run_ids=start.prior_run_ids,
            excluded_points=tuple(sorted(excluded)),
        )
        create_sweep(self._layout, path, created)
        return self.read_sweep(path)

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        """One that cannot be read is left out, and a warning says so."""
        self._folder.check_project(entity, project)
        found = []
        for sweep_id in self._layout.sweep_ids(entity, project):
            try:
                found.append(self.read_sweep(SweepPath(entity, project, sweep_id)))
            except NotFoundError:
                continue  # deleted at this moment, or its maker is about to say what it is
            except (StoreError, BadValueError) as error:
                warn(f"sweep {entity}/{project}/{sweep_id} cannot be read and is left out: {error}")
        return sorted(found, key=lambda sweep: (sweep.created_at, sweep.sweep_id))

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        with reading(f"sweep {path}"), self._opened(path).sweep as sweep:
            return describe_sweep(sweep)

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        """ConflictError for a state that does not follow on the present one."""
        with self._opened(path).sweep as sweep:
            while True:
                _check_step(path, sweep.fold.state, edit.state)
                reason = "" if edit.state is None else "somebody said so"
                entry = Edited(
                    at=self._clock.now_s(),
                    state=edit.state,
                    name=edit.name,
                    description=edit.description,
                    reason=reason,
                )
                if sweep.try_decide(entry):
                    break
            running = [claim.entry.run_id for claim in sweep.open_claims()] if edit.state == "CANCELED" else []
            info = describe_sweep(sweep)
        for run_id in running:
            self._stop_run(path, run_id)
        return info

    def delete_sweep(self, path: SweepPath) -> None:
        check_run_path(RunPath(*path))
        delete_sweep(self._layout, path)

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        agent_id = new_run_id()
        with self._opened(path).sweep as sweep:
            entry = Joined(at=self._clock.now_s(), agent_id=agent_id, host=start.host, process=start.process)
            while not sweep.try_decide(entry):
                pass
            sweep.folder.write_agent(agent_id, AgentFile())
            return describe_agent(sweep, agent_id)

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        scheduler = self._opened(path)
        with scheduler.sweep:
            stopped, orders = scheduler.handle_report(agent_id, report)
        for run_id in stopped:
            self._stop_run(path, run_id)
        return orders

    def _stop_run(self, path: SweepPath, run_id: str) -> None:
        try:
            self._runs.stop(RunPath(path.entity, path.project, run_id))
        except NotFoundError:
            pass  # handed out and not begun: its agent is told

    def _prior_runs(self, path: SweepPath, run_ids: Sequence[str]) -> Sequence[RunInfo]:
        found = self._runs.find(path.entity, path.project, {"name": {"$in": list(run_ids)}})
        missing = sorted(set(run_ids) - {run.run_id for run in found})
        if missing:
            raise NotFoundError(f"no run {missing[0]!r} in {path.entity}/{path.project} to learn from")
        return found

    def _opened(self, path: SweepPath) -> Scheduler:
        """The sweep as it is known here. NotFoundError when there is none."""
        check_run_path(RunPath(*path))
        with self._lock:
            if not self._layout.tree.has_folder(self._layout.sweep_dir(path)):
                # Deleted, and perhaps made anew: what is known of the old one is of no use.
                self._open.take(path)
                SweepFolder(self._layout, path).catch_up()
            scheduler = self._open.get(path)
            if scheduler is None:
                sweep = OpenSweep(SweepFolder(self._layout, path), self._limits, self._clock)
                scheduler = Scheduler(sweep, self._runs)
                self._open.put(path, scheduler)
            return scheduler


def _check_step(path: SweepPath, now: SweepState, then: SweepState | None) -> None:
    if then is None or then == now:
        return
    if then not in ("RUNNING", "PAUSED", "FINISHED", "CANCELED"):
        raise BadValueError(f"a sweep can be made RUNNING, PAUSED, FINISHED or CANCELED, not {then!r}")
    if now == "CANCELED":
        raise ConflictError(f"sweep {path} was canceled, and cannot be {then}; make a new one")
    if then == "PAUSED" and now == "FINISHED":
        raise ConflictError(f"sweep {path} is finished: there is nothing to pause")
