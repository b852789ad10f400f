"""Keys, users, teams and shared projects as one person may see and change them.

========================  ==================================================================
everybody                 own keys, the teams they are in, which projects are shared
an admin of a team        who is in the team, and for whom its projects are shared
who has an entity         for whom its projects are shared
a server's admin          everything, but removing themselves
nobody                    nothing
========================  ==================================================================

What somebody may not see is not there for them. Who asks is looked up in each verb, so rights that are lost end at
once. A server's admin cannot remove themselves, so whoever removes others is left: the last admin stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from runlake.errors import AuthenticationError, BadValueError, ConflictError, ForbiddenError, NotFoundError
from runlake.server.people.directory import Access, Added, ApiKey, Person, Role, Share, Team
from runlake.server.people.people import People
from runlake.server.people.standing import Standing

MAX_DESCRIPTION_LENGTH = 1000
MAX_EMAIL_LENGTH = 320
MAX_PROJECT_NAME_LENGTH = 128
MAX_KEYS = 1000
"""Of one person: what is wanted for each of many programs, and no more than a page lists."""


class Office:
    """The people of a server for who `standing` speaks of; made for one request.

    `AuthenticationError` for nobody, `ForbiddenError` for what is for others to do, and the errors of `People`.
    """

    def __init__(self, people: People, standing: Standing) -> None:
        self._people = people
        self._standing = standing

    @property
    def key_id(self) -> str | None:
        """The key that was sent, or that began the session."""
        return self._standing.key_id

    def me(self) -> Person:
        """Who asks, as they are now."""
        person = self._standing.person_in(self._people.directory())
        if person is None:
            raise AuthenticationError("no API key was sent; sign in with: runlake login")
        return person

    # Keys

    def list_keys(self, user: str | None = None) -> list[ApiKey]:
        """The keys of who asks, or for an admin those of `user`; the oldest first."""
        return self._people.list_keys(self._self_or_other(user))

    def create_key(self, description: str = "", user: str | None = None) -> Added:
        """One more key for who asks, or by an admin for `user`: it is known here and now, and never again."""
        name = self._self_or_other(user)
        _check_text("description", description, MAX_DESCRIPTION_LENGTH)
        if len(self._people.list_keys(name)) >= MAX_KEYS:
            raise ConflictError(f"{name} has {MAX_KEYS:,} keys, and more are not given; revoke those that nobody uses")
        return self._people.create_key(name, description=description)

    def revoke_key(self, key_id: str) -> None:
        """End a key of who asks, or by an admin that of anybody."""
        person = self.me()
        owner = self._people.directory().by_key_id.get(key_id)
        if owner is None or (owner.id != person.id and not person.is_admin):
            raise NotFoundError(f"you have no key with the id {key_id!r}")
        self._people.revoke_key(key_id)

    # Users

    def list_users(self) -> list[Person]:
        """All users, for admins."""
        self._require_admin("see all users")
        return self._people.list_users()

    def add_user(self, name: str, *, is_admin: bool = False, email: str | None = None) -> Added:
        """A user with a first key, by an admin."""
        self._require_admin("add users")
        _check_text("email", email or "", MAX_EMAIL_LENGTH)
        return self._people.add_user(name, is_admin=is_admin, email=email)

    def remove_user(self, name: str) -> None:
        """Remove another user, by an admin; their runs stay."""
        if self._require_admin("remove users").username == name:
            raise ConflictError(
                "an admin is removed by another one, so that the last one stays; or: runlake user remove"
            )
        self._people.remove_user(name)

    # Teams

    def list_teams(self) -> list[Team]:
        """The teams that who asks is in; for admins all."""
        person = self.me()
        return [team for team in self._people.list_teams() if person.is_admin or team.name in person.teams]

    def add_team(self, name: str, members: Mapping[str, Role]) -> Team:
        """Make a team, by an admin."""
        self._require_admin("make teams")
        return self._people.add_team(name, members)

    def remove_team(self, name: str) -> None:
        """Remove a team, by an admin; its runs stay."""
        self._require_admin("remove teams")
        self._people.remove_team(name)

    def set_member(self, team: str, user: str, role: Role) -> Team:
        """Take somebody into a team, or change what they are in it, by an admin or one of the team."""
        self._require_admin_of(team)
        self._people.set_member(team, user, role)
        return self._people.find_team(team)

    def remove_member(self, team: str, user: str) -> None:
        """Take somebody out of a team, by an admin or one of the team; everybody may leave."""
        person = self.me()
        if person.username != user or team not in person.teams:
            self._require_admin_of(team)
        self._people.remove_member(team, user)

    # Shared projects

    def list_shares(self) -> list[Share]:
        """The projects that are shared: who is signed in may read them all."""
        self.me()
        return self._people.list_shares()

    def share_project(self, entity: str, project: str, access: Access) -> Share:
        """Share a project with all, or (private) no longer; by whose it is, an admin of its team, or an admin."""
        person = self.me()
        if not (person.is_admin or person.username == entity or person.teams.get(entity) == "admin"):
            raise ForbiddenError(f"projects of {entity} are shared by whose they are; ask an admin of {entity}")
        for name in (entity, project):
            _check_text("name", name, MAX_PROJECT_NAME_LENGTH)
        self._people.share_project(entity, project, access)
        return Share(entity=entity, project=project, access=access)

    def _self_or_other(self, user: str | None) -> str:
        person = self.me()
        if user is None or user == person.username:
            return person.username
        self._require_admin("look after keys of others")
        return user

    def _require_admin(self, deed: str) -> Person:
        person = self.me()
        if not person.is_admin:
            raise ForbiddenError(f"only an admin of the server may {deed}")
        return person

    def _require_admin_of(self, team: str) -> None:
        person = self.me()
        role = person.teams.get(team)
        if person.is_admin or role == "admin":
            return
        if role is None:
            raise NotFoundError(f"there is no team {team!r}, or none that you are in")
        raise ForbiddenError(f"who is in the team {team} is decided by its admins; ask one of them")


def _check_text(what: str, text: str, max_length: int) -> None:
    """`BadValueError` for what the database cannot keep."""
    if len(text) > max_length or "\0" in text:
        raise BadValueError(
            f"the {what} has {len(text):,} characters; use at most {max_length:,}, and none with the code 0"
        )
