"""Artifacts of a run are versions in its store: kept, found again by name, with who made and used them."""

import datetime
import gc
from pathlib import Path

import pytest

import runlake
from runlake.artifacts.ttl import ArtifactTTL
from runlake.errors import BadValueError, ConflictError, NotFoundError, PathError, RunlakeWarning, UsageError
from runlake.store.disk import TEMPORARY_PREFIX

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def run(begin):
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
    """Copies of what is added, told by their names from what is written to take over another."""
    return [path for path in Path(folder).rglob(f"{TEMPORARY_PREFIX}*") if len(path.name.rpartition("-")[2]) == 16]


def paths(artifact):
    return [entry.path for entry in artifact.files()]


# Keeping -------------------------------------------------------------------------------------------------------


def test_an_artifact_is_kept_with_what_is_known_of_it(run, checkpoint):
    run.log({"loss": 1})
    run.log({"loss": 0.5})
    artifact = runlake.Artifact("model", "weights", description="the best", metadata={"epoch": 3, "lr": [0.1]})
    artifact.add_dir(checkpoint)
    artifact.add_file(checkpoint / "model.bin", name="copies/first.bin")
    with artifact.new_file("note.txt") as file:
        file.write("fine")
    assert (artifact.name, artifact.version, artifact.state, artifact.is_draft()) == ("model", None, "PENDING", True)
    digest = artifact.digest

    assert run.log_artifact(artifact, aliases=["best"], tags=["a"]) is artifact
    assert artifact.wait() is artifact
    assert (artifact.name, artifact.version, artifact.state) == ("model:v0", "v0", "COMMITTED")
    assert (artifact.qualified_name, artifact.aliases, artifact.tags) == ("ann/p/model:v0", ["latest", "best"], ["a"])
    assert (artifact.size, artifact.file_count, artifact.digest, artifact.history_step) == (19, 4, digest, 1)

    found = run.use_artifact("model:best")
    assert contents(found.download()) == {
        "model.bin": b"model",
        "tokens/vocab.txt": b"vocab",
        "copies/first.bin": b"model",
        "note.txt": b"fine",
    }
    assert (found.description, found.metadata) == ("the best", {"epoch": 3, "lr": [0.1]})
    assert (found.type, found.base_name, found.id) == ("weights", "model", artifact.id)


def test_nothing_of_it_becomes_a_file_of_the_run(run, stored, checkpoint):
    run.log_artifact(checkpoint, name="model")
    run.log_model(checkpoint, name="best")
    assert not stored.file("artifacts").exists()
    assert not stored.file("models").exists()


def test_what_is_added_is_as_it_was_when_it_was_added(run, checkpoint):
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    (checkpoint / "model.bin").write_bytes(b"changed")
    (checkpoint / "tokens" / "vocab.txt").unlink()
    run.log_artifact(artifact)
    assert contents(artifact.download()) == {"model.bin": b"model", "tokens/vocab.txt": b"vocab"}


def test_copies_that_were_never_kept_go_with_the_object(session, checkpoint):
    run = session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    assert len(temporary_files(run.dir)) == 2
    del artifact
    gc.collect()
    assert temporary_files(run.dir) == []


def test_copies_are_moved_into_the_store(session, home, checkpoint):
    run = session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    copies = {path.stat().st_ino for path in temporary_files(run.dir)}
    run.log_artifact(artifact)
    assert temporary_files(home / "store") == []
    content = (home / "store" / "artifacts" / "content").rglob("*")
    assert {path.stat().st_ino for path in content if path.is_file()} == copies


def test_where_no_copy_can_be_made_the_file_itself_is_taken(run, checkpoint, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(checkpoint / "model.bin"))  # no folder can be made in a file
    artifact = runlake.Artifact("model", "weights")
    artifact.add_file(checkpoint / "model.bin")
    run.log_artifact(artifact)
    assert contents(artifact.download()) == {"model.bin": b"model"}
    assert (checkpoint / "model.bin").read_bytes() == b"model"


@pytest.mark.parametrize("given", ["checkpoint", "checkpoint/model.bin", Path("checkpoint/model.bin")])
def test_a_path_is_made_an_artifact(run, checkpoint, given):
    artifact = run.log_artifact(given, type="weights", aliases="best")
    assert (artifact.type, artifact.aliases) == ("weights", ["latest", "best"])
    assert artifact.base_name == f"run-r-{Path(given).name}"
    expected = contents("checkpoint") if given == "checkpoint" else {"model.bin": b"model"}
    assert contents(artifact.download()) == expected
    assert contents("checkpoint") == {"model.bin": b"model", "tokens/vocab.txt": b"vocab"}


def test_other_files_are_another_version_and_the_same_files_are_not(run, begin, checkpoint):
    first = run.log_artifact(checkpoint, name="model", aliases=["first"])
    again = run.log_artifact(checkpoint, name="model", aliases=["again"])
    (checkpoint / "model.bin").write_bytes(b"better")
    second = run.log_artifact(checkpoint, name="model")
    assert [first.version, again.version, second.version] == ["v0", "v0", "v1"]
    assert again.aliases == ["latest", "first", "again"]
    assert [run.use_artifact(f"model:{alias}").version for alias in ("latest", "first", "again", "v0", "v1")] == [
        "v1", "v0", "v0", "v0", "v1",
    ]  # fmt: skip
    with begin("other") as other:
        assert other.log_artifact(checkpoint, name="model").version == "v1"


def test_a_file_that_is_added_twice_must_be_the_same(checkpoint):
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    artifact.add_dir(checkpoint)
    (checkpoint / "model.bin").write_bytes(b"changed")
    with pytest.raises(BadValueError, match=r"'model\.bin' with another content already; add it with overwrite=True"):
        artifact.add_file(checkpoint / "model.bin")
    before = artifact.digest
    artifact.add_file(checkpoint / "model.bin", overwrite=True)
    artifact.add_dir(checkpoint, merge=True)
    assert (artifact.file_count, artifact.digest == before) == (2, False)


def test_a_kept_artifact_is_closed_and_a_draft_of_it_is_open(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model")
    with pytest.raises(UsageError, match=r"new_draft\(\)"):
        artifact.add_file(checkpoint / "model.bin")
    draft = artifact.new_draft()
    draft.remove("tokens")
    assert run.log_artifact(draft).name == "model:v1"
    assert paths(draft) == ["model.bin"]


def test_an_incremental_artifact_begins_with_the_latest_version(run, checkpoint):
    run.log_artifact(checkpoint, name="model", type="weights")
    artifact = runlake.Artifact("model", "weights", incremental=True)
    (checkpoint / "model.bin").write_bytes(b"better")
    artifact.add_file(checkpoint / "model.bin")
    artifact.remove("tokens")
    with artifact.new_file("note.txt") as file:
        file.write("fine")
    run.log_artifact(artifact)
    assert (artifact.version, contents(artifact.download())) == ("v1", {"model.bin": b"better", "note.txt": b"fine"})
    first = runlake.Artifact("another", "weights", incremental=True)
    first.add_dir(checkpoint)
    assert run.log_artifact(first).version == "v0"


def test_an_entry_of_another_artifact_comes_with_its_bytes(run, checkpoint):
    model = run.log_artifact(checkpoint, name="model")
    artifact = runlake.Artifact("bundle", "release")
    artifact.add_reference(model.get_entry("model.bin"), name="parts/model.bin")
    assert contents(run.log_artifact(artifact).download()) == {"parts/model.bin": b"model"}


def test_what_is_known_of_a_kept_artifact_can_be_changed(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model", aliases=["old"], tags=["a"])
    artifact.aliases.append("best")
    artifact.aliases.remove("old")
    artifact.tags = ["b"]
    artifact.metadata["acc"] = 0.9
    artifact.description = "good"
    artifact.ttl = datetime.timedelta(days=30)
    artifact.save()
    found = run.use_artifact("model:best")
    assert (found.version, found.metadata, found.aliases) == ("v0", {"acc": 0.9}, ["latest", "best"])
    assert (found.tags, found.description, found.ttl) == (["b"], "good", datetime.timedelta(days=30))
    found.ttl = ArtifactTTL.INHERIT
    found.save()
    assert run.use_artifact("model").ttl is None
    found.ttl = 3
    with pytest.raises(BadValueError, match=r"a datetime\.timedelta"):
        found.save()


def test_a_kept_artifact_that_is_logged_again_gets_the_aliases(run, checkpoint):
    first = run.log_artifact(checkpoint, name="model", type="weights")
    (checkpoint / "model.bin").write_bytes(b"better")
    run.log_artifact(checkpoint, name="model", type="weights")
    again = run.log_artifact(run.use_artifact("model:v0"), aliases=["stable"], tags=["t"])
    assert (again.version, again.id, again.aliases, again.tags) == ("v0", first.id, ["stable"], ["t"])
    assert run.use_artifact("model:latest").version == "v1"


def test_a_kept_artifact_can_be_deleted(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model", aliases=["best"])
    with pytest.raises(ConflictError, match="delete_aliases=True"):
        artifact.delete()
    artifact.delete(delete_aliases=True)
    with pytest.raises(NotFoundError, match="no version was committed"):
        run.use_artifact("model")


def test_saving_an_artifact_keeps_it_with_the_active_run(session, checkpoint):
    session.init(project="p", id="r")
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    artifact.save()
    assert (artifact.name, artifact.logged_by().id) == ("model:v0", "r")


def test_several_processes_make_one_version(begin, checkpoint):
    with begin("a", group="g") as run:
        part = runlake.Artifact("model", "weights")
        part.add_file(checkpoint / "model.bin")
        assert run.upsert_artifact(part).state == "PENDING"
    with begin("b", group="g") as run:
        run.upsert_artifact(checkpoint / "tokens", name="model", type="weights", distributed_id="g")
        with pytest.raises(NotFoundError, match="no version was committed"):
            run.use_artifact("model")
        last = runlake.Artifact("model", "weights")
        with last.new_file("note.txt") as file:
            file.write("fine")
        whole = run.finish_artifact(last, aliases=["best"])
        assert (whole.name, whole.aliases) == ("model:v0", ["latest", "best"])
        assert contents(whole.download()) == {"model.bin": b"model", "vocab.txt": b"vocab", "note.txt": b"fine"}
        with pytest.raises(ConflictError, match="distributed_id='g' is finished"):
            run.upsert_artifact(checkpoint, name="model", type="weights")
    with begin("c") as run, pytest.raises(BadValueError, match="distributed_id="):
        run.upsert_artifact(checkpoint, name="model")


# Finding -------------------------------------------------------------------------------------------------------


def test_who_made_a_version_and_who_used_it_is_told(begin, checkpoint):
    with begin("maker") as run:
        run.log_artifact(checkpoint, name="model")
    with begin("user") as run:
        used = run.use_artifact("p/model:latest", use_as="base")
        assert (used.use_as, used.logged_by().id, [user.id for user in used.used_by()]) == ("base", "maker", ["user"])
        found = [run.use_artifact(name).version for name in ("model", "ann/p/model:v0", "wandb-artifact://model")]
        assert found == ["v0"] * 3


def test_the_type_that_is_asked_for_must_be_that_of_the_artifact(run, checkpoint):
    run.log_artifact(checkpoint, name="model", type="weights")
    assert run.use_artifact("model", type="weights").version == "v0"
    with pytest.raises(BadValueError, match="of the type 'weights', and not 'dataset'"):
        run.use_artifact("model", type="dataset")


def test_using_an_artifact_that_no_run_keeps_keeps_it(run, checkpoint):
    artifact = runlake.Artifact("data", "dataset")
    artifact.add_dir(checkpoint)
    assert run.use_artifact(artifact).name == "data:v0"
    assert run.use_artifact(artifact).used_by()[0].id == "r"
    assert artifact.logged_by() is None


def test_what_is_not_there_is_named_with_what_is(run, checkpoint):
    run.log_artifact(checkpoint, name="model", aliases=["best"])
    with pytest.raises(NotFoundError, match=r"no version 'v7' of artifact ann/p/model; there are 3 names, such as"):
        run.use_artifact("model:v7")
    with pytest.raises(NotFoundError, match="no artifact 'mdel' in ann/p; did you mean model"):
        run.use_artifact("mdel")


@pytest.mark.parametrize("name", ["", "a/b/c/model", 3])
def test_a_name_that_cannot_be_one_is_refused(run, name):
    with pytest.raises(PathError, match="name of an artifact"):
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


# Portfolios ------------------------------------------------------------------------------------------------------


def test_a_version_is_linked_to_a_portfolio(run, checkpoint):
    artifact = run.log_artifact(checkpoint, name="model", type="weights")
    link = run.link_artifact(artifact, "registry/best-models", aliases=["production"])
    assert (link.qualified_name, link.is_link, link.aliases) == (
        "ann/registry/best-models:v0",
        True,
        ["production", "latest"],
    )
    assert (link.source_qualified_name, link.source_artifact.name) == ("ann/p/model:v0", "model:v0")
    assert (artifact.is_link, artifact.source_artifact) == (False, artifact)
    assert [one.qualified_name for one in artifact.linked_artifacts] == ["ann/registry/best-models:v0"]
    used = run.use_artifact("registry/best-models:production")
    assert contents(used.download()) == contents(checkpoint)
    with pytest.raises(UsageError, match="no link of a portfolio"):
        artifact.unlink()
    link.unlink()
    assert artifact.linked_artifacts == []
    assert run.use_artifact("model").version == "v0"


def test_a_model_is_logged_and_linked_in_one_call(run, checkpoint):
    link = run.link_model(checkpoint / "model.bin", "best-models", name="mine", aliases=["production"])
    assert (link.qualified_name, link.source_name, link.type) == ("ann/p/best-models:v0", "mine:v0", "model")
    assert Path(run.use_model("best-models:production")).read_bytes() == b"model"


# Models and source -----------------------------------------------------------------------------------------------


def test_a_model_is_logged_and_used(run, begin, checkpoint):
    assert run.log_model(checkpoint / "model.bin") == "run-r-model.bin"
    assert run.log_model(checkpoint, "whole", aliases=["best"]) == "whole"
    with begin("q") as other:
        assert Path(other.use_model("run-r-model.bin")).read_bytes() == b"model"
        assert contents(other.use_model("whole:best")) == contents(checkpoint)
        with pytest.raises(NotFoundError, match="no artifact 'worst'"):
            other.use_model("worst")
    with pytest.raises(PathError, match="is not there"):
        run.log_model("nowhere")


def test_what_is_no_model_is_not_used_as_one(run, checkpoint):
    run.log_artifact(checkpoint, name="data", type="dataset")
    with pytest.raises(BadValueError, match="of the type 'dataset', and no model"):
        run.use_model("data")


@pytest.mark.parametrize("name", ["best", "r/best", "p/r/best:latest", "ann/p/r/best"])
def test_models_that_earlier_versions_kept_as_files_are_found(begin, stored, name):
    begin("r").finish()
    for file in ("one/only.pt", "best/a.pt", "best/b/c.pt"):
        stored.layout.make_file_folders(stored.path(), f"models/{file}").write_bytes(b"old")
    with begin("r", resume="allow") as run:
        assert run.use_model(name) == str(stored.file("models/best"))
        assert run.use_model("one") == str(stored.file("models/one/only.pt"))


def test_source_files_are_an_artifact(run, checkpoint, monkeypatch):
    Path("train.py").write_text("print(1)")
    Path("data.csv").write_text("1")
    code = run.log_code()
    assert (code.type, contents(code.download())) == ("code", {"train.py": b"print(1)"})
    Path("src").mkdir()
    Path("src/fit.py").write_text("print(2)")
    with monkeypatch.context() as patched:
        patched.setattr("sys.argv", ["src/fit.py"])
        assert run.log_code("src").name == "source-p-src_fit.py:v0"
    chosen = run.log_code(".", name="mine", include_fn=lambda path: path.endswith(".csv"))
    assert (chosen.name, paths(chosen)) == ("mine:v0", ["data.csv"])
    assert run.log_code(checkpoint) is None
    with pytest.raises(PathError, match="is no folder"):
        run.log_code("elsewhere")


# Faults, and where nothing is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
def test_a_disk_that_refuses_the_files_ends_nothing(begin, home, checkpoint, strict):
    with begin(strict=strict) as run:
        (home / "store" / "artifacts").write_text("a file where the folder should be")
        if strict:
            with pytest.raises(OSError, match="artifacts"):
                run.log_artifact(checkpoint, name="model")
            return
        with pytest.warns(RunlakeWarning, match="the artifact 'model' could not be kept"):
            artifact = run.log_artifact(checkpoint, name="model")
        assert (artifact.wait().name, artifact.aliases) == ("model:v0", ["latest"])
        with pytest.warns(RunlakeWarning, match="could not be kept"):
            assert run.log_model(checkpoint, "best") is None
        Path("train.py").write_text("print(1)")
        with pytest.warns(RunlakeWarning, match="could not be kept"):
            run.log_code()


def test_a_disabled_run_takes_it_all_and_keeps_nothing(session, home, checkpoint):
    run = session.init(project="p", id="r", mode="disabled", strict=True)
    artifact = runlake.Artifact("model", "weights")
    artifact.add_dir(checkpoint)
    artifact.add_reference("s3://bucket/data.csv")
    assert run.log_artifact(artifact, aliases=["best"]).wait().aliases == ["latest", "best"]
    assert contents(artifact.download("there")) == contents(checkpoint)
    assert run.log_artifact("not/there.bin").files() == []
    unknown = run.use_artifact("ann/p/unknown:best", type="dataset")
    assert (unknown.base_name, unknown.version, unknown.files(), unknown.get("table")) == ("unknown", "v0", [], None)
    assert run.link_artifact(artifact, "registry/model") is artifact
    assert run.link_model("not/there.bin", "registry/model").version == "v0"
    assert run.log_model("not/there.bin") == "run-r-there.bin"
    assert [bool(artifact.logged_by()), list(artifact.used_by()), artifact.delete()] == [True, [], None]
    artifact.metadata["a"] = 1
    artifact.save()
    assert (artifact.link("registry/model") is artifact, artifact.unlink(), artifact.url) == (True, None, None)
    Path(run.dir, "note.txt").write_text("a script may write here")
    assert Path(run.use_model("unknown:latest")).exists() is False
    assert run.log_code() is None
    assert not (home / "store").exists()
