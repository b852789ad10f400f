"""``runlake ls --sweeps``: which sweeps there are, how far they are, and what the best run of each reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runlake.cli import output
from runlake.cli.documents import judged_document, sweep_document
from runlake.cli.format import NOTHING, format_count, format_number, format_time
from runlake.cli.show_sweep import runs_in_short
from runlake.sweep_model import SweepInfo

if TYPE_CHECKING:
    from runlake.api.ranking import JudgedRun
    from runlake.model import RunInfo
    from runlake.service.contract import Service


def list_sweeps(
    service: Service, projects: list[tuple[str, str]], *, limit: int | None, where: str, as_json: bool
) -> None:
    """Print the sweeps of some projects, the newest first; `where` names the projects for people."""
    found = [sweep for entity, name in projects for sweep in service.list_sweeps(entity, name)]
    shown = sorted(found, key=lambda sweep: (-sweep.created_at, sweep.path))[:limit]
    judged = list(_with_best(service, shown))
    if as_json:
        document = {
            "total_count": len(found),
            "sweeps": [
                {**sweep_document(sweep), "best_run": None if best is None else judged_document(best)}
                for sweep, best in judged
            ],
        }
        output.print_json(document)
        return
    if not found:
        output.note(f"no sweeps in {where}")
        return
    is_one = len(projects) == 1
    rows = [
        (
            sweep.sweep_id if is_one else str(sweep.path),
            sweep.name,
            sweep.state,
            str(sweep.config["method"]),
            runs_in_short(sweep),
            NOTHING if best is None or best.value is None else format_number(best.value),
            format_time(sweep.created_at),
        )
        for sweep, best in judged
    ]
    columns = ("SWEEP", "NAME", "STATE", "METHOD", "RUNS", "BEST", "CREATED")
    output.print_table(columns, rows, right=("RUNS", "BEST"))
    if len(shown) < len(found):
        output.note(f"{len(shown):,} of {format_count(len(found), 'sweep')}; --all lists every one, --limit N more")


def _with_best(service: Service, sweeps: list[SweepInfo]) -> Iterator[tuple[SweepInfo, JudgedRun | None]]:
    """Each sweep and its best run; the runs of a project are asked for once."""
    from runlake.api.ranking import best_first, goal_of, judge_runs

    runs: dict[tuple[str, str, str | None], list[RunInfo]] = {}
    for entity, project in dict.fromkeys((sweep.entity, sweep.project) for sweep in sweeps):
        ids = [sweep.sweep_id for sweep in sweeps if (sweep.entity, sweep.project) == (entity, project)]
        for run in service.list_runs(entity, project, filters={"sweep": {"$in": ids}}).runs:
            runs.setdefault((entity, project, run.sweep), []).append(run)
    for sweep in sweeps:
        best = best_first(judge_runs(sweep, runs.get(sweep.path, [])), goal_of(sweep))
        yield sweep, best[0] if best else None
