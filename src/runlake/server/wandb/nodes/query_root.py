"""The fields of ``Query``: where every reading document begins."""

from __future__ import annotations

from typing import Any, ClassVar

from runlake.errors import BadValueError, NotFoundError
from runlake.server.wandb.context import Nodes, RequestContext, ResolveInfo
from runlake.server.wandb.ids import artifact_id_of, artifact_id_of_client, artifact_node_id
from runlake.server.wandb.nodes.artifact_node import ArtifactNode
from runlake.server.wandb.nodes.artifact_type_node import ArtifactTypeNode
from runlake.server.wandb.nodes.collection_node import CollectionNode, find_collection
from runlake.server.wandb.nodes.connection import Connection, slice_by_name
from runlake.server.wandb.nodes.entity_node import EntityNode
from runlake.server.wandb.nodes.project_node import ProjectNode, find_project
from runlake.server.wandb.nodes.run_node import RunNode
from runlake.server.wandb.nodes.user_node import UserNode, user_page, visible_person, visible_team
from runlake.server.wandb.nodes.view_node import ViewNode, find_view
from runlake.server.wandb.selection import selected_names

NEWEST_CLIENT = "0.999.0"
"""What ``wandb verify`` compares its own version with: this server does not age clients."""

OLDEST_CLIENT = "0.29.0"

_NEEDS_NO_PROJECT = frozenset(
    {
        *("run", "bucket", "sweep", "internalId", "id", "name", "entityName", "entity", "__typename"),
        *("artifact", "artifactCollection", "artifactCollectionMembership"),
    }
)
"""Fields that say themselves when there is no such project: looking it up for them would only cost."""

NODES = Nodes(
    entity=EntityNode,
    project=ProjectNode,
    find_project=find_project,
    run=RunNode,
    artifact_type=ArtifactTypeNode,
    collection=CollectionNode,
)

FEATURES = (
    "FILESTREAM_GZIP",
    "STRUCTURED_CONSOLE_LOGS",
    "LARGE_FILENAMES",
    "CLIENT_IDS",
    "ARTIFACT_TAGS",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
)
"""What a client may do beyond what all do: zip the bodies it streams, send printed lines as JSON, and ask of artifacts
in the newest way."""


class ServerInfoNode:
    """What this server can do, and which clients it knows."""

    features: ClassVar = [{"name": name, "isEnabled": True} for name in FEATURES]
    cliVersionInfo: ClassVar = {"max_cli_version": NEWEST_CLIENT, "min_cli_version": OLDEST_CLIENT}
    latestLocalVersionInfo = None


class QueryRoot:
    """Every field answers for the person of the context, who sees what is theirs."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def viewer(self, _: ResolveInfo) -> UserNode | None:
        person = self._context.person
        return None if person is None else UserNode(self._context, person)

    def serverInfo(self, _: ResolveInfo) -> ServerInfoNode:
        return ServerInfoNode()

    def entity(self, _: ResolveInfo, name: str | None = None) -> EntityNode | None:
        """The person or team of this name, where whoever asks may know of it."""
        context, found = self._context, name or self._context.service.default_entity
        is_known = (
            visible_person(context, found) is not None
            or visible_team(context, found) is not None
            or bool(context.service.list_projects(found))
        )
        return EntityNode(context, found) if is_known else None

    def user(self, _: ResolveInfo, userName: str | None = None) -> UserNode | None:
        person = visible_person(self._context, userName) if userName else self._context.person
        return UserNode(self._context, person) if person is not None else None

    def users(
        self, _: ResolveInfo, query: str | None = None, first: int | None = None, after: str | None = None
    ) -> Connection:
        return user_page(self._context, query, first=first, after=after)

    def organization(self, _: ResolveInfo, name: str | None = None) -> None:
        """There are no organizations here: an entity is a person or a team."""

    def models(
        self,
        _: ResolveInfo,
        entityName: str | None = None,
        names: list[str] | None = None,
        first: int | None = None,
        after: str | None = None,
        **__: Any,
    ) -> Connection:
        entity = entityName or self._context.service.default_entity
        found = sorted(self._context.service.list_projects(entity), key=lambda info: info.name)
        nodes = [ProjectNode(self._context, info.entity, info.name, info) for info in found]
        if names:
            nodes = [node for node in nodes if node.name in names]
        return slice_by_name(nodes, first=first, after=after, name_of=lambda node: node.name)

    def artifact(self, _: ResolveInfo, id: str) -> ArtifactNode | None:
        """The version of this id; None when there is none, and for what can be no id."""
        try:
            return ArtifactNode(self._context, self._context.service.find_artifact(artifact_id_of(id)))
        except (NotFoundError, BadValueError):
            return None

    def artifactCollection(self, _: ResolveInfo, id: str) -> CollectionNode | None:
        """The collection of this id; None when there is none, and for what can be no id."""
        try:
            return CollectionNode.of(self._context, find_collection(self._context, id))
        except (NotFoundError, BadValueError):
            return None

    def view(self, _: ResolveInfo, id: str) -> ViewNode | None:
        return find_view(self._context, id)

    def project(self, info: ResolveInfo, name: str | None = None, entityName: str | None = None) -> ProjectNode | None:
        """The project of this name; None when there is none, and for what can be no name."""
        entity = entityName or self._context.service.default_entity
        if name and selected_names(info) <= _NEEDS_NO_PROJECT:
            return ProjectNode(self._context, entity, name)
        return find_project(self._context, entity, name)

    def clientIDMapping(self, _: ResolveInfo, clientID: str) -> dict[str, str] | None:
        """The artifact that a client began under an id of its own."""
        try:
            found = self._context.service.find_artifact(artifact_id_of_client(clientID))
        except NotFoundError:
            return None
        return {"serverID": artifact_node_id(found.artifact_id)}

    def model(self, info: ResolveInfo, name: str | None = None, entityName: str | None = None) -> ProjectNode | None:
        return self.project(info, name, entityName)
