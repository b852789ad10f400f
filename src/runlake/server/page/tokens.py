"""Sessions over a folder: one token, printed for who started the process, good for one browser."""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import Any

from litestar import Request
from msgspec.structs import replace

from runlake.errors import AuthenticationError
from runlake.server.http.cookies import session_in
from runlake.server.page.session import Begun, SessionInfo, SignIn

LIFE_S = 30 * 24 * 3600
"""Longer than most processes; the session ends with the process in any case."""


class TokenDoor:
    """Lets in who has the token, once, and who has a session that began so; `shown` is what they are told.

    Nothing of it is kept: all sessions end with the process.
    """

    is_secure = False

    def __init__(self, shown: SessionInfo) -> None:
        self.token = secrets.token_urlsafe(24)
        self._shown = shown
        self._sessions: set[str] = set()
        self._is_used = False
        self._lock = threading.Lock()

    def look(self, request: Request[Any, Any, Any]) -> SessionInfo:
        """What is shown, or to others nothing but the version."""
        if self.is_open_to(request):
            return self._shown
        return replace(self._shown, is_signed_in=False, user=None, default_entity=None, store=None, is_admin=False)

    def is_open_to(self, request: Request[Any, Any, Any]) -> bool:
        """Whether the request has a session; `ForbiddenError` where it may not speak for it, see `http.cookies`."""
        value = session_in(request.scope)
        return value is not None and value in self._sessions

    def begin(self, request: Request[Any, Any, Any], given: SignIn) -> Begun:
        """A session for the first who comes with the token; who has one already keeps it."""
        value = session_in(request.scope)
        if value is not None and value in self._sessions:
            return Begun(self._shown, value, LIFE_S)
        if given.token is None or not hmac.compare_digest(
            given.token.encode("utf-8", "surrogatepass"), self.token.encode()
        ):
            raise AuthenticationError("this is not the token that runlake ui printed; open the address that it printed")
        with self._lock:
            if self._is_used:
                raise AuthenticationError(
                    "a browser has opened this address already, and it opens once; go on there, or start runlake ui "
                    "again for a new one"
                )
            self._is_used = True
        value = secrets.token_urlsafe(32)
        self._sessions.add(value)
        return Begun(self._shown, value, LIFE_S)

    def end(self, request: Request[Any, Any, Any]) -> None:
        """Forget the session."""
        self._sessions.discard(session_in(request.scope) or "")
