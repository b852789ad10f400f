"""The page's table and charts inside a notebook: a file of `runlake view` in a frame, with its data inside."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from runlake.report.answers import Source, gather
from runlake.report.html_file import html_file
from runlake.report.page_view import read_query
from runlake.service.contract import Service


class InlineView:
    """What a notebook shows at the end of a cell; made once, as the runs were then.

    It needs no server and asks nobody: a frame without the rights of the notebook holds the file, so what was logged
    can do nothing there. `remarks` say what is coarser, or left out.
    """

    def __init__(self, content: bytes, what: str, height_px: int, remarks: Sequence[str]) -> None:
        self._content = content
        self._what = what
        self._height_px = height_px
        self.remarks = tuple(remarks)

    def __repr__(self) -> str:
        return f"<the page of {self._what}, {len(self._content):,} bytes; a notebook shows it>"

    def _repr_html_(self) -> str:
        document = html.escape(self._content.decode(), quote=True)
        said = "".join(f"<div>{html.escape(remark)}</div>" for remark in self.remarks)
        return (
            f'<iframe title="{html.escape(self._what)}" sandbox="allow-scripts allow-downloads" srcdoc="{document}" '
            f'style="width:100%;height:{self._height_px}px;border:1px solid #8888"></iframe>{said}'
        )


def inline_view(
    service: Service,
    project: tuple[str, str],
    within: dict[str, Any] | None,
    *,
    order: Sequence[str] = ("-created_at",),
    panels_only: bool = False,
    height_px: int = 520,
) -> InlineView:
    """The runs of a project that a filter finds, as the page shows them."""
    names = ",".join(re.sub(r"([\\,])", r"\\\1", name) for name in order)
    query = f"o={quote(names)}" + ("&t=panels" if panels_only else "")
    what = "/".join(project)
    gathered = gather(Source(service, *project, within), read_query(query), "")
    return InlineView(html_file(gathered.document, what), what, height_px, gathered.remarks)
