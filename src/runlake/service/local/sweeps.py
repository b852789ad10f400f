"""The verbs of sweeps over a folder: made, read, edited, deleted, joined; what agents are told is in `open_sweep`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError, SweepConfigError, warn
from runlake.lru import LruCache
from runlake.model import RunInfo, RunPath
from runlake.names import new_run_id
from runlake.scheduler.open_sweep import OpenSweep, Runs
from runlake.store.layout import Layout, check_run_path
from runlake.store.run.snapshot import reading
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


class Sweeps:
    """The sweeps of a store in a folder. Threads may share it."""

    def __init__(self, layout: Layout, runs: Runs, *, user: str | None = None) -> None:
        self._layout = layout
        self._runs = runs
        self._user = user
        self._open: LruCache[SweepPath, OpenSweep] = LruCache(_KEPT_SWEEPS)
        self._lock = threading.Lock()

    def create(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        """Check the configuration and make a sweep. SweepConfigError names all that is wrong with it."""
        from runlake.search.configuration import parse_sweep
        from runlake.search.grid import grid_index, grid_size

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
            at=time.time(),
            config=start.config,
            seed=seed,
            name=start.name or plan.name or path.sweep_id,
            user=start.user or self._user,
            prior_run_ids=start.prior_run_ids,
            excluded_points=tuple(sorted(excluded)),
        )
        create_sweep(self._layout, path, created)
        return self.read(path)

    def list(self, entity: str, project: str) -> list[SweepInfo]:
        """The sweeps of a project, oldest first; one that cannot be read is left out, and a warning says so."""
        found = []
        for sweep_id in self._layout.sweep_ids(entity, project):
            try:
                found.append(self.read(SweepPath(entity, project, sweep_id)))
            except NotFoundError:
                continue  # deleted at this moment, or its maker is about to say what it is
            except (StoreError, BadValueError) as error:
                warn(f"sweep {entity}/{project}/{sweep_id} cannot be read and is left out: {error}")
        return sorted(found, key=lambda sweep: (sweep.created_at, sweep.sweep_id))

    def read(self, path: SweepPath) -> SweepInfo:
        """One sweep, as of now."""
        with reading(f"sweep {path}"), self._opened(path) as sweep:
            return sweep.describe()

    def edit(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        """Change the state, name or description. ConflictError for a state that does not follow on the present one."""
        with self._opened(path) as sweep:
            while True:
                _check_step(path, sweep.fold.state, edit.state)
                reason = "" if edit.state is None else "somebody said so"
                entry = Edited(
                    at=time.time(), state=edit.state, name=edit.name, description=edit.description, reason=reason
                )
                if sweep.decide(entry):
                    break
            running = [claim.entry.run_id for claim in sweep.open_claims()] if edit.state == "CANCELED" else []
            info = sweep.describe()
        for run_id in running:
            self._stop_run(path, run_id)
        return info

    def delete(self, path: SweepPath) -> None:
        """Remove a sweep: its runs stay, its agents are told that it is gone."""
        check_run_path(RunPath(*path))
        delete_sweep(self._layout, path)

    def join(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        """A new agent of a sweep."""
        agent_id = new_run_id()
        with self._opened(path) as sweep:
            while not sweep.decide(Joined(at=time.time(), agent_id=agent_id, host=start.host, process=start.process)):
                pass
            sweep.folder.write_agent(agent_id, AgentFile())
            return sweep.describe_agent(agent_id)

    def report(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        """What an agent says of itself, and what it is told to do."""
        with self._opened(path) as sweep:
            stopped, orders = sweep.handle_report(agent_id, report)
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

    def _opened(self, path: SweepPath) -> OpenSweep:
        check_run_path(RunPath(*path))
        with self._lock:
            sweep = self._open.get(path)
            is_there = self._layout.sweep_dir(path).is_dir()
            if sweep is None or not is_there:
                # Deleted, and perhaps made anew: what is known of the old one is of no use.
                sweep = OpenSweep(SweepFolder(self._layout, path), self._runs)
                if is_there:
                    self._open.put(path, sweep)
                else:
                    self._open.take(path)
            return sweep


def _check_step(path: SweepPath, now: SweepState, then: SweepState | None) -> None:
    if then is None or then == now:
        return
    if then not in ("RUNNING", "PAUSED", "FINISHED", "CANCELED"):
        raise BadValueError(f"a sweep can be made RUNNING, PAUSED, FINISHED or CANCELED, not {then!r}")
    if now == "CANCELED":
        raise ConflictError(f"sweep {path} was canceled, and cannot be {then}; make a new one")
    if then == "PAUSED" and now == "FINISHED":
        raise ConflictError(f"sweep {path} is finished: there is nothing to pause")
