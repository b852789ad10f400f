"""Addresses that W&B's client prints for people to open, as addresses of the page.

Nothing is routed there: only what no route of the server knows comes here, so no request of a client is taken away.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.exceptions import NotFoundException

from runlake.server.http.problems import problem_response
from runlake.server.people.directory import RESERVED_NAMES

_SIGN_IN = "people"


def answer_unknown(request: Request[Any, Any, Any], error: NotFoundException) -> Response[Any]:
    """What no route knows: for a browser that shows a page the page, where the address has one; else the problem."""
    wants_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    route = page_route(request.scope["path"]) if wants_page else None
    if route is None:
        return problem_response(request, error)
    # Relative, since a proxy may have taken a prefix off the path.
    up = "../" * (request.scope["path"].count("/") - 1) or "./"
    return Response(b"", status_code=302, headers={"Location": f"{up}#/{route}"})


def page_route(path: str) -> str | None:
    """The route of the page that shows what an address of W&B's means; None for one that is none.

    ``/ENTITY/PROJECT``, and below it ``runs/ID``, ``sweeps/ID``, ``artifacts/TYPE/NAME/VERSION``; ``/authorize``.
    """
    parts = [part for part in path.split("/") if part]
    if parts == ["authorize"]:
        return _SIGN_IN
    if len(parts) < 2 or parts[0].casefold() in RESERVED_NAMES:
        return None
    kind, rest = (parts[2], parts[3:]) if len(parts) > 2 else ("", [])
    if kind == "runs":
        below = ["runs", rest[0]] if rest else []
    elif kind == "sweeps":
        below = ["sweeps", *rest[:1]]
    elif kind == "artifacts":
        below = ["artifacts", *rest[1:3]]
    elif kind in ("", "workspace", "table", "overview", "reports"):
        below = []
    else:
        return None
    return "/".join(quote(part, safe="") for part in (*parts[:2], *below))
