"""Sessions at a team's server: an API key begins one, and it ends with the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from litestar import Request

from runlake.errors import AuthenticationError
from runlake.server.http.sessions import LIFE_S, Sessions
from runlake.server.page.session import Begun, SessionInfo, SignIn
from runlake.server.people.directory import Person
from runlake.version import __version__

if TYPE_CHECKING:
    from runlake.server.people.people import People


class KeyDoor:
    """Lets in who has a key of `people`; `url_of` says what a request's browser calls this server."""

    def __init__(
        self,
        people: People,
        sessions: Sessions,
        *,
        is_secure: bool,
        url_of: Callable[[Request[Any, Any, Any]], str],
    ) -> None:
        self.is_secure = is_secure
        self._people = people
        self._sessions = sessions
        self._url_of = url_of

    def look(self, request: Request[Any, Any, Any]) -> SessionInfo:
        """Who sent the request, as `auth.AuthMiddleware` found out."""
        person = request.scope.get("user")
        return self._info(request, person if isinstance(person, Person) else None)

    def begin(self, request: Request[Any, Any, Any], given: SignIn) -> Begun:
        """A session for whose key it is."""
        found = self._people.sign_in(given.key.strip()) if given.key else None
        if found is None:
            raise AuthenticationError(
                "this API key is not valid here; an admin of the server makes one: runlake key create USER"
            )
        return Begun(self._info(request, found.person), self._sessions.begin(found), LIFE_S)

    def end(self, request: Request[Any, Any, Any]) -> None:
        """Nothing is kept of a session, so nothing is to be forgotten."""

    def _info(self, request: Request[Any, Any, Any], person: Person | None) -> SessionInfo:
        if person is None:
            return SessionInfo(is_signed_in=False, has_people=True, version=__version__)
        return SessionInfo(
            is_signed_in=True,
            has_people=True,
            version=__version__,
            user=person.username,
            is_admin=person.is_admin,
            default_entity=person.username,
            store=self._url_of(request),
        )
