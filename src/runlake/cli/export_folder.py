"""``runlake export PROJECT -o DIR/``: a whole project as a folder, or in a bucket, that can be proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from runlake.cli import output
from runlake.cli.failures import LeftOutError
from runlake.cli.format import format_count, format_size, format_time
from runlake.cli.opening import find_target, open_store
from runlake.errors import BadValueError
from runlake.sweep_model import SweepPath

if TYPE_CHECKING:
    from runlake.bulk.export import Exported
    from runlake.service.contract import Service


@dataclass(frozen=True, slots=True)
class FolderAsked:
    """What is to be exported, and how."""

    format: str
    shape: str
    streams: list[str] | None
    keys: list[str] | None
    filters: dict[str, Any] | None
    sweep: str | None
    has_files: bool
    artifacts: str
    samples: int | None
    since: str | None


def export_into_folder(context: typer.Context, target: str, place: str, asked: FolderAsked) -> None:
    """Export the project `target`; go on with what was begun; bring up to date what is there."""
    from runlake.api.absent_keys import warn_of_absent_keys
    from runlake.bulk.export import export_folder
    from runlake.bulk.options import options_of

    with open_store(context) as service, output.warnings_as_notes():
        chosen = find_target(service, target)
        if chosen.run_path is not None:
            raise BadValueError(f"a folder holds a project, and {chosen} is a run; name a file, or the project")
        entity, project = chosen.of_project()
        options = options_of(
            format=asked.format,
            shape=asked.shape,
            streams=asked.streams,
            keys=asked.keys,
            filters=filters_with_sweep(service, (entity, project), asked.filters, asked.sweep),
            has_files=asked.has_files,
            artifacts=asked.artifacts,
            samples=asked.samples,
        )
        with output.progress(f"export {chosen}", has_rate=True) as report:
            done = export_folder(service, entity, project, place, options, since=asked.since, report=report)
        if asked.keys and not any(done.manifest.totals[stream] for stream in options.streams):
            warn_of_absent_keys(service, entity, project, asked.keys, options.streams[0])
    _tell(done, place)


def filters_with_sweep(
    service: Service, project: tuple[str, str], filters: dict[str, Any] | None, sweep: str | None
) -> dict[str, Any] | None:
    """The filter that also asks for the runs of one sweep; `NotFoundError` when there is no such sweep."""
    if sweep is None:
        return filters
    service.read_sweep(SweepPath(*project, sweep))
    return {"$and": [{"sweep": sweep}, filters or {}]}


def _tell(done: Exported, place: str) -> None:
    if done.continued_from is not None:
        output.note(f"went on with the export that was begun at {format_time(done.continued_from)}")
    files = done.manifest.files_here().values()
    size = format_size(sum(entry.size_bytes for entry in files))
    runs = f"wrote {format_count(done.written_count, 'run')}, {format_count(done.kept_count, 'run')} as before"
    deleted = f", {format_count(len(done.manifest.deleted), 'run')} deleted since" if done.manifest.deleted else ""
    output.note(f"{runs}{deleted}: {format_count(len(files), 'file')} ({size}) in {place}; see: runlake verify {place}")
    if done.problems:
        raise LeftOutError("a run is not whole in the export; see above, and the problems in the manifest")
