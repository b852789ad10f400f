"""Runs that are read together: of runs that share files each row group is decoded once, and not once for each run.

They are small and nothing comes to them any more. What a reading of many does not give as the plan has it is left to a
reading of that run alone, which also says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runlake.bulk.plan import ExportPlan, PlannedArtifact, PlannedRun
from runlake.bulk.windows import cell_count
from runlake.errors import RunlakeError
from runlake.model import Stream
from runlake.query.rows.history import History
from runlake.service.contract import Service

_BATCH_RUNS, _BATCH_CELLS = 256, 2_000_000
_SMALL_CELLS = 500_000
"""Of larger ones few share a row group; and what was just read is written faster than what was read before others."""

Histories = Mapping[tuple[str, Stream], History]
"""By run and stream."""


def in_batches(
    planned: Sequence[PlannedRun | PlannedArtifact], streams: Sequence[Stream], most_cells: int
) -> list[list[PlannedRun] | list[PlannedArtifact]]:
    """All of them: what is read together in one list, neighbours by id, as they lie in the files that they share."""
    batches: list[list[PlannedRun]] = []
    batch: list[PlannedRun] = []
    left_cells = 0
    for run in sorted((one for one in planned if isinstance(one, PlannedRun)), key=lambda run: run.run_id):
        cells = _cells([run], streams)
        if run.next_n or cells > _SMALL_CELLS:
            batches.append([run])
            continue
        if not batch or cells > left_cells or len(batch) == _BATCH_RUNS:
            batch, left_cells = [], min(_BATCH_CELLS, most_cells)
            batches.append(batch)
        batch.append(run)
        left_cells -= cells
    place = {one.run_id: number for number, one in enumerate(planned) if isinstance(one, PlannedRun)}
    in_turn = [sorted(batch, key=lambda run: place[run.run_id]) for batch in batches]
    return [*in_turn, *([one] for one in planned if isinstance(one, PlannedArtifact))]


def read_batch(service: Service, plan: ExportPlan, runs: Sequence[PlannedRun]) -> Histories:
    """The rows of each stream of these runs, as far as they are those of the plan."""
    return {
        (run_id, stream): history
        for stream in plan.options.streams
        for run_id, history in _read_stream(service, plan, runs, stream).items()
    }


def batch_cells(runs: Sequence[PlannedRun], plan: ExportPlan) -> int:
    """How many cells such a reading has at most."""
    return _cells(runs, plan.options.streams)


def _cells(runs: Sequence[PlannedRun], streams: Sequence[Stream]) -> int:
    return sum(cell_count(run, stream) for run in runs for stream in streams)


def _read_stream(service: Service, plan: ExportPlan, runs: Sequence[PlannedRun], stream: Stream) -> dict[str, History]:
    wanted = {run.run_id: run for run in runs if run.row_counts[stream]}
    if len(wanted) < 2:
        return {}
    place, filters = (plan.entity, plan.project), {"run_id": {"$in": sorted(wanted)}}
    try:
        blocks = service.read_histories(*place, keys=plan.options.keys, stream=stream, filters=filters)
        found = [one for block in blocks if block.problem is None for one in block.histories()]
        # Asked behind the reading: a life or a history of a run that is over never comes back.
        newest = {info.run_id: info for info in service.list_runs(*place, filters=filters, limit=len(wanted)).runs}
    except RunlakeError:  # it says of no run which one it means: each is read alone
        return {}

    def is_planned(run_id: str, history: History) -> bool:
        info, run = newest.get(run_id), wanted[run_id]
        is_same = info is not None and (info.incarnation, info.generation) == (
            run.info.incarnation,
            run.info.generation,
        )
        return is_same and history.row_count >= run.row_counts[stream]

    return {run_id: history for run_id, history in found if is_planned(run_id, history)}
