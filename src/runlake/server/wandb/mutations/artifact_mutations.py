"""What a training process says of artifacts, as far as is needed to tell what is not kept.

An artifact is refused at its first word. What the client makes of every ``wandb.Table`` goes on to the list of its
files: only there it can be seen whether it holds more than the file of the run; of one that does not, nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import NotSupportedError
from runlake.model import RunPath
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import table_node_id, table_of
from runlake.server.wandb.not_kept import NotKept, NotKeptError, keep, refusal

Given = Mapping[str, Any]
_OF_TABLES, _OF_JOBS = "run_table", "job"
_TABLE_ENDING = ".table.json"


class ArtifactMutations:
    """Every field refuses, at the latest the last."""

    _context: RequestContext

    def createArtifact(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        kind, run_id = input["artifactTypeName"], input.get("runName")
        name = input.get("artifactCollectionName") or next(iter(input.get("artifactCollectionNames") or ()), "")
        if not run_id or not self._context.client.is_training or kind == _OF_JOBS:
            raise _not_supported("createArtifact")  # a script is told by the error, and nobody asked for a job
        entity = input.get("entityName") or self._context.service.default_entity
        path = RunPath(entity, input.get("projectName") or "", run_id)
        self._context.require_write(path)
        if kind != _OF_TABLES:
            raise self._refused(path, NotKept(f"artifact {name}", f"it was of type {kind}"), "createArtifact")
        node = {"id": table_node_id(path, name), "state": "PENDING", "artifactSequence": None}
        return {"artifact": node}

    def createArtifactManifest(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        path, _table = table_of(input["artifactID"])
        self._context.require_write(path)
        return {"artifactManifest": {"id": input["artifactID"], "file": {"id": input["artifactID"]}}}

    def createArtifactFiles(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        files = input["artifactFiles"]
        path, table = table_of(files[0]["artifactID"] if files else "")
        self._context.require_write(path)
        names = [file["name"] for file in files]
        table = next((name.removesuffix(_TABLE_ENDING) for name in names if name.endswith(_TABLE_ENDING)), table)
        media = [name for name in names if not name.endswith(_TABLE_ENDING)]
        if not media:
            raise _not_supported("createArtifactFiles")
        more = f"{len(media)} files, such as {media[0]}" if len(media) > 1 else f"the file {media[0]}"
        raise self._refused(path, NotKept(f"media in the table {table}", more), "createArtifactFiles")

    def _refused(self, path: RunPath, thing: NotKept, field: str) -> NotSupportedError:
        """The error that tells who trains, the first time."""
        is_new = keep(self._context.service, path, self._context.client.client_id, thing)
        return NotKeptError(f"{refusal([thing.what])}, and nothing is tried again") if is_new else _not_supported(field)


def _not_supported(field: str) -> NotSupportedError:
    return NotSupportedError(f"artifacts are not supported yet by runlake: Mutation.{field}")
