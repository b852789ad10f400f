"""``runlake seal``: journals into segments, small runs into shared ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.format import format_count
from runlake.cli.opening import Target, find_target, open_store
from runlake.errors import BadValueError, RunlakeError

if TYPE_CHECKING:
    from runlake.service.contract import Service


def seal(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A project or a run; everything without it.", metavar="PROJECT|RUN")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge the small runs of a project at once, however few or new they are.")
    ] = False,
) -> None:
    """Turn the journals of runs into columnar segments (Parquet), and merge small runs into shared ones.

    Doing it twice is harmless. Without --merge, runs are merged when there are at least 16 that ended a minute ago.
    """
    with open_store(context) as service:
        chosen = find_target(service, target)
        if merge and chosen.run_id is not None:
            raise BadValueError(f"--merge brings the runs of a project together, and {chosen} is a run")
        merged_count = 0
        sealed: list[tuple[str, str]] = []
        failures: list[RunlakeError] = []
        visited_count = 0
        with output.progress(f"seal {chosen}") as report:
            for entity, project in _projects(service, chosen):
                try:
                    for path, row_count in service.seal(entity, project, chosen.run_id):
                        visited_count += 1
                        report(visited_count, None)
                        if row_count:
                            sealed.append((str(path), f"{row_count:,}"))
                    if chosen.run_id is None:
                        merged_count += sum(1 for _ in service.pack_runs(entity, project, at_once=merge))
                except RunlakeError as error:  # the other projects are sealed all the same
                    failures.append(error)
    if sealed:
        output.print_table(("RUN", "ROWS"), sealed, right=("ROWS",))
    if failures:
        raise failures[0]
    done = [f"sealed {format_count(len(sealed), 'run')}"] if sealed else []
    done += [f"merged {format_count(merged_count, 'run')}"] if merged_count else []
    output.note(", ".join(done) or f"nothing to seal in {chosen}")


def _projects(service: Service, target: Target) -> list[tuple[str, str]]:
    if target.entity is not None and target.project is not None:
        return [(target.entity, target.project)]
    return [(project.entity, project.name) for project in service.list_projects()]
