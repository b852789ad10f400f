"""``runlake pull``: a run's files into a folder."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.failures import RefusedError
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import find_existing_run, open_store
from runlake.errors import NotFoundError, PathError
from runlake.model import FileInfo, RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service

_CHUNK_BYTES = 1 << 20


def pull(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Which files, as named or as a pattern ('*.h5'); all without it.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The folder to put them in; it is created.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite local files that differ.")] = False,
) -> None:
    """Copy the files of a run into a folder. A file that is there already, unchanged, is left alone."""
    with open_store(context) as service:
        path = find_existing_run(service, run)
        pull_files(service, path, choose_files(service, path, names or ()), root, overwrite=force)


def choose_files(service: Service, path: RunPath, patterns: Sequence[str]) -> list[FileInfo]:
    """The run's files that have one of the names or match one of the patterns; `NotFoundError` for one in vain."""
    service.read_run(path)
    files = service.list_files(path)
    if not patterns:
        return files
    chosen = {}
    for pattern in patterns:
        found = [f for f in files if f.name == pattern or fnmatch.fnmatchcase(f.name, pattern)]
        if not found:
            raise NotFoundError(
                f'no file "{pattern}" in {path} ({format_count(len(files), "file")}); see: runlake show {path}'
            )
        chosen.update({file.name: file for file in found})
    return list(chosen.values())


def pull_files(service: Service, path: RunPath, files: Sequence[FileInfo], root: Path, *, overwrite: bool) -> None:
    """Copy files of a run below `root`, whole or not at all each.

    Refuses before the first byte is written when a local file differs and `overwrite` is off, or when a name
    leads out of `root`.
    """
    places = [(file, local_path(root, file.name)) for file in files]
    wanted = [(file, place) for file, place in places if not _is_there(file, place)]
    in_the_way = [place for _, place in wanted if place.exists()]
    if in_the_way and not overwrite:
        more = f" and {len(in_the_way) - 1} more" if len(in_the_way) > 1 else ""
        raise RefusedError(f"{in_the_way[0]}{more} exists and differs; use another --root, or --force to overwrite")
    total_bytes = sum(file.size_bytes for file, _ in wanted)
    with output.progress(f"pull {path}", unit="bytes") as report:
        done_bytes = 0
        report(done_bytes, total_bytes)
        for file, place in wanted:

            def count(chunk_bytes: int) -> None:
                nonlocal done_bytes
                done_bytes += chunk_bytes
                report(done_bytes, total_bytes)

            _copy(service, path, file, place, count)
    for _, place in wanted:
        output.print_line(str(place))
    same_count = len(places) - len(wanted)
    same = f"; {format_count(same_count, 'file')} already there" if same_count else ""
    output.note(f"{format_count(len(wanted), 'file')}, {format_size(total_bytes)} into {root}{same}")


def local_path(root: Path, name: str) -> Path:
    """Where a run's file goes below `root`; `PathError` when that is outside, also through a link."""
    place = root / name
    if not place.resolve().is_relative_to(root.resolve()) or place.resolve() == root.resolve():
        raise PathError(f"the file {name!r} would be written outside {root}; choose another --root")
    return place


def _is_there(file: FileInfo, place: Path) -> bool:
    if not place.is_file() or place.stat().st_size != file.size_bytes:
        return False
    with place.open("rb") as content:
        digest = hashlib.file_digest(content, "md5").digest()
    return base64.b64encode(digest).decode() == file.md5


def _copy(service: Service, path: RunPath, file: FileInfo, place: Path, count: Callable[[int], None]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with service.open_file(path, file.name) as source, temporary.open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                target.write(chunk)
                count(len(chunk))
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
