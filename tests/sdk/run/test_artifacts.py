"""Artifacts are kept as files of their run, found again by name, and end no training."""

import gc
import json
from pathlib import Path

import pytest

import runlake
from runlake.errors import BadValueError, NotFoundError, NotSupportedError, PathError, RunlakeWarning, UsageError
from runlake.media import left_out
from runlake.sdk.run import artifact_calls
from runlake.store.disk import TEMPORARY_PREFIX

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture(autouse=True)
def nothing_said():
    """What was left out is said once in a process: each test hears it anew."""
    left_out.said.clear()


@pytest.fixture
def run(begin):
    """A run that has said already what it leaves out of artifacts."""
    left_out.said.add(artifact_calls._KEPT)
    with begin() as run:
        yield run


@pytest.fixture
def checkpoint():
    """A folder of two files in the folder of the test."""
    folder = Path("checkpoint")
    (folder / "tokens").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"model")
    (folder / "tokens" / "vocab.txt").write_bytes(b"vocab")
    return folder


def contents(folder):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def temporary_files(folder):
    return [path for path in Path(folder).rglob(f"{TEMPORARY_PREFIX}*")]


# Keeping -------------------------------------------------------------------------------------------------------


def test_an_artifact_is_kept_with_what_is_known_of_it(run, stored, checkpoint):
    artifact = runlake.Artifact("model", "weights", description="the best", metadata={"epoch": 3, "lr": 0.1})
    artifact.add_dir(checkpoint)
    artifact.add_file(checkpoint / "model.bin", name="copies/first.bin")
    with artifact.new_file("note.txt") as file:
        file.write("fine")
    assert (artifact.name, artifact.version, artifact.state, artifact.is_draft()) == ("model", None, "PENDING", True)

    assert run.log_artifact(artifact, aliases=["best"], tags=["a"]) is artifact
    assert artifact.wait() is artifact
    assert (artifact.name, artifact.version, artifact.state) == ("model:v0", "v0", "COMMITTED")
    assert (artifact.qualified_name, artifact.aliases) == ("ann/p/model:v0", ["latest", "best"])
    assert contents(stored.file("artifacts/model/v0")) == {
        "model.bin": b"model",
        "tokens/vocab.txt": b"vocab",
        "copies/first.bin": b"model",
        "note.txt": b"fine",
    }
    known = json.loads(stored.file("artifacts/model/v0.json").read_text())
    assert known == {
        "name": "model",
        "type": "weights",
        "description": "the best",
        "metadata": {"epoch": 3, "lr": 0.1},
        "aliases": ["latest", "best"],
        "tags": ["a"],
        "created_at": artifact.created_at,
        "digest": artifact.digest,
        "references": {},
    }


def test_what_is_added_is_as_it_was_when_it_was_added(run, stored, checkpoint):
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    (checkpoint / "model.bin").write_bytes(b"changed")
    (checkpoint / "tokens" / "vocab.txt").unlink()
    run.log_artifact(artifact)
    assert contents(stored.file("artifacts/model/v0")) == {"model.bin": b"model", "tokens/vocab.txt": b"vocab"}


def test_copies_that_were_never_kept_go_with_the_object(session, checkpoint):
    run = session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    assert len(temporary_files(run.dir)) == 2
    del artifact
    gc.collect()
    assert temporary_files(run.dir) == []


def test_copies_are_moved_into_place(session, checkpoint):
    left_out.said.add(artifact_calls._KEPT)
    run = session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    copies = {path.stat().st_ino for path in temporary_files(run.dir)}
    run.log_artifact(artifact)
    assert temporary_files(run.dir) == []
    assert {Path(entry.local_path).stat().st_ino for entry in artifact.files()} == copies


def test_where_no_copy_can_be_made_the_file_itself_is_taken(run, stored, checkpoint, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(checkpoint / "model.bin"))  # no folder can be made in a file
    artifact = runlake.Artifact("model", "weights")
    artifact.add_file(checkpoint / "model.bin")
    run.log_artifact(artifact)
    assert contents(stored.file("artifacts/model/v0")) == {"model.bin": b"model"}


@pytest.mark.parametrize("given", ["checkpoint", "checkpoint/model.bin", Path("checkpoint/model.bin")])
def test_a_path_is_made_an_artifact(run, stored, checkpoint, given):
    artifact = run.log_artifact(given, type="weights", aliases="best")
    assert (artifact.type, artifact.aliases) == ("weights", ["latest", "best"])
    assert artifact.base_name == f"run-r-{Path(given).name}"
    expected = contents("checkpoint") if given == "checkpoint" else {"model.bin": b"model"}
    assert contents(stored.file(f"artifacts/{artifact.base_name}/v0")) == expected


def test_an_address_is_kept_as_a_reference(run, stored):
    artifact = run.log_artifact("s3://bucket/data.csv", name="data", type="dataset")
    assert [(entry.path, entry.ref, entry.local_path) for entry in artifact.files()] == [
        ("data.csv", "s3://bucket/data.csv", None)
    ]
    assert run.use_artifact("data").get_entry("data.csv").ref_target() == "s3://bucket/data.csv"
    with pytest.raises(NotFoundError, match=r"s3://bucket/data\.csv"):
        artifact.get_entry("data.csv").download()


def test_other_files_are_another_version_and_the_same_files_are_not(run, stored, checkpoint):
    first = run.log_artifact(checkpoint, name="model", aliases=["first"])
    again = run.log_artifact(checkpoint, name="model", aliases=["again"])
    (checkpoint / "model.bin").write_bytes(b"better")
    second = run.log_artifact(checkpoint, name="model")
    assert [first.version, again.version, second.version] == ["v0", "v0", "v1"]
    assert again.aliases == ["latest", "first", "again"]
    assert [run.use_artifact(f"model:{alias}").version for alias in ("latest", "first", "again", "v0", "v1")] == [
        "v1", "v0", "v0", "v0", "v1",
    ]  # fmt: skip
    assert contents(stored.file("artifacts/model/v0"))["model.bin"] == b"model"


def test_objects_of_data_types_come_back(run):
    artifact = runlake.Artifact("tables", "data")
    entry = artifact.add(runlake.Table(columns=["x"], data=[[1], [2]]), "points")
    assert entry.path == "points.table.json"
    run.log_artifact(artifact)
    table = run.use_artifact("tables:latest").get("points")
    assert (table.columns, table.data) == (["x"], [[1], [2]])
    assert artifact.get("nothing") is None
    with pytest.raises(BadValueError, match="no Table, Image"):
        runlake.Artifact("tables", "data").add(3, "three")


def test_a_kept_artifact_is_closed_and_a_draft_of_it_is_open(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model")
    with pytest.raises(UsageError, match=r"new_draft\(\)"):
        artifact.add_file(checkpoint / "model.bin")
    draft = artifact.new_draft()
    draft.remove("tokens")
    assert run.log_artifact(draft).name == "model:v1"
    assert [entry.path for entry in draft.files()] == ["model.bin"]


def test_what_is_known_of_a_kept_artifact_can_be_changed(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model")
    artifact.aliases.append("best")
    artifact.metadata["acc"] = 0.9
    artifact.save()
    found = run.use_artifact("model:best")
    assert (found.version, found.metadata, found.aliases) == ("v0", {"acc": 0.9}, ["latest", "best"])


def test_a_kept_artifact_can_be_deleted(run, stored, checkpoint):
    run.log_artifact(checkpoint, name="model").delete(delete_aliases=True)
    assert contents(stored.file("artifacts/model")) == {}
    with pytest.raises(NotFoundError, match="no artifact 'model'"):
        run.use_artifact("model")


def test_saving_an_artifact_keeps_it_with_the_active_run(session, checkpoint):
    left_out.said.add(artifact_calls._KEPT)
    session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    artifact.save()
    assert artifact.id == "r/model:v0"


# Finding -------------------------------------------------------------------------------------------------------


def test_an_artifact_of_another_run_is_found(begin, checkpoint):
    left_out.said.add(artifact_calls._KEPT)
    for run_id, text in (("a", b"older"), ("b", b"newer")):
        with begin(run_id) as other:
            (checkpoint / "model.bin").write_bytes(text)
            other.log_artifact(checkpoint, name="model", aliases=[f"of-{run_id}"])
    with begin("c") as run:
        found = [run.use_artifact(name) for name in ("model", "p/model:of-a", "ann/p/model:latest")]
        assert [Path(one.get_entry("model.bin").local_path).read_bytes() for one in found] == [
            b"newer", b"older", b"newer",
        ]  # fmt: skip
        run.log_artifact(checkpoint / "tokens", name="model")
        assert [entry.path for entry in run.use_artifact("model").files()] == ["vocab.txt"]


def test_files_are_downloaded_and_verified(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model")
    assert artifact.download() == "artifacts/model:v0"
    assert contents("artifacts/model:v0") == contents(checkpoint)
    assert Path(artifact.get_path("tokens/vocab.txt").download("elsewhere")).read_bytes() == b"vocab"
    assert contents(artifact.download("part", path_prefix="tokens")) == {"tokens/vocab.txt": b"vocab"}
    artifact.verify()
    Path("artifacts/model:v0/model.bin").write_bytes(b"other")
    with pytest.raises(BadValueError, match=r"model\.bin"):
        artifact.verify()


def test_the_only_file_is_given_by_itself(run, checkpoint):
    one = run.log_artifact(checkpoint / "model.bin", name="one")
    assert Path(one.file()).read_bytes() == b"model"
    with pytest.raises(BadValueError, match="has 2 files"):
        run.log_artifact(checkpoint, name="two").file()


def test_using_an_artifact_that_no_run_keeps_keeps_it(run, checkpoint):
    artifact = runlake.Artifact("data", "dataset")
    artifact.add_dir(checkpoint)
    assert run.use_artifact(artifact).name == "data:v0"
    assert run.use_artifact(artifact) is artifact


@pytest.mark.parametrize("name", ["model", "model:v7", "other/model", "nobody/other/model:best"])
def test_what_is_not_there_is_named_with_what_is(run, checkpoint, name):
    run.log_artifact(checkpoint, name="data")
    with pytest.raises(NotFoundError, match=rf"no artifact '{name}'.*not supported yet.*kept: data$"):
        run.use_artifact(name)


@pytest.mark.parametrize("name", ["", "a/b/c/model", 3])
def test_a_name_that_cannot_be_one_is_refused(run, name):
    with pytest.raises(PathError, match="use_artifact"):
        run.use_artifact(name)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "é", ".", 3])
def test_a_name_that_an_artifact_cannot_have_is_refused(name):
    with pytest.raises(BadValueError, match="an artifact cannot be called"):
        runlake.Artifact(name, "model")


@pytest.mark.parametrize("name", ["../x", "", "."])
def test_a_file_cannot_leave_the_artifact(checkpoint, name):
    artifact = runlake.Artifact("model", "weights")
    with pytest.raises(BadValueError), artifact.new_file(name):
        pass
    assert artifact.file_count == 0


# What is left out ------------------------------------------------------------------------------------------------


def test_what_is_left_out_is_said_once(begin, checkpoint):
    with begin() as run:
        with pytest.warns(RunlakeWarning, match="lineage and registries are not supported yet") as told:
            artifact = run.log_artifact(checkpoint, name="model")
        run.log_artifact(checkpoint, name="other")
        assert [warning.filename for warning in told] == [__file__]
        with pytest.warns(RunlakeWarning, match="not linked to 'registry/model'"):
            assert run.link_artifact(artifact, "registry/model") is artifact
        with pytest.warns(RunlakeWarning, match="not linked to 'registry/model'"):
            assert run.link_model(checkpoint, "registry/model", name="linked") is None
        assert contents(run.use_model("linked")) == contents(checkpoint)


def test_a_strict_run_refuses_what_is_not_whole(begin, checkpoint):
    with begin(strict=True) as run:
        for call in (
            lambda: run.log_artifact(checkpoint),
            lambda: run.use_artifact("model"),
            lambda: run.link_artifact(runlake.Artifact("model", "weights"), "registry/model"),
            lambda: run.link_model(checkpoint, "registry/model"),
        ):
            with pytest.raises(NotSupportedError):
                call()


def test_a_disk_that_refuses_the_files_ends_nothing(run, stored, checkpoint):
    stored.file("artifacts").write_text("a file where the folder should be")
    with pytest.warns(RunlakeWarning, match="the artifact 'model' could not be kept"):
        artifact = run.log_artifact(checkpoint, name="model")
    assert artifact.wait().name == "model:v0"


# Where nothing is written --------------------------------------------------------------------------------------


def test_a_disabled_run_takes_it_all_and_keeps_nothing(session, home, checkpoint):
    run = session.init(project="p", id="r", mode="disabled", strict=True)
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    assert run.log_artifact(artifact, aliases=["best"]).wait().aliases == ["latest", "best"]
    assert contents(artifact.download("there")) == contents(checkpoint)
    assert run.log_artifact("not/there.bin").files() == []
    unknown = run.use_artifact("ann/p/unknown:best", type="dataset")
    assert (unknown.base_name, unknown.version, unknown.files(), unknown.get("table")) == ("unknown", "v0", [], None)
    assert run.link_artifact(artifact, "registry/model") is artifact
    assert run.link_model("not/there.bin", "registry/model") is None
    assert [bool(artifact.logged_by()), list(artifact.used_by()), artifact.delete()] == [True, [], None]
    Path(run.dir, "note.txt").write_text("a script may write here")
    assert Path(run.use_model("unknown:latest")).exists() is False
    assert not (home / "store").exists()
