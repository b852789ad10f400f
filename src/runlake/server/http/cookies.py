"""The session of a page: a cookie, and which requests it speaks for.

A browser sends a cookie whoever makes it ask, so a cookie alone permits nothing. It is looked at for addresses of the
native API only, and only where the request comes from a page of this server: browsers say so in ``Sec-Fetch-Site``, and
where they leave that out (plain HTTP on another machine than their own) in ``Origin``. What changes something must say
it; what is read is answered as to nobody where a page of others asks.

The name holds the port, since a browser's cookies are of a host, whatever its ports. There is no ``Path`` in it: the
browser then sends it to addresses beside that of the session, below whatever prefix a proxy has put before them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from runlake.errors import ForbiddenError
from runlake.server.http.asgi import Scope
from runlake.service.wire.documents import API_PREFIX

SESSION_PATH = f"{API_PREFIX}/session"

_NAME = "runlake"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def session_in(scope: Scope) -> str | None:
    """The value of the session's cookie where it may speak for the request, None where there is none that may.

    `ForbiddenError` for a request that would change something and does not say that a page of this server sent it.
    """
    if not scope["path"].startswith(f"{API_PREFIX}/"):
        return None
    value = _cookie(scope, cookie_name(scope))
    if value is None:
        return None
    is_ours = is_sent_by_page(scope)
    if scope["method"] in _SAFE_METHODS:
        return None if is_ours is False else value
    if not is_ours:
        raise ForbiddenError(
            "this request would change something and has a session, but does not say that a page of this server sent "
            "it (Sec-Fetch-Site: same-origin); programs send an API key instead"
        )
    return value


def require_no_foreign_page(scope: Scope) -> None:
    """`ForbiddenError` where a page of others would have its visitor signed in."""
    if is_sent_by_page(scope) is False:
        raise ForbiddenError("a page of another server cannot sign anybody in here")


def is_sent_by_page(scope: Scope) -> bool | None:
    """Whether a page of this server sent the request, or its reader by hand; None where nothing is said of it."""
    headers = dict(scope["headers"])
    if b"sec-fetch-site" in headers:
        is_by_hand = headers[b"sec-fetch-site"] == b"none" and scope["method"] in _SAFE_METHODS
        return is_by_hand or headers[b"sec-fetch-site"] == b"same-origin"
    if b"origin" not in headers:
        return None
    host: str = headers.get(b"host", b"").decode("latin-1").lower()
    return _authority(headers[b"origin"]) == host


def is_asked_by_script(scope: Scope) -> bool:
    """Whether a script of a page waits for the answer: a browser would ask with a window of its own for a password."""
    headers = dict(scope["headers"])
    mode = headers.get(b"sec-fetch-mode")
    if mode is not None and mode != b"navigate":
        return True
    return scope["path"] == SESSION_PATH or _cookie(scope, cookie_name(scope)) is not None


def cookie_name(scope: Scope) -> str:
    """What the session's cookie is called at the port that was asked."""
    _, port = scope.get("server") or ("", None)
    return _NAME if port is None else f"{_NAME}_{port}"


def set_cookie(scope: Scope, value: str, *, life_s: int, is_secure: bool) -> str:
    """The header ``Set-Cookie`` that begins a session; without any life the one that ends it."""
    secure = "; Secure" if is_secure else ""
    return f"{cookie_name(scope)}={value}; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"


def _cookie(scope: Scope, name: str) -> str | None:
    contents = [content.decode("latin-1") for header, content in scope["headers"] if header == b"cookie"]
    for pair in ";".join(contents).split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name and value:
            return str(value)
    return None


def _authority(origin: bytes) -> str:
    try:
        return urlsplit(origin.decode("latin-1")).netloc.lower()
    except ValueError:
        return ""
