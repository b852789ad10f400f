"""``runlake import``: runs of other trackers into this store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.failures import LeftOutError
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import default_project, open_store
from runlake.errors import RunlakeError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.importers.bring import Imported
    from runlake.service.contract import Service


def import_runs(
    context: typer.Context,
    places: Annotated[list[Path], typer.Argument(metavar="PLACE...", help="Files or folders; only read.")],
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            "-p",
            metavar="[ENTITY/]PROJECT",
            help="Where the runs go; without it, into projects called as where they come from, where that says so.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            "--from",
            metavar="KIND",
            help="wandb, mlflow, tensorboard or table; without it, what lies there says.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring in runs of W&B's client, MLflow, TensorBoard, or tables (CSV, Parquet, Arrow, JSON lines).

    Doing it twice is harmless, and one that was interrupted goes on where it was. What has no home here is counted.
    """
    from runlake.importers.find import read_runs
    from runlake.importers.foreign import LeftOut

    done: list[Imported] = []
    left_out: list[LeftOut] = []
    failures: list[RunlakeError] = []
    with open_store(context) as service, output.progress("import") as report:
        entity, name = _target(service, project)
        before = 0
        for place in places:
            try:
                for foreign in read_runs(place, kind):
                    if isinstance(foreign, LeftOut):
                        left_out.append(foreign)
                        continue
                    own = name if project else foreign.project or name
                    try:
                        done.append(_bring(service, RunPath(entity, own, foreign.run_id), foreign, before, report))
                    except RunlakeError as error:  # the other runs come all the same
                        failures.append(error)
                    else:
                        before += sum(done[-1].read_counts.values())
            except RunlakeError as error:
                failures.append(error)
    if not done and len(failures) == 1:
        raise failures[0]
    if as_json:
        runs = [imported_document(one) for one in done]
        output.print_json(
            {
                "runs": runs,
                "left_out": [one._asdict() for one in left_out],
                "failures": [str(failure) for failure in failures],
            }
        )
    elif done:
        output.print_table(("RUN", "OUTCOME", "ROWS", "FILES", "NOTE"), [_row(one) for one in done], right=("ROWS",))
    for one in left_out:
        output.note(f"left out: {format_count(one.item_count, one.what)} {one.why} ({one.place})")
    output.note(_summary(done))
    for failure in failures:
        output.print_error(str(failure))
    bad_count = len(failures) + sum(not one.is_whole for one in done) + sum(one.is_damage for one in left_out)
    if bad_count:
        raise LeftOutError(f"{format_count(bad_count, 'run')} not whole")


def _target(service: Service, project: str | None) -> tuple[str, str]:
    from runlake.api.paths import parse_project_path

    return parse_project_path((project or default_project()).rstrip("/"), service.default_entity)


def _bring(service: Service, path: RunPath, foreign: Any, before: int, report: Any) -> Imported:
    from runlake.importers.bring import bring

    return bring(service, path, foreign, report=lambda count: report(before + count, before + count))


def imported_document(imported: Imported) -> dict[str, Any]:
    """A run of ``import``: rows by stream in the source and here, what has no home here, and what could not be read."""
    return {
        "entity": imported.path.entity,
        "project": imported.path.project,
        "run_id": imported.path.run_id,
        "source": imported.place,
        "outcome": imported.outcome,
        "is_whole": imported.is_whole,
        "is_ended": imported.is_ended,
        "read_counts": imported.read_counts,
        "kept_counts": imported.kept_counts,
        "file_count": imported.file_count,
        "artifact_count": imported.artifact_count,
        "file_bytes": imported.file_bytes,
        "lost": imported.lost,
        "problems": list(imported.problems),
    }


def _row(imported: Imported) -> tuple[str, str, str, str, str]:
    notes = [*imported.problems]
    notes += [format_count(imported.artifact_count, "artifact")] if imported.artifact_count else []
    notes += [f"no home here: {format_count(count, what)}" for what, count in imported.lost.items()]
    if imported.read_counts != imported.kept_counts:
        notes.append(f"{imported.read_counts} rows were read, and {imported.kept_counts} are here")
    rows = str(imported.kept_counts.get("history", 0))
    return str(imported.path), imported.outcome, rows, str(imported.file_count), "; ".join(notes)


def _summary(done: list[Imported]) -> str:
    row_count = sum(one.kept_counts.get("history", 0) for one in done)
    size = format_size(sum(one.file_bytes for one in done))
    words = [f"{sum(one.outcome == outcome for one in done)} {outcome}" for outcome in ("new", "continued", "same")]
    return f"imported {format_count(len(done), 'run')} ({', '.join(words)}): {format_count(row_count, 'row')}, {size}"
