"""``runlake move``: a folder's store into PostgreSQL and a bucket, and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from runlake.cli import output
from runlake.cli.format import format_count, format_size


def move(
    folder: Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store.")],
    database: Annotated[
        str, typer.Option("--database", metavar="URL", envvar="RUNLAKE_DATABASE", help="postgresql://USER@HOST/NAME.")
    ],
    bucket: Annotated[
        str, typer.Option("--bucket", metavar="URL", envvar="RUNLAKE_BUCKET", help="s3://BUCKET/FOLDER.")
    ],
    back: Annotated[bool, typer.Option("--back", help="Out of the cluster into the folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Take processes that may still write for gone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Copy a store from a folder into a cluster, or back; each byte is read back. Nothing is removed where it was.

    Doing it again copies what is missing, so an interrupted move goes on. Runs that are being written are refused:
    stop the server first. What is in the trash stays there.
    """
    from runlake.service.open import move_store

    moving = move_store(folder, database, bucket, is_back=back, force=force, environ=os.environ)
    with output.progress(f"move {folder}") as report:
        moved = list(moving(report))
    runs = [one for one in moved if one.path.run_id]
    if as_json:
        output.print_json([to_builtins(one) for one in moved])
        return
    size = format_size(sum(one.copied_bytes for one in moved))
    count = sum(one.is_new for one in runs)
    output.note(f"moved {format_count(count, 'run')} ({size}); {format_count(len(runs) - count, 'run')} were there")
