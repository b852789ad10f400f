"""``runlake verify``: an exported folder is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.failures import ExitCode
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import find_project, open_store
from runlake.errors import BadValueError, ConflictError

if TYPE_CHECKING:
    from runlake.bulk.verify import Proof


def verify(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="DIR|URL", help="A folder, or s3://…, that `runlake export` wrote.")],
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="PROJECT", help="Compare with the project it came from, in the store."),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="With --against: compare every value.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove an exported project, by its manifest and against its source. Ends with 1 when anything differs."""
    if deep and against is None:
        raise BadValueError("--deep compares with the source; name it with --against PROJECT")
    proof = _verify(context, place, against, deep)
    if as_json:
        output.print_json(_document(proof))
    elif proof.differences:
        output.print_table(("KIND", "PLACE", "WHAT"), [(d.kind, d.place, d.text) for d in proof.differences])
    word = format_count(len(proof.differences), "difference") if proof.differences else "all is well"
    size = f"{format_count(proof.file_count, 'file')} ({format_size(proof.size_bytes)})"
    output.note(f"read {size} of {format_count(proof.run_count, 'run')}: {word}")
    if proof.differences:
        raise typer.Exit(ExitCode.NO)


def _verify(context: typer.Context, place: str, against: str | None, deep: bool) -> Proof:
    from runlake.bulk.places import read_manifest
    from runlake.bulk.verify import verify_folder

    with output.progress(f"verify {place}", unit="bytes") as report:
        if against is None:
            return verify_folder(place, report=report)
        with open_store(context) as service:
            project, manifest = find_project(service, against), read_manifest(place)
            if project != (manifest.entity, manifest.project):
                raise ConflictError(
                    f"{place} is an export of {manifest.entity}/{manifest.project}, and not of {'/'.join(project)}"
                )
            return verify_folder(place, service, is_deep=deep, report=report)


def _document(proof: Proof) -> dict[str, Any]:
    return {
        "is_whole": proof.is_whole,
        "digest": proof.digest,
        "run_count": proof.run_count,
        "in_base_count": proof.in_base_count,
        "file_count": proof.file_count,
        "size_bytes": proof.size_bytes,
        "is_against_source": proof.is_against_source,
        "is_deep": proof.is_deep,
        "differences": [{"kind": d.kind, "place": d.place, "text": d.text} for d in proof.differences],
    }
