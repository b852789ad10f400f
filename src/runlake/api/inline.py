"""The page inside a notebook: a file of `runlake view` in a frame with its data inside, or a page that is served."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from runlake.errors import BadValueError
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


class LiveView:
    """What a notebook shows at the end of a cell: the page at an address, as the runs are whenever it is looked at.

    The frame has the rights of the page's own origin and none in the notebook. Nothing that lets anybody in is in it.
    """

    def __init__(self, url: str, what: str, height_px: int) -> None:
        self.url = url
        self._what = what
        self._height_px = height_px

    def __repr__(self) -> str:
        return f"<the page of {self._what} at {self.url}; a notebook shows it>"

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(self._what)}" src="{html.escape(self.url, quote=True)}" '
            'sandbox="allow-scripts allow-same-origin allow-forms allow-downloads allow-popups" '
            f'style="width:100%;height:{self._height_px}px;border:1px solid #8888"></iframe>'
        )


def live_view(
    service: Service, live: bool | str, parts: Sequence[str], query: dict[str, str], *, height_px: int
) -> LiveView:
    """A part of the page that is served at the address `live`, or with True by the server that is read from.

    `BadValueError` for what is no such address, and for one with the token that `runlake ui` printed: a notebook would
    keep it.
    """
    address = service.url if live is True else str(live)
    place, _, fragment = address.partition("#")
    if urlsplit(place).scheme not in ("http", "https"):
        raise BadValueError(
            f"live={live!r}: {place} is no address of a page; name the one of runlake ui, "
            "as in show(live='http://localhost:8090')"
        )
    if fragment:
        raise BadValueError(
            "live= takes the address without what stands behind its #, which lets one browser in: open the whole "
            "address in this browser once, and leave it out here"
        )
    route = "/".join(quote(part, safe="") for part in parts)
    asked = "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
    url = f"{place.rstrip('/')}/#/{route}" + (f"?{asked}" if asked else "")
    return LiveView(url, "/".join(parts[:2]), height_px)


def names_text(names: Sequence[str]) -> str:
    """Names as the page's addresses have them: a comma or backslash within one is behind a backslash."""
    return ",".join(re.sub(r"([\\,])", r"\\\1", name) for name in names)


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
    query = f"o={quote(names_text(order))}" + ("&t=panels" if panels_only else "")
    what = "/".join(project)
    gathered = gather(Source(service, *project, within), read_query(query), "")
    return InlineView(html_file(gathered.document, what), what, height_px, gathered.remarks)
