"""Who is asking: from the Authorization header to a person.

The W&B client sends ``Basic`` with the user ``api`` and the key as password, as netrc entries do; ours sends
``Bearer``. The user's name in ``Basic`` is not looked at: the key says who it is.
"""

from __future__ import annotations

import base64

from runlake.errors import AuthenticationError, RunlakeError
from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send
from runlake.server.http.problems import problem_of, send_problem
from runlake.server.http.sessions import Sessions
from runlake.server.people.directory import Person, SignedIn
from runlake.server.people.people import People
from runlake.server.people.standing import Standing


def key_in(authorization: str | None) -> str | None:
    """The API key in an Authorization header, None when there is none in it."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except ValueError:  # no ASCII, no base64, no UTF-8
        return None
    return decoded.partition(":")[2] or None


def find_signed_in(people: People, authorization: str | None) -> SignedIn | None:
    """Who sent the header, and with which key; None for a request without a valid one."""
    key = key_in(authorization)
    return None if key is None else people.sign_in(key)


def require_person(person: Person | None, authorization: str | None) -> Person:
    """Who sent the header, as `find_signed_in` found out; `AuthenticationError` says why it was nobody."""
    if person is not None:
        return person
    if key_in(authorization) is None:
        raise AuthenticationError("no API key was sent; sign in with: runlake login")
    raise AuthenticationError("the API key is not valid here; sign in again with: runlake login")


class AuthMiddleware:
    """Puts who is asking into ``scope["user"]``, None for nobody, and what that stands on into ``scope["standing"]``.

    Whether they may is for the routes to say. Who sends no header may have a session of the page, see `sessions`.

    A database of people that cannot be read at this moment is answered as the fault it is, and not as a wrong key.
    """

    def __init__(self, app: ASGIApp, *, people: People, sessions: Sessions | None = None) -> None:
        self._app = app
        self._people = people
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its person."""
        if scope["type"] == "http":
            header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            try:
                found = find_signed_in(self._people, header)
                if not header and self._sessions is not None:
                    found = self._sessions.find(scope)
            except RunlakeError as error:
                await send_problem(send, problem_of(error))
                return
            person, key_id = (None, None) if found is None else found
            scope["user"], scope["standing"] = person, Standing(person, key_id, seen=self._people.last_seen)
        await self._app(scope, receive, send)
