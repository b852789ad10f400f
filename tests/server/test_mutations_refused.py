"""Every mutation by everybody: who may not is told so and changes nothing, and who may is not refused."""

import io
import json

import pytest
from in_process import InProcess
from training import HIDDEN

from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.model import Alert, LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.server.wandb.documents.graphql import load_schema
from runlake.server.wandb.ids import (
    agent_node_id,
    artifact_node_id,
    collection_node_id,
    file_node_id,
    manifest_node_id,
    rewound_node_id,
    run_node_id,
    sweep_node_id,
    user_node_id,
    view_node_id,
)
from runlake.sweep_model import AgentReport, AgentStart, SweepPath, SweepStart
from runlake.view_model import ViewPath, ViewPut

RUN, STORED = RunPath("lab", "plans", "r1"), RunPath("lab", "plans", "r2")
SWEEP, VIEW = SweepPath("lab", "plans", "s1"), ViewPath("lab", "plans", "report1")
KEPT, CHOSEN, SPARE = (CollectionPath("lab", "plans", name) for name in ("kept", "chosen", "spare"))
CONFIG = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
PLACE = {"entityName": "lab", "projectName": "plans", "runName": "r1"}
MODEL = {"entityName": "lab", "modelName": "plans"}
WHO_MAY_NOT = {
    None: "nobody who is signed in",
    "eve": "of another team",
    "rita": "of another team, and the project is shared for reading",
    "vic": "a viewer of the team",
}
OF_ADMINS = {"createUser", "generateApiKey", "deleteApiKey", "createTeam", "createInvite", "deleteInvite"}
COLLECTION = {"entityName": "lab", "projectName": "plans", "artifactCollectionName": "kept"}
MD5 = "XUFAKrxLKna5cZ2REBfFkg=="
NOT_THERE = {"deleteModel", "createServiceAccount"}
SCHEMA = load_schema()
TRAINS = {"User-Agent": "wandb-core"}


def mutations(server):
    """(field, input, what is asked for, headers) that a writer of the project may send; what destroys comes last."""
    run, stored, agent = run_node_id(RUN), run_node_id(STORED), agent_node_id(SWEEP, server.agent_id)
    writer = rewound_node_id(RUN, server.writer, {"history": 0, "events": 0, "console": 0})
    first_word = {"host": "gpu", "config": json.dumps(HIDDEN)}
    draft = artifact_node_id(server.draft.version)
    manifest = manifest_node_id(server.draft.version, "manifests/1/PATCH/-")
    yield "upsertBucket", {**MODEL, "name": "new"}, "bucket { id }", {}
    yield "upsertBucket", {"id": stored, "displayName": "x"}, "bucket { id }", {}
    yield "upsertBucket", {"id": stored}, "bucket { id }", {}
    yield "upsertBucket", {**MODEL, "name": "begun", **first_word}, "bucket { id }", TRAINS
    yield "upsertBucket", {"id": run, "displayName": "y"}, "bucket { id }", TRAINS
    yield "upsertBucket", {"id": writer, "displayName": "z"}, "bucket { id }", TRAINS
    yield "upsertModel", {"entityName": "lab", "name": "plans"}, "inserted", {}
    yield "upsertModel", {"entityName": "lab", "name": "other"}, "inserted", {}
    yield "createRunFiles", {**PLACE, "files": ["a.txt"]}, "files { uploadUrl }", {}
    yield "createRunFiles", {**PLACE, "files": []}, "runID", {}
    yield "markRunFilesUploaded", {**PLACE, "files": ["a.txt"]}, "success", {}
    yield "updateRunState", {"id": run_node_id(RUN._replace(run_id="new")), "state": "failed"}, "success", {}
    alert = {**PLACE, "title": "t", "text": "x", "waitDuration": 10**9}
    yield "notifyScriptableRunAlert", alert, "success", {}
    yield "notifyScriptableRunAlert", {**alert, "title": "known"}, "success", {}
    begun = {**PLACE, "artifactTypeName": "data", "artifactCollectionName": "new"}
    yield "createArtifact", {**begun, "clientID": "a" * 128}, "artifact { id }", TRAINS
    yield "createArtifact", {**begun, "distributedID": "group"}, "artifact { id }", TRAINS
    yield "createArtifactManifest", {"artifactID": draft, "name": "m", "digest": MD5}, "artifactManifest { id }", {}
    yield "updateArtifactManifest", {"artifactManifestID": manifest, "digest": MD5}, "artifactManifest { id }", {}
    files = [{"artifactID": draft, "name": "a", "md5": MD5}]
    yield "createArtifactFiles", {"artifactFiles": files}, "files { edges { node { uploadUrl } } }", TRAINS
    parts = {"artifactID": draft, "completeMultipartAction": "Abort", "completedParts": []}
    completed = {**parts, "storagePath": "x", "uploadID": "0" * 32}
    yield "completeMultipartUploadArtifact", completed, "digest", {}
    yield "commitArtifact", {"artifactID": draft}, "artifact { id }", {}
    yield "useArtifact", {**PLACE, "artifactID": artifact_node_id(server.kept.artifact_id)}, "artifact { id }", {}
    yield from edits_of_artifacts(server)
    sweep = {"entityName": "lab", "projectName": "plans", "config": json.dumps(CONFIG)}
    yield "upsertSweep", sweep, "sweep { id }", {}
    yield "upsertSweep", {"id": sweep_node_id(SWEEP), "displayName": "x"}, "sweep { id }", {}
    yield "upsertSweep", {"id": sweep_node_id(SWEEP)}, "sweep { id }", {}
    yield "createAgent", {"entityName": "lab", "projectName": "plans", "sweep": "s1", "host": "h"}, "agent { id }", {}
    yield "agentHeartbeat", {"id": agent, "runState": "{}"}, "commands", {}
    view = view_node_id(VIEW)
    yield "upsertView", {"entityName": "lab", "projectName": "plans", "name": "n", "spec": "{}"}, "inserted", {}
    yield "upsertView", {"id": view, "spec": "[]"}, "inserted", {}
    yield "deleteView", {"id": view}, "success", {}
    yield "createUser", {"email": "new@lab.org"}, "user { id }", {}
    yield "generateApiKey", {}, "apiKey { id }", {}
    yield "createTeam", {"teamName": "crew"}, "entity { id }", {}
    yield "createInvite", {"entityName": "lab", "username": "eve"}, "invite { id }", {}
    yield "deleteInvite", {"entityName": "lab", "id": user_node_id("vic")}, "success", {}
    yield "deleteApiKey", {"id": server.people.list_keys("vic")[0].key_id}, "success", {}
    yield "createServiceAccount", {"entityName": "lab"}, "user { id }", {}
    yield "deleteFiles", {"files": [file_node_id(RUN, "kept.txt")]}, "success", {}
    yield "deleteFiles", {"files": []}, "success", {}
    yield "stopRun", {"id": run}, "success", {}
    yield "rewindRun", {**PLACE, "metricName": "_step", "metricValue": 0}, "rewoundRun { id }", {}
    yield "deleteRun", {"id": stored}, "clientMutationId", {}
    yield "deleteRun", {"id": run_node_id(RUN._replace(run_id="gone"))}, "clientMutationId", {}
    yield "deleteModel", {"id": "x"}, "success", {}


def edits_of_artifacts(server):
    """The same of what is kept of an artifact, of a portfolio that it is linked to, and of another sequence."""
    kept, service = artifact_node_id(server.kept.artifact_id), server.service
    ids = [collection_node_id(path, service.read_collection(path).created_at) for path in (KEPT, CHOSEN, SPARE)]
    sequence, portfolio, spare = ids
    aliases, tags = [{**COLLECTION, "alias": "best"}], [{"tagName": "t"}]
    target = {"entityName": "lab", "projectName": "plans", "artifactPortfolioName": "p"}
    yield "updateArtifact", {"artifactID": kept, "description": "d"}, "artifact { id }", {}
    yield "addAliases", {"artifactID": kept, "aliases": aliases}, "success", {}
    yield "deleteAliases", {"artifactID": kept, "aliases": aliases}, "success", {}
    yield "linkArtifact", {"artifactID": kept, **target}, "versionIndex", {}
    yield "unlinkArtifact", {"artifactID": kept, "artifactPortfolioID": portfolio}, "success", {}
    yield "createArtifactCollectionTagAssignments", {**COLLECTION, "tags": tags}, "tags { id }", {}
    yield "deleteArtifactCollectionTagAssignments", {**COLLECTION, "tags": tags}, "success", {}
    collection = "artifactCollection { id }"
    moved = {"artifactSequenceID": sequence, "destinationArtifactTypeName": "t"}
    yield "moveArtifactSequence", moved, collection, {}
    yield "updateArtifactSequence", {"artifactSequenceID": sequence, "name": "n"}, collection, {}
    yield "updateArtifactPortfolio", {"artifactPortfolioID": portfolio, "description": "d"}, collection, {}
    yield "deleteArtifact", {"artifactID": kept}, "artifact { id }", {}
    yield "deleteArtifactSequence", {"artifactSequenceID": spare}, collection, {}
    yield "deleteArtifactPortfolio", {"artifactPortfolioID": portfolio}, collection, {}


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store")
    for name in ("bob", "vic", "rita", "eve"):
        server.add_user(name)
    server.people.add_team("lab", {"bob": "member", "vic": "viewer"})
    server.people.add_team("others", {"rita": "member", "eve": "member"})
    service = server.service
    server.writer = service.begin_writer(RUN, WriterStart()).writer
    known = Alert(title="known", text="", level="INFO", timestamp=4e9)
    row = LoggedRow(step=0, timestamp=1.7e9, runtime=0.0, values={"loss": 0.5})
    service.write_batch(RUN, server.writer, WriterBatch(rows={"history": [row]}, alerts=(known,)))
    begun = service.begin_writer(STORED, WriterStart())
    service.write_batch(STORED, begun.writer, WriterBatch(exit_code=0))
    service.put_file(RUN, "kept.txt", io.BytesIO(b"x"))
    server.draft, kept = (begin_artifact(service, name) for name in ("draft", "kept"))
    server.kept = service.commit_artifact(kept, [])
    service.link_artifact(server.kept.path, CHOSEN)
    service.commit_artifact(begin_artifact(service, "spare"), [])
    service.put_view(VIEW, ViewPut(type="runs", name="n"))
    service.create_sweep("lab", "plans", SweepStart(config=CONFIG, sweep_id="s1"))
    server.agent_id = service.join_sweep(SWEEP, AgentStart(host="gpu")).agent_id
    service.report_agent(SWEEP, server.agent_id, AgentReport(wanted_count=1))
    yield server
    server.close()


def begin_artifact(service, name):
    """A draft with a manifest that names no files."""
    path = CollectionPath("lab", "plans", name)
    draft = path.at(service.begin_artifact(path, ArtifactStart(type="data")).artifact_id)
    service.put_content(draft, io.BytesIO(b'{"contents":{}}'), "manifests/0/FULL/-")
    return draft


def state_of(server):
    """All that a mutation could change."""
    service = server.service
    runs = {project.name: service.list_runs("lab", project.name).runs for project in service.list_projects("lab")}
    files = [[(file.name, file.md5) for file in service.list_files(run.path)] for run in runs["plans"]]
    collections = service.list_collections("lab", "plans")
    versions = [service.list_artifacts(collection.path) for collection in collections]
    artifacts = collections, versions, service.list_artifact_users(server.kept.path)
    sweeps, views = service.list_sweeps("lab", "plans"), service.list_views("lab", "plans")
    return runs, files, artifacts, sweeps, views, server.people.directory()


def ask(server, who, field, given, selection, headers):
    """The answer: what the field is, and the codes of its errors."""
    kind = SCHEMA.mutation_type.fields[field].args["input"].type
    document = f"mutation M($input: {kind}) {{ {field}(input: $input) {{ {selection} }} }}"
    body = {"query": document, "variables": {"input": given}}
    answer = server.ask("POST", "/graphql", who=who, json=body, headers=headers)
    told = answer.json()
    return (told.get("data") or {}).get(field), [error["extensions"]["code"] for error in told.get("errors", [])]


def test_the_walk_has_every_mutation_there_is(server):
    assert {field for field, *_ in mutations(server)} == set(SCHEMA.mutation_type.fields)


@pytest.mark.slow
def test_who_may_not_change_a_project_is_refused_each_mutation_and_changes_nothing(server):
    asked = list(mutations(server))
    for who in WHO_MAY_NOT:
        if who == "rita":
            server.people.share_project("lab", "plans", "read")
        before = state_of(server)
        wrong = [
            (who, field, given, data, codes)
            for field, given, selection, headers in asked
            for data, codes in [ask(server, who, field, given, selection, headers)]
            if data is not None or not refuses(field, given, who, codes)
        ]
        assert wrong == []
        assert state_of(server) == before


def refuses(field, given, who, codes):
    if field in NOT_THERE:
        return codes == ["NOT_SUPPORTED"]
    if field in OF_ADMINS:
        return codes == ["FORBIDDEN"]
    if given.get("files") == [] and field == "deleteFiles":
        return codes == ["BAD_VALUE"]
    if who in (None, "eve") or (given.get("name") == "other" and who == "rita"):
        return codes == ["NOT_FOUND"]
    return codes == ["FORBIDDEN"]


@pytest.mark.slow
def test_who_may_is_refused_none_but_what_is_for_admins(server):
    asked = list(mutations(server))
    expected = {field: ["FORBIDDEN"] for field in OF_ADMINS} | {field: ["NOT_SUPPORTED"] for field in NOT_THERE}
    for field, given, selection, headers in asked:
        data, codes = ask(server, "bob", field, given, selection, headers)
        if field == "deleteFiles" and not given["files"]:
            assert codes == ["BAD_VALUE"]
        else:
            assert (codes, data is None) == (expected.get(field, []), field in expected), (field, given, data, codes)


def test_an_admin_is_refused_none_that_is_there(server):
    for field, given, selection, headers in list(mutations(server)):
        if field in OF_ADMINS:
            data, codes = ask(server, "ann", field, given, selection, headers)
            assert (codes, data is None) == ([], False), (field, data, codes)


def test_projects_of_nobody_are_not_listed(server):
    for who in ("ann", "bob"):
        answer = server.ask("GET", "/api/v1/projects", who=who, params={"entity": ""})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "PathError")
    body = {"query": '{ models(entityName: "") { edges { node { name } } } }'}
    assert server.ask("POST", "/graphql", who="ann", json=body).json() == {"data": {"models": {"edges": []}}}
