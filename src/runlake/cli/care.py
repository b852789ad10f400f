"""``runlake rm``, ``seal`` and ``check``: taking care of a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import finding_document
from runlake.cli.failures import ExitCode
from runlake.cli.format import format_count, format_time
from runlake.cli.opening import Target, find_run_or_sweep, find_target, open_store
from runlake.errors import BadValueError, RunlakeError
from runlake.model import Finding, RunPath
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


def check(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A project or a run; everything without it.", metavar="PROJECT|RUN")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read every byte of the store and name what is damaged. Ends with 1 when something is."""
    with open_store(context) as service:
        chosen = find_target(service, target)
        findings: list[tuple[RunPath, Finding]] = []
        checked_count = 0
        with output.progress(f"check {chosen}") as report:
            for path, found in _check(service, chosen):
                checked_count += bool(path.run_id)
                report(checked_count, None)
                findings.extend((path, finding) for finding in found)
    if as_json:
        output.print_json({"run_count": checked_count, "findings": [finding_document(path, f) for path, f in findings]})
    elif findings:
        rows = [(str(path), f.kind, f.place, f.lost, f.advice) for path, f in findings]
        output.print_table(("RUN", "KIND", "PLACE", "LOST", "ADVICE"), rows)
    word = format_count(len(findings), "finding") if findings else "all is well"
    output.note(f"read {format_count(checked_count, 'run')}: {word}")
    if findings:
        raise typer.Exit(ExitCode.NO)


def _check(service: Service, target: Target) -> Iterator[tuple[RunPath, list[Finding]]]:
    for path, found in service.check(target.entity, target.project):
        if target.run_id is None or path == target.run_path:
            yield path, found


def _projects(service: Service, target: Target) -> list[tuple[str, str]]:
    if target.entity is not None and target.project is not None:
        return [(target.entity, target.project)]
    return [(project.entity, project.name) for project in service.list_projects()]
