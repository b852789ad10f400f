"""``runlake segments``: where the sealed values of a project lie, for engines that read Parquet by themselves."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import to_builtins

from runlake.cli import output
from runlake.cli.export import StreamName
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import find_project, open_store


def segments(
    context: typer.Context,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="PROJECT or ENTITY/PROJECT.")],
    stream: Annotated[StreamName, typer.Option("--stream", help="Which rows.")] = StreamName.HISTORY,
    signed_for: Annotated[
        float | None,
        typer.Option("--signed-for", metavar="SECONDS", min=1, help="Addresses that anybody may read for so long."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the addresses of exactly those Parquet files that hold the sealed rows of a project, one a line."""
    with open_store(context) as service:
        entity, name = find_project(service, project)
        found = service.list_segments(entity, name, stream=stream.value, signed_for_s=signed_for)
    if as_json:
        output.print_json(to_builtins(found))
        return
    for segment in found.segments:
        output.print_line(segment.url)
    size_bytes = sum(segment.size_bytes for segment in found.segments)
    output.note(f"{format_count(len(found.segments), 'file')} ({format_size(size_bytes)}) of {entity}/{name}")
    if found.unlisted_run_ids:
        output.note(
            f"{format_count(len(found.unlisted_run_ids), 'run')} with rows that are in none of them: they are not "
            "sealed (runlake seal), or rewound"
        )
