"""``runlake pull``: a run's files into a folder."""

from __future__ import annotations

import fnmatch
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.failures import LeftOutError, RefusedError
from runlake.cli.format import format_count, format_size
from runlake.cli.git import branch_of
from runlake.cli.opening import find_existing_run, open_store
from runlake.errors import NotFoundError, UnsafeNameError
from runlake.local_names import PlacesBelow
from runlake.md5 import md5_of
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
    root: Annotated[
        Path | None, typer.Option(help="The folder to put them in; it is created.  [default: pulled/RUN_ID]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite local files that differ.")] = False,
) -> None:
    """Copy the files of a run into a folder. A file that is there already, unchanged, is left alone.

    One whose name programs would obey (.git/config) is left out, and named.
    """
    with open_store(context) as service:
        path = find_existing_run(service, run)
        folder = root if root is not None else own_folder("pulled", path)
        left_out = pull_files(service, path, choose_files(service, path, names or ()), folder, overwrite=force)
    raise_left_out(left_out)


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


def own_folder(parent: str, path: RunPath) -> Path:
    """A folder for one run alone: among the user's own files those of the run could pass for the user's."""
    return Path(parent, branch_of(path.run_id).removeprefix("runlake/"))


def raise_left_out(left_out: Sequence[str]) -> None:
    """End the command with a code of its own, when everything else is done."""
    if left_out:
        raise LeftOutError(f"{format_count(len(left_out), 'file')} left out because of the name; see above")


def pull_files(service: Service, path: RunPath, files: Sequence[FileInfo], root: Path, *, overwrite: bool) -> list[str]:
    """Copy files of a run below `root`, whole or not at all each; answers those that its names forbid, after a note.

    Refuses before the first byte is written when a local file differs and `overwrite` is off.
    """
    places: list[tuple[FileInfo, Path]] = []
    left_out: list[str] = []
    below = PlacesBelow(root)
    for file in files:
        try:
            places.append((file, below.place(file.name)))
        except UnsafeNameError as error:
            left_out.append(file.name)
            output.note(f"left out: {error}")
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
    return left_out


def _is_there(file: FileInfo, place: Path) -> bool:
    if not place.is_file() or place.stat().st_size != file.size_bytes:
        return False
    with place.open("rb") as content:
        return md5_of(content) == file.md5


def _copy(service: Service, path: RunPath, file: FileInfo, place: Path, count: Callable[[int], None]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with service.open_file(path, file.name) as source, temporary.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                target.write(chunk)
                count(len(chunk))
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
