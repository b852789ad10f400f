"""What admins of a server do about its people with W&B's client: users, keys, teams and who is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import BadValueError, ConflictError, ForbiddenError, NotFoundError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import user_node_id, user_of
from runlake.server.wandb.nodes.entity_node import EntityNode
from runlake.server.wandb.nodes.user_node import UserNode

Given = Mapping[str, Any]


class PeopleMutations:
    """Every field is for admins of the server."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def createUser(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """A user named like the part of the address before the ``@``, and without a key: nobody could be told one."""
        people, email = self._people("make users"), input["email"]
        name = email.partition("@")[0]
        added = people.add_user(name, is_admin=bool(input.get("admin")), email=email)
        people.revoke_key(added.key_id)
        return {"user": UserNode(self._context, people.find_user(name))}

    def generateApiKey(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """A further key of the admin who asks; its name is the key itself, this once."""
        added = self._people("make keys").create_key(self._context.who, description=input.get("description") or "")
        return {"apiKey": {"id": added.key_id, "name": added.key, "description": input.get("description")}}

    def deleteApiKey(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        self._people("revoke keys").revoke_key(input["id"])
        return {"success": True}

    def createTeam(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """A team whose admin is who is named, else who asks."""
        admin = input.get("teamAdminUserName") or self._context.who
        self._people("make teams").add_team(input["teamName"], {admin: "admin"})
        return {"entity": EntityNode(self._context, input["teamName"])}

    def createInvite(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Take a user into a team, at once; by address only those who are users already."""
        people, team = self._people("take users into teams"), input["entityName"]
        name = input.get("username") or self._name_of(input.get("email") or "")
        if name in people.find_team(team).members:
            raise ConflictError(f"{name} is in the team {team} already")
        people.set_member(team, name, "admin" if input.get("admin") else "member")
        user = UserNode(self._context, people.find_user(name))
        return {"invite": {"id": user_node_id(name), "name": name, "email": user.email, "toUser": user}}

    def deleteInvite(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Take a user out of a team."""
        if not input.get("id") or not input.get("entityName"):
            raise BadValueError("who leaves which team? pass id and entityName")
        self._people("take users out of teams").remove_member(input["entityName"], user_of(input["id"]))
        return {"success": True}

    def _people(self, deed: str) -> Any:
        context = self._context
        if context.person is None or context.people is None or not context.person.is_admin:
            raise ForbiddenError(f"only an admin of the server may {deed}")
        return context.people

    def _name_of(self, email: str) -> str:
        for person in self._context.people.list_users():
            if person.email and person.email.casefold() == email.casefold():
                return str(person.username)
        raise NotFoundError(f"no user has the address {email!r}; an admin makes users with: runlake user add")
