"""A version of an artifact as a node, and what it is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runlake.artifact_model import ArtifactInfo, ArtifactPath, CollectionKind, CollectionPath
from runlake.errors import NotFoundError, PathError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import alias_node_id, artifact_node_id, membership_node_id, tag_node_id
from runlake.server.wandb.nodes.artifact_files import ManifestNode, artifact_file_page
from runlake.server.wandb.nodes.connection import Connection, slice_behind
from runlake.server.wandb.nodes.user_node import NamedUser
from runlake.server.wandb.wire import dump_json_string, iso_time


class ArtifactNode:
    """One version. Of a link it says what is true at home: what is of the link is the membership's to say.

    `links` are memberships of it in portfolios, whose aliases are told beside those of its own collection.
    """

    digestAlgorithm = "MANIFEST_MD5"

    def __init__(self, context: RequestContext, info: ArtifactInfo, links: Sequence[ArtifactInfo] = ()) -> None:
        self._context = context
        self._links = links
        self.info = info

    @property
    def id(self) -> str:
        return artifact_node_id(self.info.artifact_id)

    @property
    def state(self) -> str:
        return self.info.state

    @property
    def versionIndex(self) -> int | None:
        """None while it is PENDING."""
        source = self.info.source
        return self.info.version_number if source is None else version_number_of(source.version)

    @property
    def artifactType(self) -> Any:
        home = home_of(self.info)
        return self._context.shared.nodes.artifact_type(self._context, home.entity, home.project, self.info.type)

    @property
    def artifactSequence(self) -> Any:
        return self._context.shared.nodes.collection(self._context, home_of(self.info), "sequence")

    @property
    def aliases(self) -> list[AliasNode]:
        """Of a link that is listed also its number, by which the client tells it from others of the portfolio."""
        return [alias for info in (self.info, *self._links) for alias in alias_nodes(self._context, info)]

    @property
    def digest(self) -> str:
        return self.info.digest

    @property
    def commitHash(self) -> str:
        """What changes when the content does: the digest."""
        return self.info.digest

    @property
    def description(self) -> str | None:
        return self.info.description

    @property
    def metadata(self) -> str:
        return dump_json_string(self.info.metadata)

    @property
    def tags(self) -> list[dict[str, str]]:
        return tag_nodes(self.info.tags)

    @property
    def ttlDurationSeconds(self) -> int:
        return 0 if self.info.ttl_s is None else int(self.info.ttl_s)

    @property
    def ttlIsInherited(self) -> bool:
        return self.info.ttl_s is None

    @property
    def historyStep(self) -> int | None:
        return self.info.history_step

    @property
    def size(self) -> int:
        return self.info.size_bytes

    @property
    def fileCount(self) -> int:
        return self.info.file_count

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.updated_at)

    @property
    def currentManifest(self) -> ManifestNode | None:
        """None while it is PENDING."""
        return ManifestNode(self._context, self.info) if self.info.state == "COMMITTED" else None

    def filesByManifestEntries(
        self,
        _: ResolveInfo,
        entries: list[dict[str, Any]] | None = None,
        first: int | None = None,
        after: str | None = None,
        **__: Any,
    ) -> Connection:
        names = [entry["name"] for entry in entries or ()]
        return artifact_file_page(self._context, self.info, names=names, first=first, after=after)

    def createdBy(self, _: ResolveInfo) -> Any:
        """The run that logged it; where there is none, or it was deleted, the person who did."""
        made_by = self.info.created_by
        try:
            if made_by is not None:
                return self._context.shared.nodes.run(self._context, self._context.service.read_run(made_by))
        except NotFoundError:
            pass
        return None if self.info.user is None else NamedUser(self.info.user)

    def usedBy(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> Connection:
        """A page of the runs that used it, in the order in which they first did."""
        context = self._context
        found = []
        for path in context.service.list_artifact_users(home_of(self.info).at(self.info.artifact_id)):
            try:
                found.append(context.shared.nodes.run(context, context.service.read_run(path)))
            except NotFoundError:
                continue  # deleted since
        return slice_behind(found, first=first, after=after, name_of=lambda node: node.id)

    def artifactMemberships(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> Connection:
        """A page of the collections that have it: its own, then the portfolios that it is linked to, by name."""
        service, path = self._context.service, home_of(self.info).at(self.info.artifact_id)
        infos = [service.read_artifact(path), *service.list_artifact_links(path)]
        found = [MembershipNode(self._context, info) for info in infos]
        return slice_behind(found, first=first, after=after, name_of=lambda node: node.id)


@dataclass(frozen=True, slots=True)
class AliasNode:
    """What one version of a collection is called."""

    context: RequestContext
    path: CollectionPath
    kind: CollectionKind
    alias: str

    @property
    def id(self) -> str:
        return alias_node_id(self.path, self.alias)

    @property
    def artifactCollection(self) -> Any:
        return self.context.shared.nodes.collection(self.context, self.path, self.kind)


class MembershipNode:
    """One version in one collection: its own, or a portfolio that it is linked to."""

    def __init__(self, context: RequestContext, info: ArtifactInfo) -> None:
        self._context = context
        self.info = info

    @property
    def id(self) -> str:
        return membership_node_id(self.info.collection.at(self.info.artifact_id))

    @property
    def versionIndex(self) -> int | None:
        return self.info.version_number

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at if self.info.linked_at is None else self.info.linked_at)

    @property
    def aliases(self) -> list[AliasNode]:
        return alias_nodes(self._context, self.info, with_number=False)

    @property
    def artifactCollection(self) -> Any:
        return self._context.shared.nodes.collection(self._context, self.info.collection, kind_of(self.info))

    @property
    def artifact(self) -> ArtifactNode:
        return ArtifactNode(self._context, self.info)

    def files(
        self,
        _: ResolveInfo,
        names: Sequence[str | None] | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection:
        return artifact_file_page(self._context, self.info, names=names, first=first, after=after)


def tag_nodes(names: Sequence[str]) -> list[dict[str, str]]:
    """The tags of a version, or of a collection."""
    return [{"id": tag_node_id(name), "name": name} for name in names]


def alias_nodes(context: RequestContext, info: ArtifactInfo, *, with_number: bool = True) -> list[AliasNode]:
    """The aliases of a version in its collection; of a link also its number there, as ``v3``."""
    names = [*info.aliases]
    if with_number and info.source is not None and info.version is not None:
        names.append(info.version)
    return [AliasNode(context, info.collection, kind_of(info), alias) for alias in names]


def home_of(info: ArtifactInfo) -> CollectionPath:
    """The sequence that a version, or what it is a link to, is of."""
    return info.collection if info.source is None else info.source.collection


def kind_of(info: ArtifactInfo) -> CollectionKind:
    """The kind of the collection that a version was read from."""
    return "sequence" if info.source is None else "portfolio"


def find_version(context: RequestContext, collection: CollectionPath, version: str) -> ArtifactInfo | None:
    """The committed version that a number, an alias or a digest means; None when there is none."""
    service = context.service
    try:
        found = service.read_artifact(ArtifactPath(*collection, version))
        return found if found.state == "COMMITTED" else None
    except PathError:
        return None
    except NotFoundError:
        pass
    if not _DIGEST.fullmatch(version):
        return None
    try:
        return next((info for info in service.list_artifacts(collection) if info.digest == version), None)
    except NotFoundError:
        return None


def version_number_of(version: str) -> int | None:
    """The number of a version as it is written, ``v3``; None for an alias or an id."""
    return int(version[1:]) if _NUMBER.fullmatch(version) else None


_DIGEST = re.compile("[0-9a-f]{32}")
_NUMBER = re.compile(r"v\d+")
