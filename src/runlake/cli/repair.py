"""``runlake repair``, ``gc``, ``trash`` and ``undelete``: mending a store, and what it has thrown away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import repair_document, trash_document
from runlake.cli.failures import ExitCode
from runlake.cli.format import NOTHING, format_count, format_size, format_time
from runlake.cli.opening import Target, find_run, find_target, open_store
from runlake.errors import BadValueError, NotFoundError, RunlakeError
from runlake.model import Repair, RunPath

if TYPE_CHECKING:
    from runlake.artifact_model import ArtifactPath
    from runlake.service.contract import Service

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def repair(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A project or a run; everything without it.", metavar="PROJECT|RUN")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take every process for gone, whatever locks and times say.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Mend what `check` finds. What is whole is never thrown away. Ends with 1 when something is left as it is."""
    with open_store(context) as service:
        chosen = find_target(service, target)
        found, failure = _repair(service, chosen, is_dry_run=dry_run or not yes, force=force)
        is_done = yes and not dry_run
        if not dry_run and not yes and any(repair.is_mended for _, repair in found):
            if not output.can_ask():
                raise BadValueError("nobody is there to be asked; add --yes to repair, or --dry-run to look")
            for path, one in found:
                output.note(f"{path}  {one.place}: {one.remedy}; lost: {one.lost}")
            if not output.ask(f"repair {format_count(sum(r.is_mended for _, r in found), 'thing')}?"):
                output.note("nothing was changed")
                raise typer.Exit(ExitCode.NO)
            found, failure = _repair(service, chosen, is_dry_run=False, force=force)
            is_done = True
    if as_json:
        output.print_json({"is_dry_run": not is_done, "repairs": [repair_document(path, r) for path, r in found]})
    elif found:
        rows = [(str(path), r.kind, r.place, "yes" if r.is_mended else "no", r.lost, r.remedy) for path, r in found]
        output.print_table(("RUN", "KIND", "PLACE", "MENDED", "LOST", "REMEDY"), rows)
    if failure is not None:
        raise failure
    mended_count = sum(repair.is_mended for _, repair in found)
    word = "mended" if is_done else "would mend"
    left = f", {len(found) - mended_count} left as they are" if mended_count < len(found) else ""
    output.note(f"{word} {format_count(mended_count, 'thing')}{left}" if found else f"nothing to repair in {chosen}")
    if left:
        raise typer.Exit(ExitCode.NO)


def _repair(
    service: Service, target: Target, *, is_dry_run: bool, force: bool
) -> tuple[list[tuple[RunPath, Repair]], RunlakeError | None]:
    """Everything that was done, also when some run could not be mended."""
    found: list[tuple[RunPath, Repair]] = []
    visited_count = 0
    with output.progress(f"repair {target}") as report:
        try:
            for path, repairs in service.repair(
                target.entity, target.project, target.run_id, is_dry_run=is_dry_run, force=force
            ):
                visited_count += 1
                report(visited_count, None)
                found.extend((path, one) for one in repairs)
        except RunlakeError as error:
            return found, error
    return found, None


def gc(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="How long ago it was deleted: 30d, 12h, 0s.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Empty the trash for good, and clear what killed processes left and what a server made and nobody asks for."""
    older_than_s = _seconds(older_than)
    with open_store(context) as service:
        found = list(service.empty_trash(older_than_s=older_than_s, is_dry_run=True))
        total = f"{format_count(len(found), 'thing')}, {format_size(sum(one.size_bytes for one in found))}"
        if found and not dry_run:
            if not yes:
                if not output.can_ask():
                    raise BadValueError("nobody is there to be asked; add --yes to remove, or --dry-run to look")
                for one in found:
                    output.note(f"{one.place}  {format_size(one.size_bytes)}")
                if not output.ask(f"remove {total} for good?"):
                    output.note("nothing was removed")
                    raise typer.Exit(ExitCode.NO)
            found = list(service.empty_trash(older_than_s=older_than_s))
            total = f"{format_count(len(found), 'thing')}, {format_size(sum(one.size_bytes for one in found))}"
    if as_json:
        removed = [{"place": one.place, "size_bytes": one.size_bytes} for one in found]
        output.print_json({"is_dry_run": dry_run, "removed": removed})
    elif found:
        rows = [(one.place, format_size(one.size_bytes)) for one in found]
        output.print_table(("PLACE", "SIZE"), rows, right=("SIZE",))
    output.note(f"{'would remove' if dry_run else 'removed'} {total}" if found else "nothing to remove")


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d+)([smhdw])", age.strip())
    if match is None:
        raise BadValueError(f"--older-than {age!r} is no age; write a number with s, m, h, d or w, as in 30d")
    return int(match[1]) * _UNITS_S[match[2]]


def trash(context: typer.Context, as_json: AsJson = False) -> None:
    """List what is in the trash: deleted runs, sweeps and artifacts, and what repairs put aside."""
    with open_store(context) as service:
        items = service.list_trash()
    if as_json:
        output.print_json({"items": [trash_document(item) for item in items]})
    elif items:
        rows = [
            (
                str(item.path) if item.path else item.artifact or NOTHING,
                item.run_name or ("artifact" if item.artifact else NOTHING),
                format_time(item.deleted_at),
                format_size(item.size_bytes),
                item.name,
            )
            for item in items
        ]
        output.print_table(("RUN", "NAME", "DELETED", "SIZE", "IN TRASH AS"), rows, right=("SIZE",))
    size = format_size(sum(item.size_bytes for item in items))
    output.note(f"{format_count(len(items), 'thing')}, {size}" if items else "the trash is empty")


def undelete(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|ARTIFACT",
            help="RUN, PROJECT/RUN, ENTITY/PROJECT/RUN, or its name in the trash; ENTITY/PROJECT/NAME:v3.",
        ),
    ],
) -> None:
    """Bring a deleted run back from the trash, or a deleted version of an artifact, with its collection if need be."""
    with open_store(context) as service:
        artifact = _artifact_path(target)
        if artifact is not None:
            output.print_line(str(service.restore_artifact(artifact).path))
            return
        if any(item.is_run and item.name == target for item in service.list_trash()):
            path = service.restore_run(target)
        else:
            try:
                path = service.restore_run(find_run(service, target))
            except BadValueError:  # no path, so it was meant as a name in the trash
                raise NotFoundError(f'no deleted run "{target}" in {service.url}; see: runlake trash') from None
    output.print_line(str(path))


def _artifact_path(text: str) -> ArtifactPath | None:
    """A version of an artifact as it is written; None for what is none: no run has a colon in its path."""
    from runlake.artifact_model import ArtifactPath

    names, colon, version = text.rpartition(":")
    parts = names.split("/")
    if not colon:
        return None
    if len(parts) != 3:
        raise BadValueError(f"{text!r} is no version of an artifact; write ENTITY/PROJECT/NAME:v3")
    entity, project, name = parts
    return ArtifactPath(entity, project, name, version)
