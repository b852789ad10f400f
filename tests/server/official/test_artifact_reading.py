"""The official client reads, edits, links and deletes artifacts that it logged."""

import pytest

works, refused = pytest.mark.works, pytest.mark.refused

FILES = ["made.json", "one.txt", "outside.txt", "renamed/zwei & drei #1.txt", "tree/a.txt", "tree/deep/b.txt"]
FIRST = {
    "name": "data:v0",
    "qualified": "ada/artifacts/data:v0",
    "version": "v0",
    "type": "dataset",
    "state": "COMMITTED",
    "aliases": ["best"],
    "tags": ["small", "two words"],
    "description": "all ways",
    "metadata": {"rows": 2, "nested": {"größe": [1, 2.5, None]}},
    "ttl_s": None,
    "size": 33,
    "file_count": 6,
    "digest": "32fde3afb3917861fc934a2fd5d4f8dd",
    "entries": FILES,
    "is_link": False,
    "source": "ada/artifacts/data:v0",
}
SECOND = {
    **FIRST,
    **{key: FIRST[key].replace("v0", "v1") for key in ("name", "qualified", "version", "source")},
    "aliases": ["fresh", "latest"],
    "tags": [],
    "description": None,
    "metadata": {},
    "size": 37,
    "digest": "a7464733c652e22f46a26bd21580e5f8",
}
EDITED = {
    **FIRST,
    "aliases": ["good"],
    "tags": ["edited", "small"],
    "description": "edited",
    "metadata": {**FIRST["metadata"], "rows": 3},
}


@pytest.fixture
def tour(artifact_tour):
    return artifact_tour


@works("Api.artifact", "Artifact.version", "Artifact.aliases", "Artifact.tags", "Artifact.description")
@works("Artifact.metadata", "Artifact.digest", "Artifact.size", "Artifact.file_count", "Artifact.manifest")
def test_a_version_is_read_by_number_and_by_alias(tour):
    assert tour["read-data:v0"] == FIRST
    assert tour["read-data:v1"] == tour["read-data"] == SECOND
    assert tour["read-data:latest"] == {**SECOND, "name": "data:latest", "qualified": "ada/artifacts/data:latest"}
    assert tour["read-data:best"] == {**FIRST, "name": "data:best", "qualified": "ada/artifacts/data:best"}
    assert tour["read-by-commit"] == "v0"


@works("Api.artifact_exists", "Api.artifact_collection_exists")
def test_what_is_not_there_is_said_not_to_be(tour):
    assert tour["exists"] == [True, False, True]
    assert tour["collection-exists"] == [True, False]
    assert tour["use-missing"]["message"] == "artifact membership 'data:v9' not found in 'ada/artifacts'"
    assert tour["type-missing"]["message"] == "Could not find artifact type 'nothing'"
    assert tour["collection-missing"]["message"] == "Could not find artifact type 'dataset'"


@works("Artifact.logged_by", "Artifact.used_by", "Run.logged_artifacts", "Run.used_artifacts")
@works("Api.run(...).log_artifact", "Api.run(...).use_artifact")
def test_runs_and_what_they_logged_and_used_lead_to_each_other(tour):
    assert tour["logged-by"] == "logger"
    assert tour["used-by"] == ["user"]
    assert tour["logged-artifacts"] == ["data:v0"]
    assert tour["used-artifacts"] == ["data:v0", "data:v1"]
    assert (tour["run-logs"], tour["run-uses"]) == ("v0", "v0")
    assert tour["use-draft"] == ["v0", ["user-of-draft"], None]


@works("Artifact.save")
def test_a_version_is_edited(tour):
    assert tour["edit"] == EDITED
    assert tour["edit-moves-alias"] == ["v1", []]


@works("Artifact.ttl")
def test_a_version_is_kept_for_a_time_or_for_ever(tour):
    assert tour["ttl"] == [30 * 86_400, 2 * 86_400, None, None]


@works("Artifact.link", "Run.link_artifact", "Artifact.linked_artifacts", "Artifact.source_artifact")
@works("Artifact.unlink", "Artifact.is_link")
def test_a_version_is_linked_read_there_and_unlinked(tour):
    about, name, aliases = tour["link"]
    linked = {"name": "chosen:v0", "qualified": "ada/artifacts/chosen:v0", "is_link": True}
    assert about == {**EDITED, **linked, "aliases": ["good", "latest"]}
    assert (name, aliases) == ("chosen:v1", ["latest"])
    assert tour["linked"] == ["ada/artifacts/chosen:v0"]
    assert tour["link-source"] == "ada/artifacts/data:v0"
    assert tour["link-download"] == FILES
    assert tour["link-draft"] == "ada/artifacts/drafted-too:v0"
    assert tour["unlink"] == [None, False]
    assert "is not a linked artifact" in tour["unlink-source"]["message"]


@works("Run.link_model", "Run.use_model")
def test_models_are_linked_to_the_registry_that_is_a_project(tour):
    assert tour["models"] == ["weights", "model", ["latest", "trained"], "registered:latest"]


@works("Api.artifact_types", "Api.artifact_type", "Api.artifact_collections", "ArtifactType.collections")
def test_types_and_collections_are_listed(tour):
    assert tour["types"] == ["dataset", "file"]
    assert tour["type"] == "dataset"
    names = ["brief", "chosen", "data", "drafted", "drafted-too", "empty", "joint", "many"]
    assert (tour["collections"], tour["collections-count"]) == (names, 8)
    assert tour["collections-of-type"] == ["path"]


@works("Api.artifacts", "ArtifactCollection.artifacts")
def test_versions_are_listed(tour):
    assert tour["versions"] == ["data:v3", "data:v2", "data:v1", "data:v0"]
    assert tour["versions-count"] == 4
    assert tour["versions-tagged"] == ["data:v0"]
    assert tour["versions-of-link"] == ["chosen:v2", "chosen:v0"]


@works("Api.artifact_collection", "ArtifactCollection.aliases", "ArtifactCollection.is_sequence")
@works("ArtifactCollection.save", "ArtifactCollection.tags", "ArtifactCollection.change_type")
def test_a_collection_is_read_renamed_described_and_tagged(tour):
    assert tour["collection"] == ["data", "dataset", True, ["fresh", "good", "latest"]]
    assert tour["collection-of-links"] == ["chosen", False]
    assert tour["collection-edit"] == ["many-renamed", "about many", ["tagged"], ["many-renamed:v0"]]
    versions = ["chosen-renamed:v2", "chosen-renamed:v0"]
    assert tour["collection-edit-links"] == ["chosen-renamed", "about chosen", ["tagged"], versions]
    assert tour["collection-type"] == [None, "other"]


@works("Artifact.delete", "ArtifactCollection.delete")
def test_versions_links_and_collections_are_deleted(tour):
    assert "artifact ada/artifacts/data:v1 has the alias fresh, good" in tour["delete-with-aliases"]["message"]
    assert tour["delete"] == [None, False]
    assert tour["delete-link"] == [None, True]
    assert tour["deleted-versions"] == ["data:v3", "data:v2", "data:v0"]
    assert tour["delete-collection"] == tour["delete-links"] == [None, False]
    assert tour["after-deletion"] == "v4"


@works("wandb artifact ls")
def test_the_command_lists_versions(tour):
    assert tour["ls"] == [True]
