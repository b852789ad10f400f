"""Headers that every answer has: what browsers and caches may do with it, and which pages of other servers may ask.

Keys come in the Authorization header and never in cookies. The cookie of our own page holds a session, which speaks for
no request that a page of others has sent (`cookies`), and no answer here lets such a page see what a browser's cookies
bring. So a page of another server can do nothing with a visitor's rights, and all origins may ask unless the server is
told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.http.cookies import is_asked_by_script

_ALLOWED_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED_HEADERS = (
    b"Authorization, Content-Type, Range, If-None-Match, Last-Event-ID, X-Request-Id, "
    b"Mcp-Protocol-Version, Mcp-Method, Mcp-Name"
)
_EXPOSED_HEADERS = b"Content-Range, Content-Length, ETag, Digest, Retry-After, X-Request-Id"
_PREFLIGHT_MAX_AGE_S = b"600"

# Files of runs are what users made: shown by a browser they must not run, nor reach anything.
_SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_NOT_KEPT = (b"cache-control", b"private, no-store")
"""For all that does not say itself that it is private: answers depend on who asks, and may carry signed URLs."""
_CHALLENGE_OF_PAGES = (b"www-authenticate", b'Bearer realm="runlake"')
"""In place of `problems.CHALLENGE` for scripts of a page: no browser asks for a password then, beside the page."""
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Adds what tells browsers to be careful; a header that the answer has already stays as it is."""

    def __init__(self, app: ASGIApp, *, is_tls: bool = False) -> None:
        self._app = app
        self._headers = (*_SECURITY, _HSTS) if is_tls else _SECURITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with more headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if message["status"] == HTTPStatus.UNAUTHORIZED and is_asked_by_script(scope):
                    kept = (header for header in headers if header[0].lower() != _CHALLENGE_OF_PAGES[0])
                    headers = [*kept, _CHALLENGE_OF_PAGES]
                message["headers"] = with_security(headers, self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def with_security(
    given: Iterable[tuple[bytes, bytes]], security: Sequence[tuple[bytes, bytes]] = _SECURITY
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with those that each one has; what it says itself of them stays."""
    headers, present = [], set()
    for name, value in given:
        lower = name.lower()
        if lower == b"cache-control" and b"private" not in value:
            continue
        headers.append((name, value))
        present.add(lower)
    headers.extend(header for header in (*security, _NOT_KEPT) if header[0] not in present)
    return headers


class Cors:
    """Lets pages of other servers ask: every ``OPTIONS`` with an Origin is answered here, for any address."""

    def __init__(self, app: ASGIApp, *, allowed_origins: Sequence[str] = ("*",)) -> None:
        self._app = app
        self._allows_all = "*" in allowed_origins
        self._allowed = frozenset(origin.encode("latin-1").rstrip(b"/") for origin in allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass the request on and the answer back with what its page may see."""
        origin = dict(scope["headers"]).get(b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        headers = self._headers_for(origin)
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            preflight = [
                (b"access-control-allow-methods", _ALLOWED_METHODS),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", _PREFLIGHT_MAX_AGE_S),
            ]
            await send({"type": "http.response.start", "status": 204, "headers": headers + preflight})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _headers_for(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if self._allows_all:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED_HEADERS)]
        allowed = [(b"vary", b"Origin")]
        if origin in self._allowed:
            allowed.append((b"access-control-allow-origin", origin))
            allowed.append((b"access-control-expose-headers", _EXPOSED_HEADERS))
        return allowed
