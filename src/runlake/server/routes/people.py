"""Who may use the server, for its page and for programs: own keys, users, teams, shared projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from runlake.server.people.directory import Access, Added, ApiKey, Person, Role, Share, Team
from runlake.server.people.office import Office
from runlake.server.routes.answers import answer
from runlake.service.wire.documents import API_PREFIX

PEOPLE_PREFIX = f"{API_PREFIX}/people"

AskedOffice = NamedDependency[SkipValidation[Office]]
"""People as the caller of this request may see and change them."""


class PersonInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A user: `teams` maps each of their teams to what they are in it. `created_at` is in seconds since 1970."""

    user: str
    is_admin: bool
    email: str | None
    teams: dict[str, Role]
    created_at: float


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; `is_current` says that this request, or the session it is of, stands on it."""

    key_id: str
    user: str
    description: str
    created_at: float
    is_current: bool


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its user gets it: this answer is the only place where it is written."""

    user: str
    key_id: str
    key: str


class TeamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A team: `members` maps usernames to what they are in it."""

    team: str
    members: dict[str, Role]
    created_at: float


class KeyWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is wanted: `user` is None for oneself."""

    description: str = ""
    user: str | None = None


class UserWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user that is wanted."""

    name: str
    is_admin: bool = False
    email: str | None = None


class TeamWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team that is wanted."""

    name: str
    members: dict[str, Role] = {}


class RoleWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody is to be in a team."""

    role: Role


class AccessWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all who are signed in are to do with a project."""

    access: Access


@get("/me", sync_to_thread=True)
def read_me(office: AskedOffice) -> Response[PersonInfo]:
    """Who is signed in, and the teams they are in."""
    return answer(_person(office.me()))


@get("/keys", sync_to_thread=True)
def list_keys(office: AskedOffice, user: FromQuery[str | None] = None) -> Response[list[KeyInfo]]:
    """Own keys, or for an admin those of `user`, the oldest first."""
    return answer([_key(key, office.key_id) for key in office.list_keys(user)])


@post("/keys", sync_to_thread=True)
def create_key(office: AskedOffice, data: JSONBody[KeyWish]) -> Response[NewKey]:
    """One more key: it stands in this answer, and nowhere else."""
    return answer(_added(office.create_key(data.description, data.user)), status_code=201)


@delete("/keys/{key_id:str}", sync_to_thread=True)
def revoke_key(office: AskedOffice, key_id: FromPath[str]) -> None:
    """End a key, at once and for good."""
    office.revoke_key(key_id)


@get("/users", sync_to_thread=True)
def list_users(office: AskedOffice) -> Response[list[PersonInfo]]:
    """All users, for admins."""
    return answer([_person(person) for person in office.list_users()])


@post("/users", sync_to_thread=True)
def add_user(office: AskedOffice, data: JSONBody[UserWish]) -> Response[NewKey]:
    """A user, with a first key that stands in this answer, and nowhere else."""
    return answer(_added(office.add_user(data.name, is_admin=data.is_admin, email=data.email)), status_code=201)


@delete("/users/{name:str}", sync_to_thread=True)
def remove_user(office: AskedOffice, name: FromPath[str]) -> None:
    """Remove a user with their keys; their runs stay."""
    office.remove_user(name)


@get("/teams", sync_to_thread=True)
def list_teams(office: AskedOffice) -> Response[list[TeamInfo]]:
    """The teams that one is in; for admins all."""
    return answer([_team(team) for team in office.list_teams()])


@post("/teams", sync_to_thread=True)
def add_team(office: AskedOffice, data: JSONBody[TeamWish]) -> Response[TeamInfo]:
    """Make a team."""
    return answer(_team(office.add_team(data.name, data.members)), status_code=201)


@delete("/teams/{team:str}", sync_to_thread=True)
def remove_team(office: AskedOffice, team: FromPath[str]) -> None:
    """Remove a team; its runs stay."""
    office.remove_team(team)


@put("/teams/{team:str}/members/{user:str}", sync_to_thread=True)
def set_member(
    office: AskedOffice, team: FromPath[str], user: FromPath[str], data: JSONBody[RoleWish]
) -> Response[TeamInfo]:
    """Take somebody into a team, or change what they are in it."""
    return answer(_team(office.set_member(team, user, data.role)))


@delete("/teams/{team:str}/members/{user:str}", sync_to_thread=True)
def remove_member(office: AskedOffice, team: FromPath[str], user: FromPath[str]) -> None:
    """Take somebody out of a team."""
    office.remove_member(team, user)


@get("/shares", sync_to_thread=True)
def list_shares(office: AskedOffice) -> Response[list[Share]]:
    """The projects that are shared with all, by path."""
    return answer(office.list_shares())


@put("/shares/{entity:str}/{project:str}", sync_to_thread=True)
def share_project(
    office: AskedOffice, entity: FromPath[str], project: FromPath[str], data: JSONBody[AccessWish]
) -> Response[Share]:
    """Let all who are signed in read a project, write to it too, or (private) neither."""
    return answer(office.share_project(entity, project, data.access))


def people_router(office_of: Callable[[Request[Any, Any, Any]], Office]) -> Router:
    """The routes of a server that has people; `office_of` makes the office of who sent a request."""

    # Routes are copied with all that their dependencies hold; a function of its own holds nothing that is copied.
    def provide_office(request: Request[Any, Any, Any]) -> Office:
        return office_of(request)

    return Router(
        PEOPLE_PREFIX,
        route_handlers=[
            *(read_me, list_keys, create_key, revoke_key),
            *(list_users, add_user, remove_user),
            *(list_teams, add_team, remove_team, set_member, remove_member),
            *(list_shares, share_project),
        ],
        dependencies={"office": Provide(provide_office, sync_to_thread=False)},
        tags=["runlake"],
    )


def _person(person: Person) -> PersonInfo:
    return PersonInfo(
        user=person.username,
        is_admin=person.is_admin,
        email=person.email,
        teams=dict(person.teams),
        created_at=person.created_at,
    )


def _key(key: ApiKey, current_id: str | None) -> KeyInfo:
    return KeyInfo(
        key_id=key.key_id,
        user=key.username,
        description=key.description,
        created_at=key.created_at,
        is_current=key.key_id == current_id,
    )


def _added(added: Added) -> NewKey:
    return NewKey(user=added.person.username, key_id=added.key_id, key=added.key)


def _team(team: Team) -> TeamInfo:
    return TeamInfo(team=team.name, members=dict(team.members), created_at=team.created_at)
