"""Which names a page over a folder answers to.

A page of others can give its own name the address 127.0.0.1, and its scripts then ask what listens here as if it were
their own server. The name stands in the header ``Host``, so only names that nobody else can have are answered.
"""

from __future__ import annotations

from collections.abc import Iterable

from runlake.errors import ForbiddenError
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


class HostGate:
    """Refuses requests for another name than those of this machine for itself, and those that were `allowed`."""

    def __init__(self, app: ASGIApp, *, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | {name_of(host) for host in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; `ForbiddenError` for a name that is not known here."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or name_of(hosts[0]) not in self._names:
                asked = ", ".join(hosts)[:80] or "no name"
                raise ForbiddenError(
                    f"this page is not served as {asked!r}; if that is a name of this machine, start it with: "
                    "runlake ui --allow-host NAME"
                )
        await self._app(scope, receive, send)


def name_of(host: str) -> str:
    """A host without its port, in lower case."""
    host = host.strip().lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and (name.endswith("]") or ":" not in name) else host
