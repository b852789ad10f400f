"""A page that may only be looked at."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from runlake.errors import ForbiddenError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_changes(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """`ForbiddenError` for all that is not known to read only: a guard of Litestar."""
    if connection.scope.get("method") not in _SAFE_METHODS and not handler.opt.get("only_reads"):
        raise ForbiddenError("nothing can be changed here: this page was started with --read-only")
