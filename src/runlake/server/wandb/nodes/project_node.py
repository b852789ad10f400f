"""A project as a node, and the pages of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from runlake.artifact_model import LATEST, ArtifactInfo, CollectionPath
from runlake.errors import (
    AuthenticationError,
    BadValueError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    NotSupportedError,
    PathError,
)
from runlake.model import ProjectInfo, RunPage, RunPath
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import project_internal_id, project_node_id, sweep_of
from runlake.server.wandb.nodes.artifact_node import ArtifactNode, MembershipNode, find_version
from runlake.server.wandb.nodes.artifact_type_node import ArtifactTypeNode, find_by_name, find_type, type_page
from runlake.server.wandb.nodes.collection_node import CollectionNode, collection_page
from runlake.server.wandb.nodes.connection import Connection, Cursor, make_connection, page_size, read_cursor
from runlake.server.wandb.nodes.entity_node import EntityNode
from runlake.server.wandb.nodes.filters import read_filters
from runlake.server.wandb.nodes.run_node import ResumableRunNode, RunNode
from runlake.server.wandb.nodes.sweep_node import SweepNode, find_sweep
from runlake.server.wandb.nodes.user_node import NamedUser, UserNode, visible_person
from runlake.server.wandb.nodes.view_node import view_page
from runlake.server.wandb.selection import selected_names
from runlake.server.wandb.wire import iso_time
from runlake.sweep_model import SweepInfo, SweepPath

DEFAULT_ORDER = "+created_at"
MAX_LOOKED_AT = 100
"""Of runs in a longer page it is not looked up which keys they have."""

_ANCHOR_WINDOW = 200

_NEEDS_NO_TYPE = frozenset({"artifactCollection", "__typename"})
"""Fields of a type that say themselves when there is none."""


class ProjectNode:
    """One project. That it exists is not looked up before a field needs it."""

    isBenchmark = False
    isPublished = False
    description = None
    views = None
    access = "PRIVATE"

    def __init__(
        self,
        context: RequestContext,
        entity: str,
        project: str,
        info: ProjectInfo | None = None,
        *,
        version: str | None = None,
    ) -> None:
        self._context = context
        self._known = info
        self._version = version
        self.entityName = entity
        self.name = project

    @property
    def id(self) -> str:
        return project_node_id(self.entityName, self.name)

    @property
    def internalId(self) -> str:
        return project_internal_id(self.entityName, self.name)

    @property
    def readOnly(self) -> bool:
        """Whether who asks may only read it."""
        try:
            self._context.require_write(RunPath(self.entityName, self.name, "any"))
        except (AuthenticationError, ForbiddenError, NotFoundError):
            return True
        return False

    @property
    def entity(self) -> EntityNode:
        return EntityNode(self._context, self.entityName)

    @property
    def createdAt(self) -> str:
        return iso_time(self._info.created_at)

    @property
    def updatedAt(self) -> str:
        return self.createdAt

    def user(self, _: ResolveInfo) -> UserNode | NamedUser:
        """Whose project it is: the person whose entity it is in; of a team's, one that is named like the team."""
        person = visible_person(self._context, self.entityName)
        return NamedUser(self.entityName) if person is None else UserNode(self._context, person)

    def run(self, _: ResolveInfo, name: str, desc: str | None = None) -> RunNode | None:
        """The run of this id; None when there is none, and for what can be no id."""
        try:
            info = self._context.service.read_run(RunPath(self.entityName, self.name, name))
        except (NotFoundError, PathError):
            return None
        return RunNode(self._context, info)

    def bucket(self, info: ResolveInfo, name: str, missingOk: bool | None = None) -> RunNode | None:
        """The run, with an id that lets a training process go on with it."""
        found = self.run(info, name)
        return None if found is None else ResumableRunNode(self._context, found.info)

    def runCount(self, _: ResolveInfo, filters: str | None = None) -> int:
        return self._list(read_filters(filters), limit=0).total_count

    def runs(
        self,
        _: ResolveInfo,
        filters: str | None = None,
        order: str | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        names: list[str] | None = None,
    ) -> Connection:
        found = read_filters(filters)
        if names:
            found = {"$and": [found or {}, {"run_id": {"$in": names}}]}
        return self.run_page(found, order=order, first=first, after=after, last=last, before=before)

    def run_page(
        self,
        filters: Mapping[str, Any] | None,
        *,
        order: str | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection:
        """A page of the runs that match; all pages are cut from the state of the project that the first one saw."""
        if last is not None or before is not None:
            raise BadValueError("runs are paged forward: pass first and after, not last and before")
        page, offset = self._page(filters, order or DEFAULT_ORDER, page_size(first), read_cursor(after))
        nodes = [RunNode(self._context, info, is_listed=len(page.runs) > MAX_LOOKED_AT) for info in page.runs]
        return make_connection(
            nodes,
            offset=offset,
            total_count=page.total_count,
            name_of=lambda node: node.name,
            version=page.version,
        )

    def sweep(self, _: ResolveInfo, sweepName: str | None = None, id: str | None = None) -> SweepNode | None:
        """The sweep of this name or `id`; None when this project has none, and for what can be no name."""
        path = sweep_of(id) if id and not sweepName else SweepPath(self.entityName, self.name, sweepName or "")
        return find_sweep(self._context, path) if path[:2] == (self.entityName, self.name) else None

    def sweeps(
        self, _: ResolveInfo, first: int | None = None, after: str | None = None, filters: str | None = None
    ) -> Connection:
        """A page of the sweeps, oldest first."""
        if read_filters(filters):
            raise NotSupportedError("filters of sweeps are not supported yet by runlake: Project.sweeps(filters)")
        cursor = read_cursor(after)
        places = {info.sweep_id: place for place, info in enumerate(self._sweeps)}
        start = 0 if cursor is None else places.get(cursor.name, cursor.offset - 1) + 1
        nodes = [SweepNode(self._context, info) for info in self._sweeps[start : start + page_size(first)]]
        return make_connection(nodes, offset=start, total_count=len(places), name_of=lambda node: node.name)

    def totalSweeps(self, _: ResolveInfo) -> int:
        return len(self._sweeps)

    def artifact(self, _: ResolveInfo, name: str) -> ArtifactNode | None:
        """The version ``collection:alias``; None when there is none, and for what can be no name."""
        found = self._find_version(name)
        return None if found is None else ArtifactNode(self._context, found)

    def artifactCollectionMembership(self, _: ResolveInfo, name: str) -> MembershipNode | None:
        """The same, as what it is in that collection."""
        found = self._find_version(name)
        return None if found is None else MembershipNode(self._context, found)

    def artifactCollection(self, _: ResolveInfo, name: str) -> CollectionNode | None:
        return find_by_name(self._context, CollectionPath(self.entityName, self.name, name))

    def artifactCollections(
        self,
        _: ResolveInfo,
        first: int | None = None,
        after: str | None = None,
        filters: str | None = None,
        order: str | None = None,
    ) -> Connection:
        found = self._context.service.list_collections(self.entityName, self.name)
        return collection_page(self._context, found, first=first, after=after, filters=filters, order=order)

    def artifactType(self, info: ResolveInfo, name: str) -> ArtifactTypeNode | None:
        """The type, if a collection has it: of one collection it shows when that is read."""
        if selected_names(info) <= _NEEDS_NO_TYPE:
            return ArtifactTypeNode(self._context, self.entityName, self.name, name)
        return find_type(self._context, self.entityName, self.name, name)

    def artifactTypes(
        self, _: ResolveInfo, first: int | None = None, after: str | None = None, includeAll: bool | None = None
    ) -> Connection:
        return type_page(self._context, self.entityName, self.name, first=first, after=after)

    def allViews(
        self,
        _: ResolveInfo,
        viewType: str | None = None,
        viewName: str | None = None,
        userName: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection:
        """A page of the saved views, the newest first."""
        found = self._context.service.list_views(self.entityName, self.name)
        wanted = {"type": viewType, "name": viewName, "user": userName}
        return view_page(self._context, found, wanted=wanted, first=first, after=after)

    def _find_version(self, name: str) -> ArtifactInfo | None:
        collection, _, version = name.partition(":")
        path = CollectionPath(self.entityName, self.name, collection)
        return find_version(self._context, path, version or LATEST)

    def _page(
        self, filters: Mapping[str, Any] | None, order: str, limit: int, cursor: Cursor | None
    ) -> tuple[RunPage, int]:
        """(page, where it begins)."""
        if cursor is None:
            return self._list(filters, order=order, limit=limit), 0
        try:
            page = self._list(filters, order=order, offset=cursor.offset, limit=limit, version=cursor.version)
            return page, cursor.offset
        except ConflictError:
            # Another process made the cursor, or it is old: the run that the last page ended with says where to go on.
            offset = self._behind(filters, order, cursor)
            return self._list(filters, order=order, offset=offset, limit=limit), offset

    def _behind(self, filters: Mapping[str, Any] | None, order: str, cursor: Cursor) -> int:
        """Where the list goes on behind the run that the cursor names, in the newest state of the project."""
        start = max(0, cursor.offset - _ANCHOR_WINDOW)
        for offset, limit in ((start, 2 * _ANCHOR_WINDOW), (0, None)):
            page = self._list(filters, order=order, offset=offset, limit=limit)
            for place, info in enumerate(page.runs):
                if info.run_id == cursor.name:
                    return offset + place + 1
        return cursor.offset

    def _list(self, filters: Mapping[str, Any] | None, *, order: str = DEFAULT_ORDER, **window: Any) -> RunPage:
        """A slice of the runs, of the state that this request saw first unless another `version` is named."""
        window.setdefault("version", self._version)
        return self._context.service.list_runs(self.entityName, self.name, filters=filters, order=(order,), **window)

    @cached_property
    def _sweeps(self) -> list[SweepInfo]:
        return self._context.service.list_sweeps(self.entityName, self.name)

    @cached_property
    def _info(self) -> ProjectInfo:
        if self._known is not None:
            return self._known
        for info in self._context.service.list_projects(self.entityName):
            if info.name == self.name:
                return info
        raise NotFoundError(f"no project {self.entityName}/{self.name}")


def find_project(context: RequestContext, entity: str, name: str | None) -> ProjectNode | None:
    """The project of this name; None when there is none, and for what can be no name."""
    if not name:
        return None
    try:
        version = context.service.list_runs(entity, name, limit=0).version
    except (NotFoundError, PathError):
        return None
    return ProjectNode(context, entity, name, version=version)
