"""How a client logs and uses artifacts: begun, its bytes put where they are missing, committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.model import DEFAULT_PROJECT, RunPath
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import artifact_id_of
from runlake.server.wandb.mutations.artifact_begin import begin_artifact
from runlake.server.wandb.mutations.artifact_commit import commit_artifact
from runlake.server.wandb.mutations.artifact_uploads import (
    complete_parts,
    file_uploads,
    manifest_upload,
    updated_manifest_upload,
)
from runlake.server.wandb.nodes.artifact_node import ArtifactNode

Given = Mapping[str, Any]


class ArtifactMutations:
    """Nothing is in memory between these: each finds what the others did in the store."""

    _context: RequestContext

    def createArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return {"artifact": ArtifactNode(self._context, begin_artifact(self._context, input))}

    def createArtifactManifest(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return {"artifactManifest": manifest_upload(self._context, input)}

    def updateArtifactManifest(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return {"artifactManifest": updated_manifest_upload(self._context, input)}

    def createArtifactFiles(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return {"files": file_uploads(self._context, input["artifactFiles"])}

    def completeMultipartUploadArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return {"digest": complete_parts(self._context, input)}

    def commitArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        made = commit_artifact(self._context, artifact_id_of(input["artifactID"]))
        return {"artifact": ArtifactNode(self._context, made)}

    def useArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Note that a run uses a version."""
        service = self._context.service
        entity = input.get("entityName") or service.default_entity
        run = RunPath(entity, input.get("projectName") or DEFAULT_PROJECT, input["runName"])
        found = service.find_artifact(artifact_id_of(input["artifactID"]))
        path = found.collection.at(found.artifact_id)
        return {"artifact": ArtifactNode(self._context, service.use_artifact(path, run, input.get("usedAs")))}
