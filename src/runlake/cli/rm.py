"""``runlake rm``: runs and sweeps into the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.failures import ExitCode
from runlake.cli.format import format_count, format_time
from runlake.cli.opening import find_run_or_sweep, open_store
from runlake.errors import BadValueError
from runlake.model import RunPath
from runlake.sweep_model import SweepPath

if TYPE_CHECKING:
    from runlake.service.contract import Service


def rm(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|SWEEP...", help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN; ENTITY/PROJECT/sweeps/SWEEP."
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Move runs and sweeps to the store's trash. They leave every listing at once; the runs of a sweep stay."""
    with open_store(context) as service:
        # By their texts: as tuples, a run and a sweep of one name are equal.
        found = {_path_text(path): path for path in (find_run_or_sweep(service, text) for text in runs)}
        lines = [f"{text}  {_describe(service, path)}" for text, path in found.items()]
        run_count = sum(isinstance(path, RunPath) for path in found.values())
        counts = [(run_count, "run"), (len(found) - run_count, "sweep")]
        what = " and ".join(format_count(count, word) for count, word in counts if count)
        if dry_run:
            for text in found:
                output.print_line(text)
            output.note(f"would remove {what}")
            return
        if not yes:
            _ask_for_each_of(lines, what)
        with output.progress("remove") as report:
            for count, path in enumerate(found.values(), 1):
                if isinstance(path, SweepPath):
                    service.delete_sweep(path)
                else:
                    service.delete_run(path)
                report(count, len(found))
        for text in found:
            output.print_line(text)
        output.note(f"removed {what}")


def _describe(service: Service, path: RunPath | SweepPath) -> str:
    info = service.read_sweep(path) if isinstance(path, SweepPath) else service.read_run(path)
    return f"{info.name}  {info.state}  {format_time(info.created_at)}"


def _path_text(path: RunPath | SweepPath) -> str:
    return f"{path.entity}/{path.project}/sweeps/{path.sweep_id}" if isinstance(path, SweepPath) else str(path)


def _ask_for_each_of(lines: list[str], what: str) -> None:
    if not output.can_ask():
        raise BadValueError("nobody is there to be asked; add --yes to remove, or --dry-run to look")
    for line in lines:
        output.note(line)
    if not output.ask(f"remove {what}?"):
        output.note("nothing was removed")
        raise typer.Exit(ExitCode.NO)
