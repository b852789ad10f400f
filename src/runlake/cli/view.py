"""``runlake view``: a view of the page as one file with its data inside."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import unquote

import typer

from runlake.cli import output
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import find_project, open_store
from runlake.errors import NotSupportedError, PathError
from runlake.view_model import ViewPath

if TYPE_CHECKING:
    from runlake.report.page_view import PageView
    from runlake.service.contract import Service

_ADDRESS = re.compile(r"(?:https?://[^#]*)?#/?([^?]*)(?:\?(.*))?", re.DOTALL)
_VIEW_PARTS = 4


class _Named(NamedTuple):
    project: tuple[str, str]
    view: PageView
    title: str


def view(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="VIEW",
            help="ENTITY/PROJECT/views/NAME, or ENTITY/PROJECT, or an address of the page, in quotes.",
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write; - is stdout.")],
    all_rows: Annotated[bool, typer.Option("--all-rows", help="Not supported: see runlake export.")] = False,
) -> None:
    """Make one HTML file of a view of the page, which opens from a disk, without a server.

    Its table and charts are as they are now: lines of up to 1,000 columns of pixels, each through its first, lowest,
    highest and last row there. Lines of up to 4,000 rows have them all.
    """
    from runlake.report.answers import Source, gather
    from runlake.report.html_file import html_file

    if all_rows:
        raise NotSupportedError(
            "--all-rows is not supported: a browser does not hold all rows of many runs. The file has what is drawn; "
            "runlake export writes all rows"
        )
    if str(out) != "-" and not out.parent.is_dir():
        raise PathError(f"{out} cannot be written: there is no folder {out.parent}")
    with open_store(context) as service:
        named = _find(service, name)
        gathered = gather(Source(service, *named.project), named.view, named.title)
    title = " · ".join(filter(None, (named.title, "/".join(named.project), "runlake")))
    content = html_file(gathered.document, title)
    for remark in gathered.remarks:
        output.note(remark)
    if str(out) == "-":
        output.binary_stdout().write(content)
        return
    _write(out, content)
    runs, keys = format_count(gathered.run_count, "run"), format_count(gathered.key_count, "chart")
    output.note(f"{out}: {runs}, {keys}, {format_size(len(content))}")


def _find(service: Service, name: str) -> _Named:
    """The view that is meant: by its address, as it was saved, or as a project is shown before anybody chose."""
    from runlake.report.page_view import read_query, saved_view

    address = _ADDRESS.fullmatch(name)
    if address is not None:
        parts = [unquote(part) for part in address[1].split("/") if part]
        if len(parts) != 2:
            raise PathError(f"{name!r} is no address of a project; copy it from the page, as in: '#/ENTITY/PROJECT?…'")
        return _Named(find_project(service, "/".join(parts)), read_query(address[2] or ""), "")
    parts = name.split("/")
    if len(parts) == _VIEW_PARTS and parts[2] == "views":
        found = service.read_view(ViewPath(parts[0], parts[1], parts[3]))
        return _Named((found.entity, found.project), saved_view(found), found.display_name or found.name)
    return _Named(find_project(service, name), read_query(""), "")


def _write(path: Path, content: bytes) -> None:
    """Put the file in its place when all of it is there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
