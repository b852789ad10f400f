"""People as nodes: everybody sees themselves and those who share a team with them, admins see all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runlake.errors import NotFoundError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import user_node_id
from runlake.server.wandb.nodes.connection import Connection, WholeConnection, slice_by_name


@dataclass(frozen=True, slots=True)
class MemberNode:
    """Somebody in a team."""

    person: Any
    role: str

    pending = False
    photoUrl = None
    accountType = "MEMBER"
    apiKey = None

    @property
    def id(self) -> str:
        return user_node_id(self.person.username)

    @property
    def name(self) -> str:
        return str(self.person.username)

    @property
    def username(self) -> str:
        return str(self.person.username)

    @property
    def email(self) -> str | None:
        return self.person.email or None

    @property
    def admin(self) -> bool:
        return self.role == "admin"


class UserNode:
    """A person. Their keys and flags are for themselves and for admins."""

    flags = "{}"
    deletedAt = None
    photoUrl = None
    accountType = None
    organizations = ()

    def __init__(self, context: RequestContext, person: Any) -> None:
        self._context = context
        self._person = person

    @property
    def id(self) -> str:
        return user_node_id(self._person.username)

    @property
    def name(self) -> str:
        return str(self._person.username)

    @property
    def username(self) -> str:
        return str(self._person.username)

    @property
    def email(self) -> str | None:
        return self._person.email or None

    @property
    def admin(self) -> bool:
        return bool(self._person.is_admin)

    @property
    def entity(self) -> str:
        """Where what names no entity goes: for who asks their default, else what bears their name."""
        return self._context.service.default_entity if self._is_viewer else self.username

    def teams(self, _: ResolveInfo) -> WholeConnection:
        """Where they may put runs: what bears their name, then their teams."""
        make_entity = self._context.shared.nodes.entity
        names = [name for name in sorted(self._person.teams) if visible_team(self._context, name) is not None]
        return WholeConnection.of([make_entity(self._context, name) for name in (self.username, *names)])

    def apiKeys(self, _: ResolveInfo) -> WholeConnection:
        if self._context.people is None or not (self._is_viewer or _is_admin(self._context)):
            return WholeConnection()
        keys = self._context.people.list_keys(self.username)
        return WholeConnection.of([ApiKeyNode(key.key_id, key.description) for key in keys])

    @property
    def _is_viewer(self) -> bool:
        viewer = self._context.person
        return viewer is not None and viewer.username == self._person.username


@dataclass(frozen=True, slots=True)
class ApiKeyNode:
    """What is known of a key, which the key itself is not part of."""

    id: str
    description: str | None

    @property
    def name(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class NamedUser:
    """Somebody of whom a run says the name, and who need not be a user of this server."""

    username: str

    type_name = "User"
    email = None
    admin = None
    flags = None
    entity = None
    deletedAt = None
    photoUrl = None
    accountType = None
    apiKeys = None
    teams = None
    organizations = None

    @property
    def id(self) -> str:
        return user_node_id(self.username)

    @property
    def name(self) -> str:
        return self.username


def visible_team(context: RequestContext, name: str) -> Any:
    """The team of that name for its members and for admins; None for everybody else, and where there is none."""
    if context.person is None or context.people is None:
        return None
    if name not in context.person.teams and not _is_admin(context):
        return None
    return _found(context.people.find_team, name)


def visible_person(context: RequestContext, name: str) -> Any:
    """The user of that name for themselves, those who share a team with them, and admins; None for everybody else."""
    viewer = context.person
    if viewer is None or context.people is None:
        return viewer if viewer is not None and viewer.username == name else None
    person = _found(context.people.find_user, name)
    if person is None or not _is_seen(context, person):
        return None
    return person


def visible_people(context: RequestContext, query: str | None) -> list[Any]:
    """Everybody whose name or address holds the text `query`, of those whom the person of the context sees."""
    if context.person is None:
        return []
    known = [context.person] if context.people is None else context.people.list_users()
    text = (query or "").casefold()
    return [
        person
        for person in known
        if _is_seen(context, person) and (text in person.username.casefold() or text in (person.email or "").casefold())
    ]


def user_page(context: RequestContext, query: str | None, *, first: int | None, after: str | None) -> Connection:
    """A page of `visible_people`, by name."""
    nodes = [UserNode(context, person) for person in visible_people(context, query)]
    return slice_by_name(
        sorted(nodes, key=lambda node: node.username), first=first, after=after, name_of=lambda node: node.username
    )


def _is_seen(context: RequestContext, person: Any) -> bool:
    viewer = context.person
    return _is_admin(context) or person.username == viewer.username or bool(person.teams.keys() & viewer.teams.keys())


def _is_admin(context: RequestContext) -> bool:
    return context.person is not None and bool(context.person.is_admin)


def _found(find: Callable[[str], Any], name: str) -> Any:
    try:
        return find(name)
    except NotFoundError:
        return None
