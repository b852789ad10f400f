"""``runlake ls``: which projects there are, which runs, sweeps, artifacts, saved views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.documents import project_document, run_document
from runlake.cli.format import format_count, format_duration, format_time, format_value, shorten
from runlake.cli.ls_artifacts import list_collections
from runlake.cli.ls_sweeps import list_sweeps
from runlake.cli.ls_views import list_views
from runlake.cli.opening import find_project, open_store, read_filter
from runlake.errors import BadValueError, FilterError
from runlake.model import RunInfo, RunPage

if TYPE_CHECKING:
    from runlake.service.contract import Service

DEFAULT_LIMIT = 50
_SUMMARY_WIDTH = 60


def ls(
    context: typer.Context,
    project: Annotated[
        str | None,
        typer.Argument(help="PROJECT or ENTITY/PROJECT; without it all projects, with ENTITY/ one entity's."),
    ] = None,
    filters: Annotated[
        str | None,
        typer.Option("--filter", metavar="JSON", help='Only runs that match, as in \'{"config.lr": {"$gt": 0.1}}\'.'),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order",
            metavar="FIELD",
            help="Sort by a field, +up or -down; may be repeated, the first weighs most.  [default: -created_at]",
        ),
    ] = None,
    sweeps: Annotated[bool, typer.Option("--sweeps", help="List sweeps, of the project or of all.")] = False,
    artifacts: Annotated[bool, typer.Option("--artifacts", help="List artifacts, of the project or of all.")] = False,
    views: Annotated[bool, typer.Option("--views", help="List saved views, of the project or of all.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many runs or sweeps.")] = DEFAULT_LIMIT,
    everything: Annotated[bool, typer.Option("--all", help="List every one, whatever the limit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the projects of the store, or the runs of a project, or sweeps (newest first), artifacts, saved views."""
    wanted = read_filter(filters)
    is_many = project is None or (project.endswith("/") and project.count("/") == 1)
    options = {"--sweeps": sweeps, "--artifacts": artifacts, "--views": views}
    said = [option for option, is_said in options.items() if is_said]
    if (wanted or order) and said:
        raise FilterError(f"--filter and --order choose runs; leave them out, or leave {said[0]} out")
    if len(said) > 1:
        raise BadValueError(f"{' and '.join(said)} are {len(said)} lists; ask for one of them")
    if (wanted or order) and is_many:
        raise FilterError("--filter and --order choose runs; name a project: runlake ls ENTITY/PROJECT")
    with open_store(context) as service:
        if project is None or is_many:
            of_entity = project and project.rstrip("/")
            if not said:
                _list_projects(service, of_entity, as_json)
                return
            projects = [(found.entity, found.name) for found in service.list_projects(of_entity)]
        else:
            projects = [find_project(service, project)]
        if said:
            place = service.url if project is None else project.rstrip("/")
            shown = None if everything else limit
            if sweeps:
                list_sweeps(service, projects, limit=shown, where=place, as_json=as_json)
            elif views:
                list_views(service, projects, limit=shown, where=place, as_json=as_json)
            else:
                list_collections(service, projects, type=None, limit=shown, where=place, as_json=as_json)
            return
        ((entity, name),) = projects
        page = service.list_runs(
            entity, name, filters=wanted, order=order or ["-created_at"], limit=None if everything else limit
        )
        _print_page(f"{entity}/{name}", page, is_filtered=bool(wanted), as_json=as_json)


def _list_projects(service: Service, entity: str | None, as_json: bool) -> None:
    projects = service.list_projects(entity)
    if as_json:
        output.print_json({"projects": [project_document(project) for project in projects]})
        return
    if not projects:
        output.note(f"no projects in {service.url}")
        return
    rows = [
        (f"{project.entity}/{project.name}", f"{project.run_count:,}", format_time(project.created_at))
        for project in projects
    ]
    output.print_table(("PROJECT", "RUNS", "CREATED"), rows, right=("RUNS",))


def _print_page(project: str, page: RunPage, *, is_filtered: bool, as_json: bool) -> None:
    if as_json:
        entity, _, name = project.partition("/")
        document = {
            "entity": entity,
            "project": name,
            "total_count": page.total_count,
            "runs": [run_document(run) for run in page.runs],
        }
        output.print_json(document)
        return
    _print_runs(page.runs)
    if len(page.runs) < page.total_count:
        output.note(
            f"{len(page.runs):,} of {format_count(page.total_count, 'run')}; --all lists every one, --limit N more"
        )
    elif not page.runs:
        output.note(f"no run of {project} matches" if is_filtered else f"no runs in {project}")


def _print_runs(runs: tuple[RunInfo, ...]) -> None:
    if not runs:
        return
    rows = [
        (
            run.run_id,
            run.name,
            run.state,
            format_time(run.created_at),
            format_duration(run.runtime_s),
            f"{run.row_count:,}",
            ",".join(run.tags),
            _in_short(run.summary),
        )
        for run in runs
    ]
    output.print_table(
        ("RUN", "NAME", "STATE", "CREATED", "RUNTIME", "ROWS", "TAGS", "SUMMARY"), rows, right=("RUNTIME", "ROWS")
    )


def _in_short(summary: dict[str, Any]) -> str:
    """The summary's plain values, as many as fit."""
    parts = [
        f"{key}={f'{value:.6g}' if isinstance(value, float) else format_value(value)}"
        for key, value in summary.items()
        if not key.startswith("_") and isinstance(value, bool | int | float | str)
    ]
    return shorten("  ".join(parts), _SUMMARY_WIDTH)
