"""The runs of a store in a folder, as its sweeps ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runlake.errors import NotFoundError, StoreError
from runlake.model import RunInfo, RunPath
from runlake.query.rows.metric import numbers_in_order
from runlake.scheduler.runs import RunSource
from runlake.service.local.listings import Listings
from runlake.service.local.rows import LocalRows
from runlake.service.local.runs import LocalRuns
from runlake.store.run.state import read_run
from runlake.store.store import Store
from runlake.sweep_model import SweepPath


def runs_for_sweeps(store: Store, listings: Listings, runs: LocalRuns, rows: LocalRows) -> RunSource:
    """What sweeps need of these runs and rows."""

    def find(entity: str, project: str, filters: Mapping[str, Any]) -> Sequence[RunInfo]:
        index = listings.newest(entity, project)
        return index.infos(index.select(filters))

    def read_if_readable(path: RunPath) -> RunInfo | None:
        """A run; None as well where a listing would leave it out, because it is damaged."""
        try:
            return read_run(store, path)
        except (NotFoundError, StoreError):
            return None

    def metric_values(path: SweepPath, metric: str) -> Mapping[str, Sequence[float]]:
        blocks = rows.read_histories(path.entity, path.project, keys=[metric], filters={"sweep": path.sweep_id})
        return {run_id: numbers_in_order(history) for block in blocks for run_id, history in block.histories()}

    return RunSource(find=find, read=read_if_readable, stop=runs.stop_run, metric_values=metric_values)
