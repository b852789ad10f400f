"""What W&B's client changes of versions: what is known of them, their aliases and links, and that they are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from runlake.artifact_model import LATEST, ArtifactEdit, ArtifactInfo, CollectionPath
from runlake.errors import BadValueError, ConflictError, NotFoundError, NotSupportedError
from runlake.model import DEFAULT_PROJECT
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import artifact_id_of, artifact_id_of_client
from runlake.server.wandb.mutations.artifact_begin import read_metadata
from runlake.server.wandb.mutations.given import refuse_given
from runlake.server.wandb.mutations.tags import tag_names
from runlake.server.wandb.nodes.artifact_node import ArtifactNode, MembershipNode, home_of
from runlake.server.wandb.nodes.collection_node import find_collection

Given = Mapping[str, Any]
_SUCCESS = {"success": True}
_REGISTRIES = "wandb-registry-"


class ArtifactEdits:
    """Every field acts for the person of the context, who may change what is theirs."""

    _context: RequestContext

    def updateArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Change what is known of a version; what is left out stays as it is."""
        refuse_given(input, "labels", "labels of artifacts")
        info = self._find_version(input)
        ttl_s, metadata = input.get("ttlDurationSeconds"), input.get("metadata")
        edit = ArtifactEdit(
            description=input.get("description"),
            metadata=None if metadata is None else read_metadata(metadata),
            ttl_s=None if ttl_s is None else max(0.0, float(ttl_s)),
            add_tags=tag_names(input.get("tagsToAdd")),
            remove_tags=tag_names(input.get("tagsToDelete")),
        )
        if input.get("aliases") is not None:
            edit = _with_aliases(edit, info, input["aliases"])
        edited = self._context.service.edit_artifact(info.path, edit)
        links = self._context.service.list_artifact_links(edited.path)
        return {"artifact": ArtifactNode(self._context, edited, links)}

    def deleteArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Delete a version. With aliases that people gave it only where they are to go, too."""
        info = self._find_version(input)
        self._context.service.delete_artifact(info.path, delete_aliases=bool(input.get("deleteAliases")))
        return {"artifact": ArtifactNode(self._context, structs.replace(info, state="DELETED", aliases=()))}

    def addAliases(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Give a version aliases in some of the collections that have it; each leaves the version that it is with."""
        artifact_id = artifact_id_of(input["artifactID"])
        for path, names in _by_collection(input["aliases"]).items():
            self._context.service.edit_artifact(path.at(artifact_id), ArtifactEdit(add_aliases=tuple(names)))
        return _SUCCESS

    def deleteAliases(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        artifact_id = artifact_id_of(input["artifactID"])
        for path, names in _by_collection(input["aliases"]).items():
            self._context.service.edit_artifact(path.at(artifact_id), ArtifactEdit(remove_aliases=tuple(names)))
        return _SUCCESS

    def linkArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Put a version into a portfolio, which is made if need be. The newest there is its ``latest``."""
        info = self._find_version(input) if input.get("artifactID") else self._find_begun(input["clientID"])
        if info.state != "COMMITTED":
            raise ConflictError(f"artifact {info.path} is not committed yet, so it cannot be linked")
        target = self._portfolio_of(input, info)
        aliases = [one["alias"] for one in input.get("aliases") or ()]
        if LATEST not in aliases and not self._is_linked(info, target):
            aliases.append(LATEST)
        linked = self._context.service.link_artifact(info.path, target, aliases)
        return {"versionIndex": linked.version_number, "artifactMembership": MembershipNode(self._context, linked)}

    def unlinkArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Take a version out of a portfolio; at home it stays."""
        portfolio = find_collection(self._context, input["artifactPortfolioID"])
        if portfolio.kind != "portfolio":
            raise BadValueError(
                f"artifact {portfolio.path} has versions of its own: delete one instead of unlinking it"
            )
        link = portfolio.path.at(artifact_id_of(input["artifactID"]))
        self._context.service.delete_artifact(link, delete_aliases=True)
        return _SUCCESS

    def _find_version(self, given: Given) -> ArtifactInfo:
        return self._context.service.find_artifact(artifact_id_of(given["artifactID"]))

    def _find_begun(self, client_id: str) -> ArtifactInfo:
        return self._context.service.find_artifact(artifact_id_of_client(client_id))

    def _portfolio_of(self, given: Given, info: ArtifactInfo) -> CollectionPath:
        if given.get("artifactPortfolioID"):
            return find_collection(self._context, given["artifactPortfolioID"]).path
        project = given.get("projectName") or DEFAULT_PROJECT
        if project.startswith(_REGISTRIES):
            raise NotSupportedError(f"registries are not supported by runlake: {project}; link to a project instead")
        entity = given.get("entityName") or home_of(info).entity
        return CollectionPath(entity, project, given["artifactPortfolioName"])

    def _is_linked(self, info: ArtifactInfo, target: CollectionPath) -> bool:
        try:
            self._context.service.read_artifact(target.at(info.artifact_id))
        except NotFoundError:
            return False
        return True


def _by_collection(aliases: Iterable[Given]) -> dict[CollectionPath, list[str]]:
    found: dict[CollectionPath, list[str]] = {}
    for one in aliases:
        path = CollectionPath(one["entityName"], one["projectName"], one["artifactCollectionName"])
        found.setdefault(path, []).append(one["alias"])
    return found


def _with_aliases(edit: ArtifactEdit, info: ArtifactInfo, aliases: Iterable[Given]) -> ArtifactEdit:
    """The edit, and these aliases instead of those that the version has in its own collection."""
    wanted = [one["alias"] for one in aliases if one.get("artifactCollectionName") in (None, info.name)]
    removed = tuple(alias for alias in info.aliases if alias not in wanted)
    return structs.replace(edit, add_aliases=tuple(wanted), remove_aliases=removed)
