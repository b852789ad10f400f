"""What is known of people, as frozen values: who asks for them needs no database."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import msgspec

Role = Literal["admin", "member", "viewer"]
"""What somebody is in a team: admins and members read and write, viewers read."""

Access = Literal["private", "read", "write"]
"""What all people who are signed in may do with a project of others."""

ROLES: tuple[Role, ...] = get_args(Role)
ACCESSES: tuple[Access, ...] = get_args(Access)

RESERVED_NAMES = frozenset(
    {"api", "artifact-manifests", "artifact-uploads", "artifacts", "artifactsv2", "assets", "authorize", "exports"}
    | {"files", "graphql", "healthz", "login", "logout", "mcp", "metrics", "oidc", "page", "readyz", "schema", "sdk"}
    | {"static"}
)
"""First parts of the server's own addresses, where pages begin with the name of an entity."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A user as a request sees them: `teams` maps each of their teams to what they are in it."""

    id: str
    username: str
    created_at: float
    is_admin: bool = False
    email: str | None = None
    teams: dict[str, Role] = {}


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A team: `members` maps usernames to roles."""

    id: str
    name: str
    created_at: float
    members: dict[str, Role] = {}


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key. The key itself is not: it was shown once."""

    key_id: str
    username: str
    description: str
    created_at: float


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A project that all people who are signed in may read, or read and write."""

    entity: str
    project: str
    access: Access


class Added(NamedTuple):
    """A new key: `key` is known here and now, and never again."""

    person: Person
    key: str
    key_id: str


class SignedIn(NamedTuple):
    """Who sent a key, and which of their keys it was."""

    person: Person
    key_id: str


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about people at one moment, by name; `by_sha256` maps keys to their ids, `by_key_id` to who has them.

    A key is gone with who had it, and ids are never given again: who is found by the id of a key is who it was given.
    """

    people: dict[str, Person] = {}
    teams: dict[str, Team] = {}
    keys: tuple[ApiKey, ...] = ()
    by_sha256: dict[bytes, str] = {}
    by_key_id: dict[str, Person] = {}
    shares: dict[tuple[str, str], Access] = {}
