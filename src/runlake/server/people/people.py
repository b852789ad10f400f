"""Who may use a server: users and their API keys, teams, and the projects that are shared.

All of it is in ``STORE/server.sqlite``, written by the server's workers and the command at the same time. Reads are
answered from memory: a `Directory` holds everything, and is read anew as soon as any process has changed anything.

Keys are kept as SHA-256 only. Slow hashes guard what people make up; a key that is drawn here has 160 random bits,
which nobody tries out however fast the hash is, and it is looked up in every request. Keys that were chosen freely
must have the length of those that are drawn.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from runlake.errors import BadValueError, ConflictError, NotFoundError
from runlake.server.people import database as db
from runlake.server.people.directory import (
    ACCESSES,
    RESERVED_NAMES,
    ROLES,
    Access,
    Added,
    ApiKey,
    Directory,
    Person,
    Role,
    Share,
    SignedIn,
    Team,
)

T = TypeVar("T")

KEY_PREFIX = "local-"
_MIN_SECRET_LENGTH = 40
_SECRET = re.compile(r"[\w-]+", re.ASCII)
_FORBIDDEN_IN_NAMES = frozenset('/\\#?%:*"<>|,')
_MAX_NAME_LENGTH = 128


class People:
    """The people of one server. Threads may share it; a process that was forked opens its own.

    Errors: `ConflictError` for a name or key that is taken, `NotFoundError` for who is not there, `BadValueError` for
    names, roles and keys that cannot be, `StoreError` when the database cannot be used at this moment.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = db.open_engine(database_url)
        self._mark = db.ChangeMark(self._engine)
        self._lock = threading.Lock()
        self._known: tuple[tuple[int, int], Directory] | None = None

    # Reading

    def directory(self) -> Directory:
        """Everything as of now; the same object as long as nothing changed."""
        with self._lock:
            mark = self._mark.read()  # before the tables: a change in between is seen the next time
            if self._known is None or self._known[0] != mark:
                self._known = mark, _read_directory(self._engine)
            return self._known[1]

    @property
    def last_seen(self) -> Directory | None:
        """What `directory` answered last."""
        known = self._known
        return None if known is None else known[1]

    def sign_in(self, key: str) -> SignedIn | None:
        """Whose key this is and which, None when it is nobody's (any more)."""
        directory = self.directory()
        key_id = directory.by_sha256.get(_sha256(key))
        return None if key_id is None else SignedIn(directory.by_key_id[key_id], key_id)

    def find_user(self, name: str) -> Person:
        """The user of that name."""
        return _found(self.directory().people, "user", name)

    def find_team(self, name: str) -> Team:
        """The team of that name."""
        return _found(self.directory().teams, "team", name)

    def list_users(self) -> list[Person]:
        """All users, by name."""
        return list(self.directory().people.values())

    def list_teams(self) -> list[Team]:
        """All teams, by name."""
        return list(self.directory().teams.values())

    def list_keys(self, user: str | None = None) -> list[ApiKey]:
        """All keys, or those of one user; the oldest first."""
        if user is not None:
            self.find_user(user)
        return [key for key in self.directory().keys if user in (None, key.username)]

    def list_shares(self) -> list[Share]:
        """The projects that are shared, by path."""
        shares = sorted(self.directory().shares.items())
        return [Share(entity=entity, project=project, access=access) for (entity, project), access in shares]

    def shared_access(self, entity: str, project: str) -> Access:
        """What all people may do with a project because it was shared."""
        return self.directory().shares.get((entity, project), "private")

    # Users and keys

    def add_user(self, name: str, *, is_admin: bool = False, email: str | None = None, key: str | None = None) -> Added:
        """Make a user with one key: a new one, or `key` where a machine is set up with a key that is known before."""
        user_id = new_id()
        key, key_id = _checked_key(key), new_id()
        row = _entity_row(name, "user", user_id) | {"email": email, "is_admin": is_admin}
        with db.writing(self._engine) as connection:
            _check_name_is_free(connection, name)
            connection.execute(sa.insert(db.entities).values(row))
            _insert_key(connection, user_id, key, key_id, "first key")
        return Added(self.find_user(name), key, key_id)

    def remove_user(self, name: str) -> None:
        """Remove the user, their keys and memberships. Their runs stay: an admin sees them, and so does who gets
        the name next."""
        self._remove_entity("user", name)

    def create_key(self, user: str, *, description: str = "", key: str | None = None) -> Added:
        """One more key for a user; the others stay valid."""
        key, key_id = _checked_key(key), new_id()
        with db.writing(self._engine) as connection:
            _insert_key(connection, _entity_id(connection, "user", user), key, key_id, description)
        return Added(self.find_user(user), key, key_id)

    def revoke_key(self, key_id: str) -> None:
        """Make a key invalid, at once and for good."""
        with db.writing(self._engine) as connection:
            if connection.execute(sa.delete(db.keys).where(db.keys.c.id == key_id)).rowcount == 0:
                raise NotFoundError(f"there is no key with the id {key_id!r}; see: runlake key list")

    # Teams and shared projects

    def add_team(self, name: str, members: Mapping[str, Role] | None = None) -> Team:
        """Make a team; `members` maps usernames to roles."""
        team_id = new_id()
        with db.writing(self._engine) as connection:
            _check_name_is_free(connection, name)
            connection.execute(sa.insert(db.entities).values(_entity_row(name, "team", team_id)))
            for user, role in (members or {}).items():
                _put_member(connection, team_id, user, role)
        return self.find_team(name)

    def remove_team(self, name: str) -> None:
        """Remove the team. Its runs stay: an admin sees them, and so does who gets the name next."""
        self._remove_entity("team", name)

    def set_member(self, team: str, user: str, role: Role) -> None:
        """Take somebody into a team, or change what they are in it."""
        with db.writing(self._engine) as connection:
            _put_member(connection, _entity_id(connection, "team", team), user, role)

    def remove_member(self, team: str, user: str) -> None:
        """Take somebody out of a team."""
        with db.writing(self._engine) as connection:
            team_id, user_id = _entity_id(connection, "team", team), _entity_id(connection, "user", user)
            if _delete_member(connection, team_id, user_id) == 0:
                raise NotFoundError(f"{user} is not in the team {team}; see: runlake team list")

    def share_project(self, entity: str, project: str, access: Access) -> None:
        """Let all people who are signed in read a project, or read and write it, or (private) neither."""
        if access not in ACCESSES:
            raise BadValueError(f"the access {access!r} is not one of {', '.join(ACCESSES)}")
        with db.writing(self._engine) as connection:
            is_it = (db.shares.c.entity == entity) & (db.shares.c.project == project)
            connection.execute(sa.delete(db.shares).where(is_it))
            if access != "private":
                connection.execute(sa.insert(db.shares).values(entity=entity, project=project, access=access))

    # Secrets

    def signing_secret(self) -> bytes:
        """32 random bytes that all workers of this server share, and that outlive it: what URLs are signed with."""
        wanted = sa.select(db.secrets.c.value).where(db.secrets.c.name == "signing")
        with db.reading(self._engine) as connection:
            found = connection.scalar(wanted)
        if found is None:
            with db.writing(self._engine) as connection:
                found = connection.scalar(wanted)
                if found is None:
                    found = secrets.token_bytes(32)
                    connection.execute(sa.insert(db.secrets).values(name="signing", value=found))
        return bytes(found)

    def close(self) -> None:
        """Give up the connection to the database."""
        with self._lock:
            self._mark.close()
            self._known = None
        self._engine.dispose()

    def _remove_entity(self, kind: str, name: str) -> None:
        with db.writing(self._engine) as connection:
            entity_id = _entity_id(connection, kind, name)
            connection.execute(sa.delete(db.entities).where(db.entities.c.id == entity_id))


def open_people(root: Path, database_url: str | None = None) -> People:
    """The people of the store at `root`, in its own file or where `database_url` says; what is missing is made."""
    return People(database_url or db.sqlite_url(root))


def new_id() -> str:
    """An id that nobody guesses and no other has."""
    return secrets.token_hex(8)


def new_key() -> str:
    """An API key of the form that the W&B client takes."""
    return KEY_PREFIX + secrets.token_hex(20)


def check_key(key: str) -> str:
    """The key itself; `BadValueError`, without the key, for one that the W&B client would refuse."""
    secret = key.partition("-")[2] or key
    if not _SECRET.fullmatch(secret) or len(secret) < _MIN_SECRET_LENGTH:
        raise BadValueError(
            f"the key cannot be used: what follows its first dash has {len(secret)} characters, and must be at least "
            f"{_MIN_SECRET_LENGTH} letters, digits, dashes or underscores, as in local-<40 hexadecimal digits>"
        )
    return key


def check_entity_name(name: str) -> str:
    """The name itself; `BadValueError` for one that cannot be that of a user or team."""
    bad = sorted(
        character for character in set(name) if character in _FORBIDDEN_IN_NAMES or not character.isprintable()
    )
    if bad:
        raise BadValueError(
            f"the name {name[:80]!r} holds {', '.join(map(repr, bad))}; use letters, digits, -, _ and ."
        )
    if not name.strip(".") or name != name.strip() or len(name) > _MAX_NAME_LENGTH:
        raise BadValueError(
            f"the name {name[:80]!r} cannot be used: it must have 1 to {_MAX_NAME_LENGTH} characters, not only dots, "
            "and no blanks around it"
        )
    if _fold(name) in RESERVED_NAMES:
        raise BadValueError(f"the name {name!r} is a part of the server's own addresses; choose another")
    return name


def _checked_key(key: str | None) -> str:
    return new_key() if key is None else check_key(key)


def _sha256(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _found(known: Mapping[str, T], kind: str, name: str) -> T:
    if name in known:
        return known[name]
    raise NotFoundError(f"there is no {kind} {name!r}; see: runlake {kind} list")


def _entity_row(name: str, kind: str, entity_id: str) -> dict[str, object]:
    check_entity_name(name)
    return {
        "id": entity_id,
        "name": name,
        "folded_name": _fold(name),
        "kind": kind,
        "is_admin": False,
        "created_at": time.time(),
    }


def _check_name_is_free(connection: sa.Connection, name: str) -> None:
    wanted = sa.select(db.entities.c.kind, db.entities.c.name).where(db.entities.c.folded_name == _fold(name))
    taken = connection.execute(wanted).first()
    if taken is not None:
        raise ConflictError(f"the name {name!r} is taken: there is a {taken.kind} {taken.name!r}")


def _entity_id(connection: sa.Connection, kind: str, name: str) -> str:
    wanted = sa.select(db.entities.c.name, db.entities.c.id).where(db.entities.c.kind == kind)
    found = connection.execute(wanted.where(db.entities.c.name == name)).all()
    return _found({row.name: str(row.id) for row in found}, kind, name)


def _insert_key(connection: sa.Connection, user_id: str, key: str, key_id: str, description: str) -> None:
    digest = _sha256(key)
    if connection.scalar(sa.select(db.keys.c.id).where(db.keys.c.sha256 == digest)) is not None:
        raise ConflictError("this key is in use already; every key belongs to one user, choose another")
    row = {"id": key_id, "user_id": user_id, "sha256": digest, "description": description, "created_at": time.time()}
    connection.execute(sa.insert(db.keys).values(row))


def _put_member(connection: sa.Connection, team_id: str, user: str, role: Role) -> None:
    if role not in ROLES:
        raise BadValueError(f"the role {role!r} is not one of {', '.join(ROLES)}")
    user_id = _entity_id(connection, "user", user)
    _delete_member(connection, team_id, user_id)
    connection.execute(sa.insert(db.members).values(team_id=team_id, user_id=user_id, role=role))


def _delete_member(connection: sa.Connection, team_id: str, user_id: str) -> int:
    is_it = (db.members.c.team_id == team_id) & (db.members.c.user_id == user_id)
    return connection.execute(sa.delete(db.members).where(is_it)).rowcount


def _read_directory(engine: sa.Engine) -> Directory:
    with db.reading(engine) as connection:
        entities = connection.execute(sa.select(db.entities).order_by(db.entities.c.name)).all()
        members = connection.execute(sa.select(db.members)).all()
        keys = connection.execute(sa.select(db.keys).order_by(db.keys.c.created_at, db.keys.c.id)).all()
        shares = connection.execute(sa.select(db.shares)).all()
    name_of = {row.id: row.name for row in entities}
    roles = sorted((name_of[row.team_id], name_of[row.user_id], row.role) for row in members)
    teams_of: dict[str, dict[str, Role]] = {}
    members_of: dict[str, dict[str, Role]] = {}
    for team, user, role in roles:
        teams_of.setdefault(user, {})[team] = role
        members_of.setdefault(team, {})[user] = role
    people = {
        row.name: Person(
            id=row.id,
            username=row.name,
            created_at=row.created_at,
            is_admin=row.is_admin,
            email=row.email,
            teams=teams_of.get(row.name, {}),
        )
        for row in entities
        if row.kind == "user"
    }
    teams = {
        row.name: Team(id=row.id, name=row.name, created_at=row.created_at, members=members_of.get(row.name, {}))
        for row in entities
        if row.kind == "team"
    }
    return Directory(
        people=people,
        teams=teams,
        keys=tuple(
            ApiKey(
                key_id=row.id,
                username=name_of[row.user_id],
                description=row.description,
                created_at=row.created_at,
            )
            for row in keys
        ),
        by_sha256={bytes(row.sha256): row.id for row in keys},
        by_key_id={row.id: people[name_of[row.user_id]] for row in keys},
        shares={(row.entity, row.project): row.access for row in shares},
    )
