"""A saved view as a node, and pages of views."""

from __future__ import annotations

from typing import Any

from runlake.errors import BadValueError, NotFoundError, PathError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import view_node_id, view_of
from runlake.server.wandb.nodes.connection import Connection, slice_behind
from runlake.server.wandb.nodes.user_node import NamedUser, UserNode, visible_person
from runlake.server.wandb.wire import iso_time
from runlake.view_model import ViewInfo


class ViewNode:
    """One view: a report, a workspace, or whatever its program makes of it."""

    def __init__(self, context: RequestContext, info: ViewInfo) -> None:
        self._context = context
        self.info = info

    @property
    def id(self) -> str:
        return view_node_id(self.info.path)

    @property
    def type(self) -> str:
        return self.info.type

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def displayName(self) -> str | None:
        return self.info.display_name

    @property
    def description(self) -> str | None:
        return self.info.description

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.updated_at)

    @property
    def project(self) -> Any:
        return self._context.shared.nodes.project(self._context, self.info.entity, self.info.project)

    def spec(self, _: ResolveInfo) -> str:
        return self._context.budget.take_text(self.info.spec)

    def user(self, _: ResolveInfo) -> UserNode | NamedUser | None:
        """Who put it first."""
        if self.info.user is None:
            return None
        person = visible_person(self._context, self.info.user)
        return NamedUser(self.info.user) if person is None else UserNode(self._context, person)


def find_view(context: RequestContext, node_id: str) -> ViewNode | None:
    """The view of an `id`; None when there is none, and for what can be no id."""
    try:
        return ViewNode(context, context.service.read_view(view_of(node_id)))
    except (NotFoundError, BadValueError, PathError):
        return None


def view_page(
    context: RequestContext,
    found: list[ViewInfo],
    *,
    wanted: dict[str, str | None],
    first: int | None,
    after: str | None,
) -> Connection:
    """A page of the views, the newest first, of which these attributes are as they are `wanted`, where they are."""
    asked = {name: value for name, value in wanted.items() if value}
    chosen = [info for info in reversed(found) if all(getattr(info, name) == asked[name] for name in asked)]
    nodes = [ViewNode(context, info) for info in chosen]
    return slice_behind(nodes, first=first, after=after, name_of=lambda node: node.info.view_id)
