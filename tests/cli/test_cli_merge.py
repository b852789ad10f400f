"""`runlake merge` as a user sees it."""

import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run


@pytest.fixture
def other(make_run, tmp_path):
    """Makes what was logged until now the store `other`, and leaves an empty one."""

    def put_aside():
        shutil.move(os.environ["RUNLAKE_DIR"], tmp_path / "work" / "other")

    return put_aside


def test_it_says_what_came_and_counts_all(runlake, make_run, other):
    make_run("ann/mnist/a1", rows=[{"loss": 1.0}], files={"model": b"x" * 5000})
    make_run("bob/nlp/b2")
    other()
    came = runlake("merge", "other")
    assert came.code == 0
    assert re.fullmatch(r"brought 2 runs, \d\.\d KiB: 2 new\n", came.err)
    assert [line.split()[:2] for line in came.out.splitlines()] == [
        ["RUN", "OUTCOME"],
        ["ann/mnist/a1", "new"],
        ["bob/nlp/b2", "new"],
    ]
    assert runlake("merge", "other") == (0, "", "brought 2 runs, 0 B: 0 new, 2 the same\n")
    assert runlake("show", "ann/mnist/a1").code == 0


def test_it_tells_of_renamed_running_deleted_runs_and_files_kept(runlake, make_run, other, tmp_path):
    for run_id in ("same", "gone", "file"):
        make_run(f"ann/mnist/{run_id}", files={"m": b"1"})
    shutil.copytree(tmp_path / "store", tmp_path / "mine")
    make_run("ann/mnist/taken")
    living = open_run(FolderStore(tmp_path / "store"), RunPath("ann", "mnist", "living"), {})
    runlake("rm", "--yes", "mnist/gone")
    FolderStore(tmp_path / "mine").file_path(RunPath("ann", "mnist", "file"), "m").write_bytes(b"2")
    other()
    shutil.move(tmp_path / "mine", tmp_path / "store")
    make_run("ann/mnist/taken")
    came = runlake("merge", "other", "--json")
    found = {run["source_run_id"]: run for run in json.loads(came.out)["runs"]}
    assert {run_id: run["outcome"] for run_id, run in found.items()} == {
        "file": "joined", "gone": "deleted", "living": "new", "same": "same", "taken": "new",
    }  # fmt: skip
    assert found["taken"]["run_id"].startswith("taken-")
    assert [run_id for run_id, run in found.items() if run["is_running"]] == ["living"]
    (kept,) = found["file"]["kept_beside"]
    assert kept.startswith("files/m~")
    summary = "2 new, 1 joined, 1 the same, 1 left out (deleted), 1 under another id, 1 still running"
    assert came.err.endswith(f": {summary}\n")
    living.writer.log({"loss": 1.0}, step=0, timestamp=1.0, runtime=0.0)
    assert "still running: merge again later" in runlake("merge", "other").out
    living.writer.close()


def test_a_dry_run_brings_nothing(runlake, make_run, other):
    make_run("ann/mnist/a1")
    make_run("ann/nlp/b2")
    other()
    assert runlake("merge", "--dry-run", "--project", "mnist", "other").err.startswith("would bring 1 run, ")
    assert not Path(os.environ["RUNLAKE_DIR"]).exists()
    assert runlake("merge", "--project", "ann/nlp", "other").err.startswith("brought 1 run, ")
    assert json.loads(runlake("ls", "--json").out)["projects"][0]["project"] == "nlp"


def test_what_cannot_be_merged_ends_with_a_code_that_says_so(runlake, make_run, other):
    make_run("ann/mnist/a1")
    assert runlake("merge", "nowhere").code == 3
    assert runlake("merge", os.environ["RUNLAKE_DIR"]).code == 2
    other()
    assert runlake("merge", "other", "--project", "ann/none").code == 3
    Path("other/store.toml").write_text("format_version = 2\n")
    ended = runlake("merge", "other")
    assert ended.code == 4
    assert ended.err.startswith("runlake: ")


def test_sweeps_come_along_and_what_went_on_in_both_stores_is_told(runlake, make_sweep, make_run, other, tmp_path):
    grid = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}}}
    make_run("ann/mnist/a1")
    make_sweep("ann/mnist/s1", grid)
    make_sweep("ann/mnist/s2", grid)
    other()
    make_sweep("ann/mnist/s2", grid)
    came = runlake("merge", "other")
    assert came.code == 0
    assert re.fullmatch(r"brought 1 run and 2 sweeps, \d+ B: 2 new, 1 left as they are \(they differ\)\n", came.err)
    assert [line.split()[:2] for line in came.out.splitlines()[2:]] == [
        ["ann/mnist/sweeps/s1", "new"],
        ["ann/mnist/sweeps/s2", "differs"],
    ]
    assert came.out.endswith("  it went on in both stores: nothing was taken\n")
    assert json.loads(runlake("merge", "other", "--json").out)["sweeps"] == [
        {"entity": "ann", "project": "mnist", "sweep_id": "s1", "outcome": "same", "copied_bytes": 0},
        {"entity": "ann", "project": "mnist", "sweep_id": "s2", "outcome": "differs", "copied_bytes": 0},
    ]
    assert runlake("show", "ann/mnist/sweeps/s1").code == 0


def test_artifacts_come_along_with_how_many_versions(runlake, make_run, other):
    make_run("ann/mnist/a1")
    model = CollectionPath("ann", "mnist", "model")
    store = LocalService(Path(os.environ["RUNLAKE_DIR"]), default_entity="ann")
    for size_bytes in (10, 20):
        begun = store.begin_artifact(model, ArtifactStart(type="model"))
        kept = store.put_content(model.at(begun.artifact_id), io.BytesIO(b"x" * size_bytes))
        entry = ManifestEntry(path="a", digest=kept.digest)
        store.commit_artifact(model.at(begun.artifact_id), [entry])
    other()
    came = runlake("merge", "other")
    assert (came.code, came.out.splitlines()[2].split()) == (
        0, ["ann/mnist/artifacts/model", "new", "30", "B", "2", "versions"],
    )  # fmt: skip
    assert re.fullmatch(r"brought 1 run and 1 artifact, .*: 2 new\n", came.err)
    assert json.loads(runlake("merge", "other", "--json").out)["artifacts"] == [
        {
            "entity": "ann", "project": "mnist", "name": "model", "source_name": "model", "outcome": "same",
            "version_count": 0, "deleted_count": 0, "copied_bytes": 0,
        }
    ]  # fmt: skip
