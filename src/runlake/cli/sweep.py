"""``runlake sweep``: begin a sweep, or pause, resume, stop, cancel one. ``runlake agent``: do its runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import sweep_document
from runlake.cli.failures import ExitCode
from runlake.cli.opening import open_store
from runlake.sweep_model import SweepEdit, SweepState

_DONE: dict[SweepState, str] = {
    "PAUSED": "is paused: no more runs are handed out until it is resumed",
    "RUNNING": "goes on",
    "FINISHED": "is stopped: no more runs are handed out, what runs goes on",
    "CANCELED": "is canceled: what runs is stopped",
}


def sweep(
    context: typer.Context,
    file_or_sweep: Annotated[
        str, typer.Argument(metavar="FILE|SWEEP", help="A YAML or JSON file to begin with, or a sweep that is there.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="What people call the new sweep.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="Its project, if the path names none.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Whose project, if the path names none.")] = None,
    prior_runs: Annotated[
        list[str] | None,
        typer.Option("--prior-run", metavar="RUN", help="A run of the project to learn from; may be repeated."),
    ] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Hand out no more runs until --resume.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Hand out runs again.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Hand out no more runs; what runs goes on.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Hand out no more runs, and stop what runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Begin a sweep from its configuration; or pause, resume, stop or cancel one.

    Prints the path of the sweep, with which agents are started.
    """
    from runlake.agents.create import create_sweep
    from runlake.agents.paths import find_sweep
    from runlake.settings import resolve

    wanted: dict[SweepState, bool] = {"PAUSED": pause, "RUNNING": resume, "FINISHED": stop, "CANCELED": cancel}
    states = [state for state, is_wanted in wanted.items() if is_wanted]
    if len(states) > 1 or (states and (name or prior_runs)):
        raise typer.BadParameter("--pause, --resume, --stop and --cancel are for a sweep that is there, one at a time")
    settings = resolve({}, os.environ, Path.cwd())
    with open_store(context) as service:
        if states:
            path = find_sweep(file_or_sweep, service, settings, entity=entity, project=project)
            info = service.edit_sweep(path, SweepEdit(state=states[0]))
            told = f"sweep {info.name} {_DONE[states[0]]}"
        else:
            info = create_sweep(
                service, settings, file_or_sweep, name=name, entity=entity, project=project, prior_runs=prior_runs or ()
            )
            told = f"sweep {info.name} is in {service.url}; start agents with: runlake agent {info.path}"
    if as_json:
        output.print_json(sweep_document(info))
    else:
        output.print_line(str(info.path))
        output.note(told)


def agent(
    context: typer.Context,
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="id, project/id or entity/project/id.")],
    count: Annotated[int | None, typer.Option("--count", min=1, help="Do so many runs; else until it is over.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many commands run at once.")] = 1,
    project: Annotated[str | None, typer.Option("--project", help="The project, if the path names none.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Whose project, if the path names none.")] = None,
) -> None:
    """Start the sweep's command for one run after the other, until the sweep is over.

    The first Ctrl-C or SIGTERM ends the commands in order, the second one at once.
    """
    from runlake.agents.agent import run_agent
    from runlake.agents.paths import find_sweep
    from runlake.settings import resolve

    settings = resolve({}, os.environ, Path.cwd())
    with open_store(context) as service:
        path = find_sweep(sweep, service, settings, entity=entity, project=project)
        ending = run_agent(service, settings, path, count=count, worker_count=workers)
        is_canceled = ending.kind == "over" and service.read_sweep(path).state == "CANCELED"
    codes = {"interrupted": ExitCode.INTERRUPTED, "deleted": ExitCode.NOT_FOUND, "failures": ExitCode.NO}
    code = ExitCode.NO if is_canceled else codes.get(ending.kind, ExitCode.OK)
    if code is not ExitCode.OK:
        raise typer.Exit(code)
