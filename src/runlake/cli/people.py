"""``runlake user``, ``key``, ``team`` and ``project``: who may do what on a server.

They write into the store's own database, on the machine where the store is; a server that runs sees it at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from runlake.cli import output
from runlake.cli.documents import key_document, person_document, share_document, team_document
from runlake.cli.format import format_time
from runlake.cli.opening import GlobalOptions, open_store
from runlake.errors import NotSupportedError

if TYPE_CHECKING:
    from runlake.server.people.directory import Added, Role
    from runlake.server.people.people import People


class AccessName(StrEnum):
    """What ``project share`` lets all people do."""

    PRIVATE = "private"
    READ = "read"
    WRITE = "write"


class RoleName(StrEnum):
    """What somebody is in a team."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


Store = Annotated[str | None, typer.Option("--dir", metavar="STORE", help="The store, as before the verb.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ChosenKey = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="A key chosen by you, to set up machines; - reads it from stdin."),
]

user_commands = typer.Typer(rich_markup_mode=None, help="Users of a server.")
key_commands = typer.Typer(rich_markup_mode=None, help="API keys of users.")
team_commands = typer.Typer(rich_markup_mode=None, help="Teams, and who is in them.")
project_commands = typer.Typer(rich_markup_mode=None, help="Projects that all people may see.")


# Users --------------------------------------------------------------------------------------------------------


@user_commands.command("add")
def add_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name, which is their entity too.")],
    admin: Annotated[bool, typer.Option("--admin", help="May do everything on the server.")] = False,
    email: Annotated[str | None, typer.Option("--email", help="An address, for others to see.")] = None,
    key: ChosenKey = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Make a user and print their API key, this once."""
    with open_people_of(context, store) as people:
        added = people.add_user(name, is_admin=admin, email=email, key=_chosen(key))
    _print_added(added, as_json=as_json)


@user_commands.command("rm")
def remove_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The user's name.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Remove a user with their keys and memberships; their runs stay."""
    with open_people_of(context, store) as people:
        person = people.find_user(name)
        people.remove_user(name)
    _print_done(person_document(person), f"removed the user {name}; their keys are not valid any more", as_json)


@user_commands.command("list")
def list_users(context: typer.Context, store: Store = None, as_json: AsJson = False) -> None:
    """List the users."""
    with open_people_of(context, store) as people:
        users = people.list_users()
    if as_json:
        output.print_json({"users": [person_document(user) for user in users]})
        return
    rows = [
        (
            user.username,
            "admin" if user.is_admin else "",
            user.email or "",
            _roles(user.teams),
            format_time(user.created_at),
        )
        for user in users
    ]
    output.print_table(("USER", "SERVER", "EMAIL", "TEAMS", "SINCE"), rows)


# Keys ---------------------------------------------------------------------------------------------------------


@key_commands.command("create")
def create_key(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Whose key.")],
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    key: ChosenKey = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Make one more key for a user and print it, this once; the others stay valid."""
    with open_people_of(context, store) as people:
        added = people.create_key(user, description=description, key=_chosen(key))
    _print_added(added, as_json=as_json)


@key_commands.command("revoke")
def revoke_key(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="The id of the key, as in: runlake key list.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Make a key invalid, at once and for good."""
    with open_people_of(context, store) as people:
        found = [key for key in people.list_keys() if key.key_id == key_id]
        people.revoke_key(key_id)
    _print_done(key_document(found[0]), f"revoked the key {key_id} of {found[0].username}", as_json)


@key_commands.command("list")
def list_keys(
    context: typer.Context,
    user: Annotated[str | None, typer.Argument(help="Only those of one user.")] = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """List the keys by their ids; the keys themselves are kept nowhere."""
    with open_people_of(context, store) as people:
        keys = people.list_keys(user)
    if as_json:
        output.print_json({"keys": [key_document(key) for key in keys]})
        return
    rows = [(key.key_id, key.username, key.description, format_time(key.created_at)) for key in keys]
    output.print_table(("KEY ID", "USER", "DESCRIPTION", "SINCE"), rows)


# Teams --------------------------------------------------------------------------------------------------------

Members = Annotated[
    list[str] | None,
    typer.Option("--member", metavar="USER[:ROLE]", help="Who is in it: admin, member (so if not said), or viewer."),
]


@team_commands.command("add")
def add_team(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name, which is the team's entity too.")],
    member: Members = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Make a team."""
    members = dict(_member(text) for text in member or [])
    with open_people_of(context, store) as people:
        team = people.add_team(name, members)
    _print_done(team_document(team), f"made the team {name} of {_roles(team.members) or 'nobody yet'}", as_json)


@team_commands.command("join")
def join_team(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The team's name.")],
    user: Annotated[str, typer.Argument(help="Who joins it, or is something else in it from now on.")],
    role: Annotated[RoleName, typer.Option("--role", help="What they are in it.")] = RoleName.MEMBER,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Take a user into a team, or change what they are in it."""
    with open_people_of(context, store) as people:
        people.set_member(name, user, role.value)
        team = people.find_team(name)
    _print_done(team_document(team), f"{user} is {role.value} of {name}", as_json)


@team_commands.command("leave")
def leave_team(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The team's name.")],
    user: Annotated[str, typer.Argument(help="Who leaves it.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Take a user out of a team."""
    with open_people_of(context, store) as people:
        people.remove_member(name, user)
        team = people.find_team(name)
    _print_done(team_document(team), f"{user} is not in {name} any more", as_json)


@team_commands.command("rm")
def remove_team(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The team's name.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Remove a team; its runs stay."""
    with open_people_of(context, store) as people:
        team = people.find_team(name)
        people.remove_team(name)
    _print_done(team_document(team), f"removed the team {name}", as_json)


@team_commands.command("list")
def list_teams(context: typer.Context, store: Store = None, as_json: AsJson = False) -> None:
    """List the teams and who is in them."""
    with open_people_of(context, store) as people:
        teams = people.list_teams()
    if as_json:
        output.print_json({"teams": [team_document(team) for team in teams]})
        return
    rows = [(team.name, _roles(team.members), format_time(team.created_at)) for team in teams]
    output.print_table(("TEAM", "MEMBERS", "SINCE"), rows)


# Projects -----------------------------------------------------------------------------------------------------


@project_commands.command("share")
def share_project(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="ENTITY/PROJECT.")],
    access: Annotated[AccessName, typer.Option("--access", help="What all people who are signed in may do with it.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Let all people of the server read a project, write to it too, or (private) only those whose it is."""
    from runlake.api.paths import parse_project_path
    from runlake.server.people.directory import Share

    entity, name = parse_project_path(project, "")
    with open_people_of(context, store) as people:
        people.share_project(entity, name, access.value)
    said = {"private": "is only for those whose it is", "read": "can be read by all", "write": "can be written by all"}
    document = share_document(Share(entity=entity, project=name, access=access.value))
    _print_done(document, f"{entity}/{name} {said[access.value]}", as_json)


@project_commands.command("list")
def list_shares(context: typer.Context, store: Store = None, as_json: AsJson = False) -> None:
    """List the projects that are shared with all people."""
    with open_people_of(context, store) as people:
        shares = people.list_shares()
    if as_json:
        output.print_json({"shares": [share_document(share) for share in shares]})
        return
    output.print_table(("PROJECT", "ACCESS"), [(f"{share.entity}/{share.project}", share.access) for share in shares])


# What these have in common ------------------------------------------------------------------------------------


def store_folder(context: typer.Context, store: str | None) -> tuple[Path, str]:
    """The folder of the store that is meant, and its default entity; `NotSupportedError` for that of a server."""
    from urllib.request import url2pathname

    if store is not None:
        context.obj = GlobalOptions(store=store)
    with open_store(context) as service:
        parts = urlsplit(service.url)
        if parts.scheme != "file":
            raise NotSupportedError(
                f"{service.url} is a server; its people are looked after on its own machine, with --dir STORE"
            )
        return Path(url2pathname(parts.path)), service.default_entity


def people_url(environ: Mapping[str, str]) -> str | None:
    """Where people are kept if not in the store: a variable, since the URL may hold a password."""
    return environ.get("RUNLAKE_PEOPLE_URL") or None


@contextmanager
def open_people_of(context: typer.Context, store: str | None) -> Iterator[People]:
    """The people of the store that is meant: of that in a database, where one is named as for `serve` and no folder."""
    from runlake.server.people.people import open_people

    is_folder = store is not None or (context.obj or GlobalOptions()).store is not None
    url = people_url(os.environ) or (None if is_folder else os.environ.get("RUNLAKE_DATABASE"))
    people = open_people(Path() if url else store_folder(context, store)[0], url)
    try:
        yield people
    finally:
        people.close()


def _chosen(key: str | None) -> str | None:
    """A key from the command line is seen by everybody on the machine, so it may come from stdin too."""
    return sys.stdin.readline().strip() if key == "-" else key


def _member(text: str) -> tuple[str, Role]:
    user, _, role = text.partition(":")
    roles: dict[str, Role] = {"": "member", "admin": "admin", "member": "member", "viewer": "viewer"}
    if role not in roles:
        raise typer.BadParameter(f"--member {text!r}: the role {role!r} is none of admin, member, viewer")
    return user, roles[role]


def _print_added(added: Added, *, as_json: bool) -> None:
    if as_json:
        output.print_json({**person_document(added.person), "key": added.key, "key_id": added.key_id})
        return
    output.note(f"the key of {added.person.username}, with the id {added.key_id}; it is not shown again:")
    output.print_line(added.key)


def _print_done(document: dict[str, Any], said: str, as_json: bool) -> None:
    if as_json:
        output.print_json(document)
    else:
        output.note(said)


def _roles(roles: dict[str, Role]) -> str:
    return ", ".join(name if role == "member" else f"{name}:{role}" for name, role in roles.items())
