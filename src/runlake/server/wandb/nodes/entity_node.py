"""Entities as nodes: who is in a team, and what they own."""

from __future__ import annotations

from typing import Any

from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import entity_node_id
from runlake.server.wandb.nodes.user_node import MemberNode, UserNode, visible_person, visible_team


class EntityNode:
    """What owns projects: a person, or a team. Who is in a team, only its members and admins are told."""

    available = False
    photoUrl = None
    readOnly = False
    readOnlyAdmin = False
    privateOnly = True
    storageBytes = 0  # not counted, and the client takes no null
    codeSavingEnabled = True
    defaultAccess = "PRIVATE"
    isPaid = True
    limits = None
    xxhashDigestsEnabled = False

    def __init__(self, context: RequestContext, name: str) -> None:
        self._context = context
        self.name = name

    @property
    def id(self) -> str:
        return entity_node_id(self.name)

    @property
    def isTeam(self) -> bool:
        return visible_team(self._context, self.name) is not None

    @property
    def entityType(self) -> str:
        return "TEAM" if self.isTeam else "USER"

    def organization(self, _: ResolveInfo) -> None:
        """None has one."""

    def user(self, _: ResolveInfo) -> UserNode | None:
        """The person whose entity this is."""
        person = visible_person(self._context, self.name)
        return UserNode(self._context, person) if person is not None else None

    def members(self, _: ResolveInfo) -> list[MemberNode]:
        """Who is in the team; a person is a team of one."""
        team = visible_team(self._context, self.name)
        if team is None:
            person = visible_person(self._context, self.name)
            return [] if person is None else [MemberNode(person, "admin")]
        people = self._context.people.directory().people
        return [MemberNode(people[name], role) for name, role in sorted(team.members.items()) if name in people]

    def project(self, _: ResolveInfo, name: str | None = None) -> Any:
        return self._context.shared.nodes.find_project(self._context, self.name, name)
