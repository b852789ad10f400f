"""``runlake import``: runs of other trackers into this store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from runlake.cli import output
from runlake.cli.failures import LeftOutError
from runlake.cli.format import format_count, format_size, format_things
from runlake.cli.import_server import WORKER_COUNT, ServerAsked, import_server
from runlake.cli.opening import default_project, open_store
from runlake.errors import RunlakeError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.importers.bring import Imported
    from runlake.importers.foreign import ForeignRun, LeftOut
    from runlake.importers.wandb_project import ProjectImported
    from runlake.service.contract import Service


def import_runs(
    context: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(metavar="PLACE...", help="Files or folders, or wandb://ENTITY/PROJECT[/RUN]; only read."),
    ],
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
            help="wandb, mlflow, trackio, swanlab, neptune, aim, tensorboard or table; by default what lies there.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="URL", help="Of wandb://: the server, where it is not W&B's cloud.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="The Python that has the client of W&B, or Aim; else this one."),
    ] = None,
    without_files: Annotated[
        bool, typer.Option("--without-files", help="Of wandb://: no files, and of artifacts what they are.")
    ] = False,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=32, metavar="N", help="Of wandb://: so many runs at a time.")
    ] = WORKER_COUNT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring in runs of W&B (files, or a server), MLflow, Trackio, SwanLab, Neptune, Aim, TensorBoard, or tables.

    Doing it twice is harmless, and one that was interrupted goes on where it was. What has no home here is counted.
    """
    found = _Found()
    with open_store(context) as service, output.progress("import", has_rate=True) as report:
        for place in places:
            try:
                if place.startswith("wandb://"):
                    asked = ServerAsked(place, host, python, not without_files, at_once)
                    _take_server(found, service, project, asked, report)
                else:
                    _take_place(found, service, project, Path(place), kind, python, report)
            except RunlakeError as error:
                found.failures.append(error)
    _tell(found, as_json=as_json)


@dataclass(slots=True)
class _Found:
    """What came of all places: runs, what does not come as one or cannot be read, and what projects had beside."""

    runs: list[Imported] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    failures: list[RunlakeError] = field(default_factory=list)
    beside: list[ProjectImported] = field(default_factory=list)


def _take_place(
    found: _Found,
    service: Service,
    project: str | None,
    place: Path,
    kind: str | None,
    python: str | None,
    report: output.Report,
) -> None:
    from runlake.importers.find import read_runs
    from runlake.importers.foreign import LeftOut

    before = sum(sum(one.read_counts.values()) for one in found.runs)
    for foreign in read_runs(place, kind, python):
        if isinstance(foreign, LeftOut):
            found.left_out.append(foreign)
            continue
        try:
            path = RunPath(*_target(service, project, foreign.project), foreign.run_id)
            found.runs.append(_bring(service, path, foreign, before, report))
        except RunlakeError as error:  # the other runs come all the same
            found.failures.append(error)
        else:
            before += sum(found.runs[-1].read_counts.values())


def _take_server(
    found: _Found, service: Service, project: str | None, asked: ServerAsked, report: output.Report
) -> None:
    from runlake.importers.wandb_server import parse_address

    target = _target(service, project, parse_address(asked.address).project)
    runs, failures, beside = import_server(service, target, asked, report)
    found.runs += runs
    found.failures += failures
    found.beside += [] if beside is None else [beside]


def _tell(found: _Found, *, as_json: bool) -> None:
    """Print what came, and what did not: LeftOutError where that is anything."""
    if not found.runs and not found.beside and len(found.failures) == 1:
        raise found.failures[0]
    if as_json:
        document: dict[str, Any] = {
            "runs": [imported_document(one) for one in found.runs],
            "left_out": [one._asdict() for one in found.left_out],
            "failures": [str(failure) for failure in found.failures],
        }
        if found.beside:
            document["projects"] = [msgspec.to_builtins(one) for one in found.beside]
        output.print_json(document)
    elif found.runs:
        rows = [_row(one) for one in found.runs]
        output.print_table(("RUN", "OUTCOME", "ROWS", "FILES", "NOTE"), rows, right=("ROWS",))
    for left in found.left_out:
        output.note(f"left out: {format_count(left.item_count, left.what)} {left.why} ({left.place})")
    output.note(_summary(found.runs))
    problems = [problem for one in found.beside for problem in one.problems]
    for one in found.beside:
        counts = f"{format_count(one.version_count, 'artifact version')}, {format_count(one.sweep_count, 'sweep')}"
        output.note(f"and of the project: {counts}, {format_size(one.put_bytes)}")
        for what, count in one.lost.items():
            output.note(f"no home here: {format_things(count, what)}")
        if one.untold:
            output.note(f"not handed out by W&B, so left there if there are any: {', '.join(one.untold)}")
    for failure in (*found.failures, *problems):
        output.print_error(str(failure))
    damaged = [left.what for left in found.left_out if left.is_damage]
    run_count = len(found.failures) + sum(not one.is_whole for one in found.runs) + damaged.count("run")
    told = [
        f"{format_count(run_count, 'run')} not whole" if run_count else "",
        f"{format_count(len(damaged) - damaged.count('run'), 'other thing')} left out"
        if set(damaged) - {"run"}
        else "",
        f"{format_count(len(problems), 'thing')} of a project" if problems else "",
    ]
    if any(told):
        raise LeftOutError(", and ".join(filter(None, told)))


def _target(service: Service, project: str | None, theirs: str | None) -> tuple[str, str]:
    """Where a run goes: as was asked, else into the project that it had there, else into the usual one."""
    from runlake.api.paths import parse_project_path

    if not project and theirs:
        return service.default_entity, theirs
    return parse_project_path((project or default_project()).rstrip("/"), service.default_entity)


def _bring(service: Service, path: RunPath, foreign: ForeignRun, before: int, report: output.Report) -> Imported:
    from runlake.importers.bring import bring

    return bring(service, path, foreign, report=lambda count: report(before + count, None))


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
    notes += [f"no home here: {format_things(count, what)}" for what, count in imported.lost.items()]
    if imported.read_counts != imported.kept_counts:
        notes.append(f"{imported.read_counts} rows were read, and {imported.kept_counts} are here")
    rows = str(imported.kept_counts.get("history", 0))
    return str(imported.path), imported.outcome, rows, str(imported.file_count), "; ".join(notes)


def _summary(done: list[Imported]) -> str:
    row_count = sum(one.kept_counts.get("history", 0) for one in done)
    size = format_size(sum(one.file_bytes for one in done))
    words = [f"{sum(one.outcome == outcome for one in done)} {outcome}" for outcome in ("new", "continued", "same")]
    return f"imported {format_count(len(done), 'run')} ({', '.join(words)}): {format_count(row_count, 'row')}, {size}"
