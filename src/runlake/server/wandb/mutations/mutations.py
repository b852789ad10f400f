"""The fields of ``Mutation``: each parses, asks one verb, and says what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from runlake.errors import BadValueError, NotFoundError
from runlake.model import DEFAULT_PROJECT, Alert, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import file_of, rewound_node_id, run_node_id, run_path_of
from runlake.server.wandb.mutations.artifact_edits import ArtifactEdits
from runlake.server.wandb.mutations.artifact_mutations import ArtifactMutations
from runlake.server.wandb.mutations.bucket import BegunRunNode, upsert
from runlake.server.wandb.mutations.collection_edits import CollectionEdits
from runlake.server.wandb.mutations.people_mutations import PeopleMutations
from runlake.server.wandb.mutations.sweep_mutations import SweepMutations
from runlake.server.wandb.mutations.view_mutations import ViewMutations
from runlake.server.wandb.nodes.project_node import ProjectNode

Given = Mapping[str, Any]
_SUCCESS = {"success": True}


class MutationRoot(ArtifactMutations, ArtifactEdits, CollectionEdits, PeopleMutations, SweepMutations, ViewMutations):
    """Every field acts for the person of the context, who may change what is theirs."""

    def __init__(self, context: RequestContext) -> None:
        super().__init__(context)
        self._service = context.service

    # Runs

    def upsertBucket(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        return upsert(self._context, input)

    def rewindRun(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """The run goes on behind a step: what came later is an older attempt from now on."""
        if input["metricName"] != "_step":
            raise BadValueError(f'a run is rewound by "_step", not by {input["metricName"]!r}')
        path = self._path(input)
        person = self._context.person
        start = WriterStart(
            rewind_to=int(input["metricValue"]),
            client=self._context.client.client_id,
            user=None if person is None else person.username,
        )
        begun = self._service.begin_writer(path, start)
        return {"rewoundRun": _RewoundRunNode(self._context, begun.row_counts, begun.writer, path)}

    def deleteRun(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Delete the run, and what it logged where that is to go, too. One that is gone is what was asked for."""
        path = run_path_of(input["id"])
        self._context.require_write(path)
        if input.get("deleteArtifacts"):
            self._delete_artifacts_of(path)
        with contextlib.suppress(NotFoundError):
            self._service.delete_run(path)
        self._context.shared.exports.forget(path)
        return {"clientMutationId": input.get("clientMutationId")}

    def _delete_artifacts_of(self, path: RunPath) -> None:
        """Delete the versions that the run made; those of others that it only logged again stay."""
        with contextlib.suppress(NotFoundError):
            for info in self._service.list_run_artifacts(path, "logged"):
                if info.created_by == path:
                    self._service.delete_artifact(info.path, delete_aliases=True)

    def stopRun(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        self._service.stop_run(run_path_of(input["id"]))
        return _SUCCESS

    def updateRunState(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        path = run_path_of(input["id"]) if input.get("id") else self._path(input)
        self._service.edit_run(path, RunEdit(state=input["state"]))
        return _SUCCESS

    def notifyScriptableRunAlert(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Keep an alert with its run, unless one of that title came within the time that it is to wait."""
        path = self._path(input)
        self._context.require_write(path)
        begun = self._service.find_writer(path, self._context.client.client_id)
        if begun is None:
            raise NotFoundError(f"run {path} is not written through this server, so it can raise no alert")
        now = time.time()
        wait_s = (input.get("waitDuration") or 0) / 1000
        known = self._service.read_run(path).alerts
        if any(alert.title == input["title"] and now - alert.timestamp < wait_s for alert in known):
            return {"success": False}
        alert = Alert(
            title=input["title"], text=input["text"], level=input.get("severity") or "INFO", timestamp=time.time()
        )
        answer = self._service.write_batch(path, begun.writer, WriterBatch(alerts=(alert,)))
        return {"success": not answer.is_ended}

    # Files

    def createRunFiles(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """URLs at which the files of a run may be put, without a key."""
        path = self._path(input)
        self._context.require_write(path)
        self._service.read_run(path)
        url = self._context.file_url
        files = [{"name": name, "uploadUrl": url("PUT", path, name)} for name in input["files"]]
        return {"runID": run_node_id(path), "uploadHeaders": [], "files": files}

    def markRunFilesUploaded(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Nothing is left to do: a file is there as soon as it was put."""
        path = self._path(input)
        self._context.require_write(path)
        self._service.find_writer(path)
        return _SUCCESS

    def deleteFiles(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        if not input["files"]:
            raise BadValueError("which files are to be deleted? pass their ids")
        for node_id in input["files"]:
            self._service.delete_file(*file_of(node_id))
        return _SUCCESS

    # Projects

    def upsertModel(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        entity = input.get("entityName") or self._service.default_entity
        name = input.get("name") or DEFAULT_PROJECT
        inserted = all(info.name != name for info in self._service.list_projects(entity))
        node = ProjectNode(self._context, entity, name, self._service.create_project(entity, name))
        return {"project": node, "model": node, "inserted": inserted}

    def _path(self, given: Given) -> RunPath:
        entity = given.get("entityName") or self._service.default_entity
        return RunPath(entity, given.get("projectName") or DEFAULT_PROJECT, given["runName"])


class _RewoundRunNode(BegunRunNode):
    """A run that was rewound: with the id that it is returned with, the process goes on as its writer."""

    def __init__(self, context: RequestContext, row_counts: Mapping[str, int], writer: str, path: RunPath) -> None:
        super().__init__(context, context.service.read_run(path), row_counts["history"])
        self._row_counts, self._writer = row_counts, writer

    @property
    def id(self) -> str:
        return rewound_node_id(self.info.path, self._writer, self._row_counts)
