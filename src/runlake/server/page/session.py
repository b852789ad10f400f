"""The session of a page: who is signed in, signing in, and signing out."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, SkipValidation

from runlake.server.http.cookies import SESSION_PATH, require_no_foreign_page, set_cookie
from runlake.service.wire import documents


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at the page, and at what.

    `user` is None for nobody, and where there are no people. `store` is the URL of the folder or of the server, for
    those who are signed in. `is_read_only` says that nothing can be changed here by anybody.
    """

    is_signed_in: bool
    has_people: bool
    version: str
    user: str | None = None
    is_admin: bool = False
    default_entity: str | None = None
    is_read_only: bool = False
    store: str | None = None


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signs in: the `token` that `runlake ui` printed, or the API `key` of somebody at a server."""

    token: str | None = None
    key: str | None = None


class Begun(NamedTuple):
    """A session that has begun: what its cookie holds, and for how long it is good."""

    info: SessionInfo
    value: str
    life_s: int


class Door(Protocol):
    """Lets people in: see `tokens.TokenDoor` for a folder, `keys.KeyDoor` for a server."""

    is_secure: bool
    """Whether browsers may send the cookie over TLS only."""

    def look(self, request: Request[Any, Any, Any]) -> SessionInfo:
        """Who sent the request."""
        ...

    def begin(self, request: Request[Any, Any, Any], given: SignIn) -> Begun:
        """A session for who has what signs in; `AuthenticationError` for all others."""
        ...

    def end(self, request: Request[Any, Any, Any]) -> None:
        """Forget the session of the request, where there is anything to forget."""
        ...


AskedDoor = NamedDependency[SkipValidation[Door]]


@get("/", sync_to_thread=True)
def read_session(request: Request[Any, Any, Any], door: AskedDoor) -> Response[SessionInfo]:
    """Who is signed in; also nobody is answered."""
    return _answer(door.look(request))


@post("/", sync_to_thread=True, status_code=200, opt={"only_reads": True})
def begin_session(request: Request[Any, Any, Any], door: AskedDoor, data: JSONBody[SignIn]) -> Response[SessionInfo]:
    """Sign in: a cookie that no script can read holds the session from then on. 401 for what signs nobody in."""
    require_no_foreign_page(request.scope)
    begun = door.begin(request, data)
    response = _answer(begun.info)
    cookie = set_cookie(request.scope, begun.value, life_s=begun.life_s, is_secure=door.is_secure)
    response.headers["Set-Cookie"] = cookie
    return response


@delete("/", sync_to_thread=True, status_code=204, opt={"only_reads": True})
def end_session(request: Request[Any, Any, Any], door: AskedDoor) -> Response[None]:
    """Sign out: the browser forgets the cookie."""
    require_no_foreign_page(request.scope)
    door.end(request)
    cookie = set_cookie(request.scope, "", life_s=0, is_secure=door.is_secure)
    return Response(None, status_code=204, headers={"Set-Cookie": cookie})


def session_router(door: Door) -> Router:
    """The routes of this page."""
    return Router(
        SESSION_PATH,
        route_handlers=[read_session, begin_session, end_session],
        dependencies={"door": Provide(lambda: door, sync_to_thread=False)},
        tags=["runlake"],
    )


def _answer(info: SessionInfo) -> Response[SessionInfo]:
    return Response(documents.pack(info), media_type=documents.JSON_TYPE)  # type: ignore[arg-type]
