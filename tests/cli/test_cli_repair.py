"""`runlake repair`, `gc`, `trash` and `undelete`."""

import io
import json
import os

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.service.local.service import LocalService

ASK = "runlake: nobody is there to be asked; add --yes to {}, or --dry-run to look\n"


@pytest.fixture
def run(make_run):
    return make_run("ann/mnist/a1", rows=[{"loss": float(i)} for i in range(50)], name="first")


def listed(runlake):
    return [run["run_id"] for run in json.loads(runlake("ls", "mnist", "--json").out)["runs"]]


def spoil(tmp_path):
    (part,) = (tmp_path / "store").rglob("*.part")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 0x15
    data[len(data) // 2 + 1] ^= 0x15
    part.write_bytes(data)


def test_a_whole_store_needs_no_repair(runlake, run):
    assert runlake("repair") == (0, "", "nothing to repair in the store\n")
    assert runlake("repair", "mnist/a1", "--yes") == (0, "", "nothing to repair in ann/mnist/a1\n")


def test_a_flipped_byte_is_put_back(runlake, run, damage):
    damage(run)
    assert runlake("repair", "--dry-run").err == "would mend 1 thing\n"
    assert runlake("check", "mnist/a1").code == 1
    ended = runlake("repair", "mnist/a1", "--yes", "--json")
    document = json.loads(ended.out)
    assert (ended.code, ended.err, document["is_dry_run"]) == (0, "mended 1 thing\n", False)
    (repair,) = document["repairs"]
    assert (repair["run_id"], repair["kind"], repair["lost"], repair["is_mended"]) == ("a1", "corrupt", "nothing", True)
    assert runlake("check") == (0, "", "read 1 run: all is well\n")
    assert runlake("export", "mnist/a1").out.count("\n") == 51


def test_what_cannot_be_had_again_is_named(runlake, run, tmp_path):
    spoil(tmp_path)
    ended = runlake("repair", "mnist", "--yes")
    assert ended.code == 0
    assert ended.out.splitlines()[0].split() == ["RUN", "KIND", "PLACE", "MENDED", "LOST", "REMEDY"]
    assert "history row" in ended.out
    assert runlake("check").code == 0
    assert runlake("export", "mnist/a1").out.count("\n") == 50


def test_nothing_is_repaired_or_removed_when_nobody_can_be_asked(runlake, run, damage):
    damage(run)
    assert runlake("repair").err == ASK.format("repair")
    assert runlake("check").code == 1
    runlake("repair", "--yes")
    runlake("rm", "mnist/a1", "--yes")
    assert runlake("gc", "--older-than", "0s") == (2, "", ASK.format("remove"))


def test_what_is_left_as_it_is_makes_the_answer_no(runlake, run, tmp_path):
    (tmp_path / "store" / "ann" / "mnist" / "runs" / "a1" / "journal" / "notes.txt").write_text("hello")
    ended = runlake("repair", "--yes")
    assert (ended.code, ended.err) == (1, "mended 0 things, 1 left as they are\n")


def test_a_deleted_run_is_in_the_trash_and_comes_back(runlake, run):
    assert runlake("trash") == (0, "", "the trash is empty\n")
    runlake("rm", "mnist/a1", "--yes")
    (item,) = json.loads(runlake("trash", "--json").out)["items"]
    assert (item["run_id"], item["name"], item["is_run"]) == ("a1", "first", True)
    table = runlake("trash").out.splitlines()
    assert table[0].split() == ["RUN", "NAME", "DELETED", "SIZE", "IN", "TRASH", "AS"]
    assert runlake("undelete", "mnist/a1") == (0, "ann/mnist/a1\n", "")
    assert listed(runlake) == ["a1"]
    runlake("rm", "mnist/a1", "--yes")
    assert runlake("undelete", item["trash_name"]) == (0, "ann/mnist/a1\n", "")
    assert listed(runlake) == ["a1"]


def test_a_run_that_took_the_id_meanwhile_is_in_the_way(runlake, run, make_run):
    runlake("rm", "mnist/a1", "--yes")
    make_run("ann/mnist/a1", rows=[{"loss": 2.0}], at_s=100)
    ended = runlake("undelete", "mnist/a1")
    assert (ended.code, "there is a run of that id again" in ended.err) == (5, True)


@pytest.mark.parametrize("name", ["mnist/zz", "0123-zz", "..", "a/b/c/d/e"])
def test_what_is_not_in_the_trash_cannot_come_back(runlake, run, name):
    ended = runlake("undelete", name)
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)


def test_the_trash_is_emptied(runlake, run):
    runlake("rm", "mnist/a1", "--yes")
    assert runlake("gc") == (0, "", "nothing to remove\n")
    looked = json.loads(runlake("gc", "--older-than", "0s", "--dry-run", "--json").out)
    ended = runlake("gc", "--older-than", "0s", "--yes", "--json")
    assert json.loads(ended.out) == {**looked, "is_dry_run": False}
    assert ended.err.startswith("removed 1 thing, ")
    assert runlake("trash").err == "the trash is empty\n"
    assert runlake("undelete", "mnist/a1").code == 3


def test_an_age_that_is_none_is_refused(runlake, run):
    ended = runlake("gc", "--older-than", "soon")
    assert (ended.code, "30d" in ended.err) == (2, True)


def test_the_project_and_the_store_are_checked_and_mended_too(runlake, run, tmp_path):
    (tmp_path / "store" / "store.toml").unlink()
    (tmp_path / "store" / "ann" / "mnist" / "runs" / "x.txt").write_text("hello")
    document = json.loads(runlake("check", "--json").out)
    assert document["run_count"] == 1
    assert [(f["project"], f["run_id"], f["kind"]) for f in document["findings"]] == [
        ("", "", "missing"),
        ("mnist", "", "foreign"),
    ]
    assert [f["kind"] for f in json.loads(runlake("check", "mnist/a1", "--json").out)["findings"]] == []
    runlake("repair", "--yes")
    assert [f["kind"] for f in json.loads(runlake("check", "--json").out)["findings"]] == ["foreign"]


def log_artifact(root, number):
    service = LocalService(root, default_entity="ann")
    model = CollectionPath("ann", "mnist", "model")
    draft = model.at(service.begin_artifact(model, ArtifactStart(type="model")).artifact_id)
    kept = service.put_content(draft, io.BytesIO(b"%d" % number))
    service.commit_artifact(draft, [ManifestEntry(path="a", digest=kept.digest)])
    return service, model


def test_a_deleted_version_of_an_artifact_comes_back_also_with_its_collection(runlake, run, tmp_path):
    service, model = log_artifact(tmp_path / "store", 0)
    service.delete_artifact(model.at("v0"))
    assert runlake("undelete", "ann/mnist/model:v0") == (0, "ann/mnist/model:v0\n", "")
    service.delete_collection(model)
    assert runlake("trash").out.splitlines()[1].split()[:2] == ["ann/mnist/model", "artifact"]
    (item,) = json.loads(runlake("trash", "--json").out)["items"]
    assert (item["artifact"], item["is_run"]) == ("ann/mnist/model", False)
    assert runlake("undelete", "ann/mnist/model:v0") == (0, "ann/mnist/model:v0\n", "")
    assert runlake("undelete", "ann/mnist/modle:v0").code == 3
    assert runlake("undelete", "model:v0").code == 2
    assert runlake("trash").err == "the trash is empty\n"


def test_gc_says_what_goes_of_artifacts_before_it_does(runlake, run, tmp_path):
    service, model = log_artifact(tmp_path / "store", 0)
    log_artifact(tmp_path / "store", 1)
    service.delete_artifact(model.at("v0"))
    for file in (tmp_path / "store" / "artifacts").rglob("*"):
        os.utime(file, (1e9, 1e9))
    said = json.loads(runlake("gc", "--older-than", "0s", "--dry-run", "--json").out)
    assert [one["place"].split("/")[:2] for one in said["removed"]] == [
        ["ann", "mnist"],
        ["artifacts", "ids"],
        ["artifacts", "content"],
    ]
    assert runlake("gc", "--older-than", "0s", "--yes").err.startswith("removed 3 things, ")
    assert runlake("check") == (0, "", "read 1 run: all is well\n")
    assert runlake("undelete", "ann/mnist/model:v0").code == 3
