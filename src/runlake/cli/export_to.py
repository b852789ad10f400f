"""``runlake export … --to KIND -o DIR``: runs in the form of another tracker."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from runlake.cli import output
from runlake.cli.failures import LeftOutError
from runlake.cli.format import format_count, format_things
from runlake.cli.opening import Target, find_target, open_store
from runlake.errors import NotFoundError, RunlakeError

if TYPE_CHECKING:
    from runlake.exporters.written import Written
    from runlake.model import RunInfo
    from runlake.service.contract import Service


class Tracker(enum.StrEnum):
    """Which other trackers can go on with runs of ours."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb-offline"


def export_to_tracker(
    context: typer.Context,
    target: str,
    tracker: Tracker,
    folder: Path,
    filters: dict[str, Any] | None,
    python: str | None,
) -> None:
    """Write a run, or those of a project that match, into a folder of that tracker."""
    from runlake.exporters.trackers import export_runs

    done: list[Written] = []
    failures: list[RunlakeError] = []
    with open_store(context) as service, output.warnings_as_notes():
        chosen = find_target(service, target)
        runs = _runs(service, chosen, filters)
        total = sum(info.row_count for info in runs)
        with output.progress(f"export {chosen}", has_rate=True) as report:
            rows = 0
            for info, outcome in export_runs(service, runs, folder, tracker.value, python=python):
                if isinstance(outcome, RunlakeError):
                    failures.append(outcome)
                else:
                    done.append(outcome)
                rows += info.row_count
                report(rows, total)
    if done:
        table = [_row(one) for one in done]
        output.print_table(("RUN", "ROWS", "FILES", "NO HOME THERE"), table, right=("ROWS", "FILES"))
    output.note(f"wrote {format_count(len(done), 'run')} to {folder} for {tracker.value}")
    for failure in failures:
        output.print_error(str(failure))
    if failures:
        raise LeftOutError(f"{format_count(len(failures), 'run')} not written")


def _runs(service: Service, chosen: Target, filters: dict[str, Any] | None) -> list[RunInfo]:
    if chosen.run_path is not None:
        return [service.read_run(chosen.run_path)]
    page = service.list_runs(*chosen.of_project(), filters=filters)
    if page.problems:
        names = ", ".join(sorted(page.problems))
        raise NotFoundError(f"runs of {chosen} cannot be read: {names}; see: runlake check")
    return list(page.runs)


def _row(written: Written) -> tuple[str, str, str, str]:
    lost = "; ".join(format_things(count, what) for what, count in written.lost.items())
    return str(written.path), str(written.row_count), str(written.file_count), lost
