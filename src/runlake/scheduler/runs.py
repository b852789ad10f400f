"""What sweeps ask of the runs of a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runlake.model import RunInfo, RunPath
from runlake.sweep_model import SweepPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSource:
    """The runs of a store, as far as sweeps need them."""

    find: Callable[[str, str, Mapping[str, Any]], Sequence[RunInfo]]
    """The runs of (entity, project) that match a filter, as of now."""

    read: Callable[[RunPath], RunInfo | None]
    """One run as of now, None when it is not there."""

    stop: Callable[[RunPath], None]
    """Asks a run to stop."""

    metric_values: Callable[[SweepPath, str], Mapping[str, Sequence[float]]]
    """Of each run of a sweep the values of one metric in the order they were logged."""

    def find_by_id(self, sweep: SweepPath, run_ids: Collection[str], *, few_runs: int) -> Sequence[RunInfo]:
        """Those of the sweep's project that are there; up to `few_runs` of them are read one by one."""
        if len(run_ids) <= few_runs:
            read = (self.read(RunPath(sweep.entity, sweep.project, run_id)) for run_id in run_ids)
            return [run for run in read if run is not None]
        return self.find(sweep.entity, sweep.project, {"name": {"$in": list(run_ids)}})
