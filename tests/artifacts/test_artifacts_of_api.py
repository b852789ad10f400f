"""What the API says of artifacts, over a folder and over HTTP."""

from datetime import datetime

import pytest

import runlake
from runlake.errors import BadValueError, ConflictError, NotFoundError, UsageError
from runlake.model import RunPath


@pytest.fixture
def api(service):
    return runlake.Api({"entity": "ann", "project": "vision"}, service=service)


@pytest.fixture
def kept(service, keep, artifact_of):
    """Two versions of a model and one of a dataset."""
    service.create_run(RunPath("ann", "vision", "r1"))
    run = RunPath("ann", "vision", "r1")
    first = keep(service, artifact_of({"w": b"1"}), run=run, tags=("small",))
    second = keep(service, artifact_of({"w": b"2"}), run=run)
    digits = artifact_of({"d": b"3"}, name="digits")
    digits._type = "dataset"
    return [first, second, keep(service, digits)]


def names(artifacts):
    return [artifact.name for artifact in artifacts]


def test_versions_are_found_by_name(api, kept):
    assert api.artifact("model").name == "model:v1"
    assert api.artifact("ann/vision/model:v0", type="weights").tags == ["small"]
    assert names(api.artifacts("weights", "model")) == names(api.artifact_versions("weights", "vision/model"))
    assert names(api.artifacts("weights", "model")) == ["model:v1", "model:v0"]
    assert names(api.artifacts("weights", "model", tags=["small"])) == ["model:v0"]
    with pytest.raises(NotFoundError, match="did you mean model"):
        api.artifact("modl")
    with pytest.raises(BadValueError, match="of the type 'weights', and not 'dataset'"):
        api.artifact("model", type="dataset")
    with pytest.raises(BadValueError, match="of the type 'weights', and not 'dataset'"):
        api.artifacts("dataset", "model")
    exist = [api.artifact_exists(name) for name in ("model", "model:v1", "model:v2", "nothing")]
    assert exist == [True, True, False, False]
    assert [api.artifact_exists("model", type="dataset"), api.artifact_collection_exists("model", "weights")] == [
        False,
        True,
    ]
    assert not api.artifact_collection_exists("nothing", "weights")


def test_types_and_collections_are_listed(api, kept):
    assert [kind.name for kind in api.artifact_types()] == ["dataset", "weights"]
    assert [kind.name for kind in api.project("vision").artifacts_types()] == ["dataset", "weights"]
    weights = api.artifact_type("weights")
    assert [one.name for one in weights.collections()] == ["model"]
    assert (weights.collection("model").id, weights.type, weights.id) == (
        "ann/vision/model",
        "weights",
        "ann/vision/weights",
    )
    assert [one.name for one in api.artifact_collections("ann/vision", "dataset")] == ["digits"]
    assert [one.name for one in api.project("vision").collections()] == ["digits", "model"]
    with pytest.raises(NotFoundError, match="of the type 'weight'; there are weights"):
        api.artifact_type("weight")
    with pytest.raises(BadValueError, match="a collection is meant; write it without :v0"):
        api.artifact_collection("weights", "model:v0")


def test_a_collection_is_changed(api, kept):
    model = api.artifact_collection("weights", "model")
    assert (model.aliases, model.version_count, names(model.artifacts())) == (["latest"], 2, ["model:v1", "model:v0"])
    model.description, model.tags, model.name = "What we ship", ["prod"], "shipped"
    model.save()
    found = api.artifact_collection("weights", "shipped")
    assert (found.description, found.tags, found == model) == ("What we ship", ["prod"], True)
    found.change_type("model")
    assert api.artifact("shipped:v0").type == "model"
    assert api.artifact("shipped:v0").collection.name == "shipped"
    found.name = "digits"
    with pytest.raises(ConflictError, match="there is one of that name"):
        found.save()
    assert not api.artifact_collection_exists("model", "weights")
    api.artifact_collection("model", "shipped").delete()
    assert not api.artifact_exists("shipped")


def test_runs_tell_what_they_logged_and_used(api, kept, artifact_of):
    run = api.run("vision/r1")
    assert names(run.logged_artifacts()) == ["model:v0", "model:v1"]
    assert run.used_artifacts() == []
    used = run.use_artifact(api.artifact("digits"), use_as="input")
    assert (used.use_as, names(run.used_artifacts())) == ("input", ["digits:v0"])
    assert [user.id for user in api.artifact("digits").used_by()] == ["r1"]
    assert api.artifact("digits").logged_by() is None
    other = api.create_run("r2", "vision")
    assert other.log_artifact(api.artifact("model:v0"), aliases=["seen"]).aliases == ["seen"]
    assert names(other.logged_artifacts()) == ["model:v0"]
    made = other.log_artifact(artifact_of({"w": b"9"}), tags=["t"])
    assert (made.name, made.tags, made.logged_by().id) == ("model:v2", ["t"], "r2")
    with pytest.raises(BadValueError, match="kept nowhere yet"):
        run.use_artifact(artifact_of({"x": b""}, name="new"))
    other.delete(delete_artifacts=True)
    assert names(api.artifacts("weights", "model")) == ["model:v1"]


def test_links_lead_home(api, kept):
    link = kept[0].link("registry/models", aliases=["prod"])
    assert (link.qualified_name, link.aliases, link.is_link) == ("ann/registry/models:v0", ["prod", "latest"], True)
    assert (link.source_name, link.source_version, link.source_project) == ("model:v0", "v0", "vision")
    assert (link.source_collection.name, link.collection.name) == ("model", "models")
    assert names(api.artifact("model:v0").linked_artifacts) == ["models:v0"]
    assert (link.linked_at is None, api.artifact("model:v0").linked_at) == (False, None)
    link.aliases.append("best")
    link.description = "shipped"
    link.save()
    assert api.artifact("registry/models:best").description == api.artifact("model:v0").description == "shipped"
    with pytest.raises(UsageError, match="no link"):
        api.artifact("model:v0").unlink()
    api.artifact("registry/models:prod").unlink()
    assert not api.artifact_exists("registry/models:v0")


def test_a_version_is_told_as_json_and_text(api, kept):
    artifact = api.artifact("model:v1")
    assert artifact.json_encode() == {
        "_type": "artifactVersion", "_version": "v0", "id": artifact.id, "version": "v1", "sequenceName": "model",
        "usedAs": "model:v1",
    }  # fmt: skip
    assert repr(artifact) == "<Artifact ann/vision/model:v1 (weights, 1 files)>"
    assert artifact.url.endswith("/ann/vision/artifacts/weights/model/v1")
    assert (artifact.commit_hash, artifact.digest_algorithm) == (artifact.digest, "MD5")
    begun, committed = datetime.fromisoformat(artifact.created_at), datetime.fromisoformat(artifact.updated_at)
    assert begun <= committed  # a second may pass between the two
