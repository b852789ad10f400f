"""A type of artifacts as a node: what the collections of a project say they are."""

from __future__ import annotations

from collections.abc import Sequence

from runlake.artifact_model import CollectionInfo, CollectionPath
from runlake.errors import NotFoundError, PathError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import artifact_type_node_id
from runlake.server.wandb.nodes.collection_node import CollectionNode, collection_page
from runlake.server.wandb.nodes.connection import Connection, slice_by_name
from runlake.server.wandb.wire import iso_time


class ArtifactTypeNode:
    """One type. It is there as long as a collection has it, and was made when the first of them was."""

    description = None

    def __init__(
        self,
        context: RequestContext,
        entity: str,
        project: str,
        name: str,
        collections: Sequence[CollectionInfo] | None = None,
    ) -> None:
        self._context = context
        self._entity, self._project = entity, project
        self._known = collections
        self.name = name

    @property
    def id(self) -> str:
        return artifact_type_node_id(self._entity, self._project, self.name)

    @property
    def createdAt(self) -> str:
        return iso_time(min((info.created_at for info in self._collections()), default=0.0))

    def artifactCollection(self, _: ResolveInfo, name: str) -> CollectionNode | None:
        """The collection of that name, if it is of this type."""
        found = find_by_name(self._context, CollectionPath(self._entity, self._project, name))
        return found if found is not None and found.info.type == self.name else None

    def artifactCollections(
        self,
        _: ResolveInfo,
        first: int | None = None,
        after: str | None = None,
        filters: str | None = None,
        order: str | None = None,
    ) -> Connection:
        return collection_page(
            self._context, self._collections(), first=first, after=after, filters=filters, order=order
        )

    def _collections(self) -> Sequence[CollectionInfo]:
        if self._known is None:
            self._known = self._context.service.list_collections(self._entity, self._project, type=self.name)
        return self._known


def find_by_name(context: RequestContext, path: CollectionPath) -> CollectionNode | None:
    """The collection of this name; None when there is none, and for what can be no name."""
    try:
        return CollectionNode.of(context, context.service.read_collection(path))
    except (NotFoundError, PathError):
        return None


def find_type(context: RequestContext, entity: str, project: str, name: str) -> ArtifactTypeNode | None:
    """The type of this name; None when no collection of the project has it."""
    found = context.service.list_collections(entity, project, type=name)
    return ArtifactTypeNode(context, entity, project, name, found) if found else None


def type_page(
    context: RequestContext, entity: str, project: str, *, first: int | None, after: str | None
) -> Connection:
    """A page of the types of a project, by name."""
    by_type: dict[str, list[CollectionInfo]] = {}
    for info in context.service.list_collections(entity, project):
        by_type.setdefault(info.type, []).append(info)
    nodes = [ArtifactTypeNode(context, entity, project, name, found) for name, found in sorted(by_type.items())]
    return slice_by_name(nodes, first=first, after=after, name_of=lambda node: node.name)
