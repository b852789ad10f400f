"""A collection of artifacts as a node, and pages of collections and of versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from runlake.artifact_model import ArtifactInfo, CollectionInfo, CollectionKind, CollectionPath
from runlake.errors import NotFoundError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import collection_node_id, collection_of
from runlake.server.wandb.nodes.artifact_fields import COLLECTIONS, VERSIONS
from runlake.server.wandb.nodes.artifact_node import AliasNode, ArtifactNode, MembershipNode, find_version, tag_nodes
from runlake.server.wandb.nodes.connection import (
    Connection,
    Edge,
    WholeConnection,
    slice_behind,
    slice_by_name,
)
from runlake.server.wandb.nodes.filters import read_filters
from runlake.server.wandb.wire import iso_time

_TYPE_NAMES: dict[CollectionKind, str] = {"sequence": "ArtifactSequence", "portfolio": "ArtifactPortfolio"}


class CollectionNode:
    """The versions of one name: a sequence, or a portfolio. What it says of itself is read when it is asked for."""

    digestAlgorithm = "MANIFEST_MD5"

    def __init__(
        self, context: RequestContext, path: CollectionPath, kind: CollectionKind, info: CollectionInfo | None = None
    ) -> None:
        self._context = context
        self._path = path
        self._known = info
        self.type_name = _TYPE_NAMES[kind]
        self.state = "READY"

    @classmethod
    def of(cls, context: RequestContext, info: CollectionInfo) -> CollectionNode:
        return cls(context, info.path, info.kind, info)

    @cached_property
    def info(self) -> CollectionInfo:
        return self._context.service.read_collection(self._path) if self._known is None else self._known

    @property
    def id(self) -> str:
        return collection_node_id(self._path, self.info.created_at)

    @property
    def name(self) -> str:
        return self._path.name

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
        return self._context.shared.nodes.project(self._context, self._path.entity, self._path.project)

    @property
    def defaultArtifactType(self) -> Any:
        path = self._path
        return self._context.shared.nodes.artifact_type(self._context, path.entity, path.project, self.info.type)

    def tags(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> WholeConnection:
        return WholeConnection.of(tag_nodes(self.info.tags))

    def aliases(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> Connection:
        nodes = [AliasNode(self._context, self._path, self.info.kind, alias) for alias in sorted(self.info.aliases)]
        return slice_by_name(nodes, first=first, after=after, name_of=lambda node: node.alias)

    def artifacts(
        self,
        _: ResolveInfo,
        first: int | None = None,
        after: str | None = None,
        order: str | None = None,
        filters: str | None = None,
    ) -> Connection:
        """A page of the versions, the newest first where no order is asked for."""
        found = self._context.service.list_artifacts(self._path)
        return version_page(self._context, found, first=first, after=after, order=order, filters=filters)

    def artifactMembership(self, _: ResolveInfo, aliasName: str) -> MembershipNode | None:
        found = find_version(self._context, self._path, aliasName)
        return None if found is None else MembershipNode(self._context, found)

    def latestArtifact(self, _: ResolveInfo) -> ArtifactNode | None:
        found = find_version(self._context, self._path, "latest")
        return None if found is None else ArtifactNode(self._context, found)


class DeletedCollectionNode(CollectionNode):
    """A collection as its deletion tells of it."""

    def __init__(self, context: RequestContext, info: CollectionInfo) -> None:
        super().__init__(context, info.path, info.kind, info)
        self.state = "DELETED"


@dataclass(frozen=True, slots=True)
class VersionEdge(Edge):
    """A version in a page of versions."""

    @property
    def version(self) -> str | None:
        info: ArtifactInfo = self.node.info
        return info.version


def collection_page(
    context: RequestContext,
    found: Sequence[CollectionInfo],
    *,
    first: int | None,
    after: str | None,
    filters: str | None,
    order: str | None,
) -> Connection:
    """A page of the collections that match, by name where no order is asked for."""
    chosen = COLLECTIONS.select(found, read_filters(filters), order)
    nodes = [CollectionNode.of(context, info) for info in chosen]
    if not order:
        nodes.sort(key=lambda node: node.name)
        return slice_by_name(nodes, first=first, after=after, name_of=lambda node: node.name)
    return slice_behind(nodes, first=first, after=after, name_of=lambda node: node.name)


def version_page(
    context: RequestContext,
    found: Sequence[ArtifactInfo],
    *,
    first: int | None,
    after: str | None,
    filters: str | None = None,
    order: str | None = None,
) -> Connection:
    """A page of the versions that match, in the order in which they come where no other is asked for."""
    chosen = VERSIONS.select(found, read_filters(filters), order) if filters or order else found
    page = slice_behind(chosen, first=first, after=after, name_of=lambda info: info.artifact_id)
    return replace(page, edges=[VersionEdge(ArtifactNode(context, edge.node), edge.cursor) for edge in page.edges])


def find_collection(context: RequestContext, node_id: str) -> CollectionInfo:
    """The collection of an `id`, whatever it is called by now; `NotFoundError` when it is gone."""
    reference = collection_of(node_id)
    path = reference.path
    try:
        info = context.service.read_collection(path)
        if info.created_at == reference.created_at:
            return info
    except NotFoundError:
        pass
    for info in context.service.list_collections(path.entity, path.project):
        if info.created_at == reference.created_at:
            return info
    raise NotFoundError(f"the artifact that was called {path} is not there any more")
