"""What W&B's client changes of collections of artifacts: names, types, tags, and that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.artifact_model import CollectionEdit, CollectionInfo, CollectionKind, CollectionPath
from runlake.errors import BadValueError
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import tag_node_id
from runlake.server.wandb.mutations.tags import tag_names
from runlake.server.wandb.nodes.collection_node import CollectionNode, DeletedCollectionNode, find_collection

Given = Mapping[str, Any]


class CollectionEdits:
    """Every field acts for the person of the context, who may change what is theirs."""

    _context: RequestContext

    def updateArtifactSequence(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return self._update(input, "artifactSequenceID", "sequence")

    def updateArtifactPortfolio(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return self._update(input, "artifactPortfolioID", "portfolio")

    def moveArtifactSequence(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Give all versions of a sequence another type."""
        info = self._find_collection(input, "artifactSequenceID", "sequence")
        return self._edit(info.path, CollectionEdit(type=input["destinationArtifactTypeName"]))

    def deleteArtifactSequence(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return self._delete(input, "artifactSequenceID", "sequence")

    def deleteArtifactPortfolio(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return self._delete(input, "artifactPortfolioID", "portfolio")

    def createArtifactCollectionTagAssignments(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Add tags; the answer is all that the collection has then."""
        edit = CollectionEdit(add_tags=tag_names(input["tags"]))
        edited = self._context.service.edit_collection(_path_of(input), edit)
        return {"tags": [{"id": tag_node_id(name), "name": name} for name in edited.tags]}

    def deleteArtifactCollectionTagAssignments(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        self._context.service.edit_collection(_path_of(input), CollectionEdit(remove_tags=tag_names(input["tags"])))
        return {"success": True}

    def _update(self, given: Given, key: str, kind: CollectionKind) -> dict[str, Any]:
        info = self._find_collection(given, key, kind)
        name = given.get("name") or info.name
        edit = CollectionEdit(name=None if name == info.name else name, description=given.get("description"))
        return self._edit(info.path, edit)

    def _edit(self, path: CollectionPath, edit: CollectionEdit) -> dict[str, Any]:
        edited = self._context.service.edit_collection(path, edit)
        return {"artifactCollection": CollectionNode.of(self._context, edited)}

    def _delete(self, given: Given, key: str, kind: CollectionKind) -> dict[str, Any]:
        info = self._find_collection(given, key, kind)
        self._context.service.delete_collection(info.path)
        return {"artifactCollection": DeletedCollectionNode(self._context, info)}

    def _find_collection(self, given: Given, key: str, kind: CollectionKind) -> CollectionInfo:
        info = find_collection(self._context, given[key])
        if info.kind != kind:
            raise BadValueError(f"artifact {info.path} is a {info.kind}, and no {kind}")
        return info


def _path_of(given: Given) -> CollectionPath:
    return CollectionPath(given["entityName"], given["projectName"], given["artifactCollectionName"])
