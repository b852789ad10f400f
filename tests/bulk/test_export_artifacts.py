"""Artifacts in an export: a table of the versions, and with ``artifacts="files"`` what is in each."""

import json
import shutil

import pytest

from runlake.artifact_model import ArtifactPath, CollectionPath
from runlake.bulk.places import read_manifest
from runlake.bulk.verify import verify_folder
from runlake.errors import BadValueError

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def versions(make_artifact):
    make_artifact("data", {"train.csv": b"1,2", "Train.csv": b"capitals", "deep/er/x": bytes(3000)})
    make_artifact("data", {"train.csv": b"1,2,3"}, {"elsewhere": "https://example.test/x"})
    make_artifact("Data", {"train.csv": b"another one"})


def artifact_files(found):
    return sorted(path for path in found if path.startswith("artifacts/"))


def test_the_files_of_every_version_are_in_folders_of_their_own(versions, service, export, tmp_path, content):
    done = export(tmp_path / "out", service=service, artifacts="files")
    found = content(tmp_path / "out")
    assert artifact_files(found) == [
        "artifacts/Data~1/v0.json", "artifacts/Data~1/v0/train.csv", "artifacts/data/v0.json",
        "artifacts/data/v0/Train.csv", "artifacts/data/v0/deep/er/x", "artifacts/data/v0/train.csv",
        "artifacts/data/v1.json", "artifacts/data/v1/train.csv",
    ]  # fmt: skip
    assert found["artifacts/data/v1/train.csv"] == b"1,2,3"
    made_of = json.loads(found["artifacts/data/v1.json"])
    assert [(entry["path"], entry.get("ref")) for entry in made_of["entries"]] == [
        ("elsewhere", "https://example.test/x"), ("train.csv", None),
    ]  # fmt: skip
    assert (done.manifest.totals["artifact_files"], done.problems) == (5, ())
    assert [entry.title for entry in done.manifest.artifacts] == ["Data:v0", "data:v0", "data:v1"]
    assert verify_folder(tmp_path / "out", service, is_deep=True).is_whole


def test_without_them_there_is_the_table_alone(versions, export, tmp_path, content):
    done = export(tmp_path / "out")
    assert artifact_files(content(tmp_path / "out")) == []
    assert "artifacts.csv" in content(tmp_path / "out")
    assert (done.manifest.artifacts, "artifact_files" in done.manifest.totals) == ((), False)
    with pytest.raises(BadValueError, match="artifacts='bytes'"):
        export(tmp_path / "out", artifacts="bytes")


def test_an_update_writes_new_versions_and_removes_deleted_ones(
    versions, make_artifact, local, service, export, tmp_path, content
):
    export(tmp_path / "out", service=service, artifacts="files")
    shutil.copytree(tmp_path / "out", tmp_path / "before")
    make_artifact("data", {"train.csv": b"1,2,3,4"})
    local.delete_artifact(ArtifactPath("ann", "digits", "data", "v0"))
    assert {(d.kind, d.place) for d in verify_folder(tmp_path / "out", service).differences} == {
        ("new", "data:v2"), ("deleted", "data:v0"),
    }  # fmt: skip
    number = (tmp_path / "out/artifacts/data/v1/train.csv").stat().st_ino
    done = export(tmp_path / "out", service=service, artifacts="files")
    whole = export(tmp_path / "whole", service=service, artifacts="files")
    assert (done.manifest.artifacts, done.manifest.deleted_artifacts) == (whole.manifest.artifacts, ("data:v0",))
    assert (tmp_path / "out/artifacts/data/v1/train.csv").stat().st_ino == number
    assert artifact_files(content(tmp_path / "out")) == artifact_files(content(tmp_path / "whole"))
    since = export(tmp_path / "news", service=service, artifacts="files", since=tmp_path / "before")
    assert artifact_files(content(tmp_path / "news")) == ["artifacts/data/v2.json", "artifacts/data/v2/train.csv"]
    assert [entry.title for entry in since.manifest.artifacts if entry.is_in_base] == ["Data:v0", "data:v1"]


def test_a_version_that_is_deleted_meanwhile_is_named(versions, local, service, export, tmp_path):
    doomed = [ArtifactPath("ann", "digits", "Data", "v0")]

    def report(done, total):
        if doomed:
            local.delete_artifact(doomed.pop(), delete_aliases=True)

    with pytest.warns(UserWarning, match="artifact ann/digits/Data:v0 is not whole"):
        done = export(tmp_path / "out", service=service, artifacts="files", report=report)
    assert done.problems == ("artifact Data:v0: it is missing: it was deleted while it was exported",)
    assert [entry.title for entry in read_manifest(tmp_path / "out").artifacts] == ["Data:v0", "data:v0", "data:v1"]
    again = export(tmp_path / "out", service=service, artifacts="files")
    assert (again.problems, again.manifest.deleted_artifacts) == ((), ("Data:v0",))


def test_a_link_from_the_same_project_has_its_files_where_it_is_at_home(versions, local, export, tmp_path, content):
    local.link_artifact(ArtifactPath("ann", "digits", "data", "v1"), CollectionPath("ann", "digits", "chosen"))
    export(tmp_path / "out", artifacts="files", format="jsonl")
    found = content(tmp_path / "out")
    assert not any(path.startswith("artifacts/chosen") for path in found)
    rows = [json.loads(line) for line in found["artifacts.jsonl"].decode().splitlines()]
    assert [(row["name"], row.get("source")) for row in rows] == [
        ("Data", None), ("chosen", "ann/digits/data:v1"), ("data", None), ("data", None),
    ]  # fmt: skip
