"""``runlake export``: a run's rows or a project's as a file that other programs read."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.export_folder import FolderAsked, export_into_folder, filters_with_sweep
from runlake.cli.export_to import Tracker, export_to_tracker
from runlake.cli.failures import LeftOutError
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import Target, find_target, open_store, read_filter
from runlake.cli.show import split_keys
from runlake.errors import BadValueError, UnreadableRunWarning
from runlake.model import RunPath, Stream

if TYPE_CHECKING:
    from runlake.api.export import ExportResult
    from runlake.query.rows.export import Destination
    from runlake.service.contract import Service


class Format(enum.StrEnum):
    """What can be written."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"
    ARROW = "arrow"


class Shape(enum.StrEnum):
    """How a table of rows looks."""

    WIDE = "wide"
    LONG = "long"


class Artifacts(enum.StrEnum):
    """What is written of artifacts."""

    METADATA = "metadata"
    FILES = "files"


class StreamName(enum.StrEnum):
    """What can be read."""

    HISTORY = "history"
    EVENTS = "events"
    CONSOLE = "console"


SUFFIXES = {
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
}
"""Which format a file's name asks for."""

STDOUT = Path("-")


def export(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(metavar="RUN|PROJECT", help="A run, or a project (a slash at the end says it is a project)."),
    ],
    place: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR/|URL",
            help="Where to write; - is stdout, DIR/ a folder, URL s3://bucket/folder.",
        ),
    ] = str(STDOUT),
    format: Annotated[
        Format | None,
        typer.Option("--format", help="By default what FILE's suffix says; csv on stdout, parquet in a folder."),
    ] = None,
    keys: Annotated[str | None, typer.Option("--keys", metavar="A,B", help="Only these keys.")] = None,
    stream: Annotated[
        StreamName | None,
        typer.Option(
            "--stream", help="Metrics, system metrics, or printed lines; in a folder all, unless one is named."
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, metavar="N", help="At most N rows of a run, evenly chosen.")
    ] = None,
    shape: Annotated[
        Shape, typer.Option("--shape", help="A column a key, or a row a value; of a run, or in a folder.")
    ] = Shape.WIDE,
    runs: Annotated[
        bool, typer.Option("--runs", help="Of a project: not the rows, but one line a run: fields, config, summary.")
    ] = False,
    filters: Annotated[
        str | None, typer.Option("--filter", metavar="JSON", help="Of a project: only the runs that match, as in ls.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option("--sweep", metavar="ID", help="Of a project: only the runs of this sweep.")
    ] = None,
    files: Annotated[bool, typer.Option("--files", help="Into a folder: the files of the runs too.")] = False,
    artifacts: Annotated[
        Artifacts | None,
        typer.Option("--artifacts", help="Into a folder: a table of the artifacts (metadata), or their files too."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="MANIFEST", help="Into a folder: only what is new since another export."),
    ] = None,
    tracker: Annotated[
        Tracker | None,
        typer.Option("--to", help="Into a folder, in the form of another tracker."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Of --to mlflow: the Python that has it; else this."),
    ] = None,
) -> None:
    """Write the rows of a run, or of all runs of a project, as CSV, Parquet, JSON lines or Arrow.

    Into a folder everything of a project goes, with a manifest that proves it.
    """
    if tracker is not None:
        if format or keys or stream or samples or runs or sweep or files or artifacts or since is not None:
            raise BadValueError("--to goes with -o DIR, --filter and --python, and writes all of each run")
        if place == str(STDOUT):
            raise BadValueError("--to writes a folder; name it with -o DIR")
        export_to_tracker(context, target, tracker, Path(place), read_filter(filters), python)
        return
    if place.endswith(("/", os.sep)) or "://" in place or Path(place).is_dir():
        if runs:
            raise BadValueError("--runs is for a file, and a folder has a table of the runs")
        asked_for = FolderAsked(
            format=(format or Format.PARQUET).value,
            shape=shape.value,
            streams=None if stream is None else [stream.value],
            keys=None if keys is None else split_keys(keys),
            filters=read_filter(filters),
            sweep=sweep,
            has_files=files,
            artifacts=(artifacts or Artifacts.METADATA).value,
            samples=samples,
            since=since,
        )
        place = place if "://" in place else str(Path(place))
        export_into_folder(context, target, place, asked_for)
        return
    if files or since is not None or artifacts is not None:
        raise BadValueError(
            "--files, --artifacts and --since are for a folder; name one with a slash at its end: -o DIR/"
        )
    destination = Path(place)
    asked = _Asked(
        format=choose_format(destination, format).value,
        keys=None if keys is None else split_keys(keys),
        stream=(stream or StreamName.HISTORY).value,
        samples=samples,
        shape=shape,
        is_of_runs=runs,
        filters=read_filter(filters),
        sweep=sweep,
    )
    with open_store(context) as service, output.warnings_as_notes() as told:
        chosen = find_target(service, target)
        opened = output.binary_stdout() if destination == STDOUT else destination
        with output.progress(f"export {chosen}") as report:
            if chosen.run_path is not None:
                written = _export_run(service, chosen.run_path, opened, asked, report)
            else:
                written = _export_project(service, chosen, opened, asked, report)
    if destination != STDOUT:
        output.note(
            f"wrote {format_count(written.row_count, 'row')} ({format_size(written.size_bytes)}) to {destination}"
        )
    if any(isinstance(warning, UnreadableRunWarning) for warning in told):
        raise LeftOutError("a run that cannot be read is left out, or is there as it last was; see above")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be written, and how."""

    format: str
    keys: list[str] | None
    stream: Stream
    samples: int | None
    shape: Shape
    is_of_runs: bool
    filters: dict[str, Any] | None
    sweep: str | None


def _export_run(
    service: Service, path: RunPath, place: Destination, asked: _Asked, report: output.Report
) -> ExportResult:
    from runlake.api.export import export_run

    if asked.is_of_runs or asked.filters is not None or asked.sweep is not None:
        raise BadValueError(f"--runs, --filter and --sweep are for a project, and {path} is a run")
    return export_run(
        service,
        path,
        place,
        format=asked.format,
        keys=asked.keys,
        stream=asked.stream,
        samples=asked.samples,
        shape=asked.shape.value,
        progress=report,
    )


def _export_project(
    service: Service, target: Target, place: Destination, asked: _Asked, report: output.Report
) -> ExportResult:
    from runlake.api.absent_keys import warn_of_absent_keys
    from runlake.api.export import export_project, export_runs_table

    entity, project = target.of_project()
    filters = filters_with_sweep(service, (entity, project), asked.filters, asked.sweep)
    if asked.samples is not None or asked.shape is not Shape.WIDE:
        raise BadValueError(f"--samples and --shape are for a run, and {target} is a project")
    if asked.is_of_runs:
        return export_runs_table(service, entity, project, place, format=asked.format, filters=filters)
    done = export_project(
        service,
        entity,
        project,
        place,
        format=asked.format,
        keys=asked.keys,
        stream=asked.stream,
        filters=filters,
        progress=report,
    )
    if asked.keys and not done.row_count:
        warn_of_absent_keys(service, entity, project, asked.keys, asked.stream)
    return done


def choose_format(destination: Path, asked: Format | None) -> Format:
    """The format to write: as asked, else by the suffix; `BadValueError` when neither says."""
    if destination == STDOUT:
        chosen = asked or Format.CSV
        if chosen in (Format.PARQUET, Format.ARROW) and output.stdout_is_terminal():
            raise BadValueError(f"{chosen} is binary and stdout is a terminal; name a file with -o")
        return chosen
    if asked is not None:
        return asked
    try:
        return SUFFIXES[destination.suffix.lower()]
    except KeyError:
        raise BadValueError(
            f"the suffix of {destination} names no format; use {', '.join(SUFFIXES)} or --format"
        ) from None
