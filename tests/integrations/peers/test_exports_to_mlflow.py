"""A database of runs as MLflow reads it."""

import json
from pathlib import Path

import pytest
from full_run import PATH, ROW_COUNT, full_store, values_of
from peer_seats import peer_python, run_script

from runlake.exporters.mlflow import MlflowFolder
from runlake.exporters.trackers import export_runs


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def exported(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    return folder, export_to_mlflow(service, folder)


@pytest.fixture(scope="module")
def found(exported):
    (document,) = read_back(exported[0])
    return document


def test_metrics_have_every_step_and_time(found, service):
    rows = range(ROW_COUNT)
    times = [1000500 + 1000 * n for n in rows]
    assert found["metrics"]["loss"] == [[times[n], 10 * n, str(1 / (n + 1))] for n in rows]
    assert found["metrics"]["val/acc.top1"] == [[times[n], 10 * n, str(float(n))] for n in rows]
    assert found["metrics"]["nan"] == [[1100000, 1000, "nan"]]
    assert found["metrics"]["system/cpu"] == [[times[n], n, str(float(n))] for n in range(0, ROW_COUNT, 8)]
    numbers = {key for key, lane in values_of(service, PATH) if lane in ("f64", "i64", "bool")}
    assert len(found["metrics"]) == len(numbers) + 1


def test_what_is_known_of_a_run_is_there(found):
    assert (found["name"], found["status"], found["start_ms"], found["end_ms"]) == (
        "calm", "FINISHED", 1_000_000, 1_120_000,
    )  # fmt: skip
    assert found["params"] == {
        "lr": "0.1", "model.layers": "[1,2]", "model.name": "é", "deep": "true", "none": "null",
    }  # fmt: skip
    named = ("mlflow.note.content", "runlake.group", "runlake.job_type", "runlake.run", "runlake.tags")
    assert [found["tags"][name] for name in named] == ["a note", "g", "train", str(PATH), '["good","old"]']


def test_files_the_summary_and_printed_lines_are_artifacts(found):
    artifacts = {name: bytes.fromhex(content) for name, content in found["artifacts"].items()}
    assert artifacts["notes/a.txt"] == b"content"
    assert artifacts["output.log"] == b"hello\noops\n"
    assert json.loads(artifacts["summary.json"])["best"] == 1
    assert [name for name in artifacts if name.startswith("media/")]


def test_what_has_no_home_is_told(exported):
    assert exported[1].lost == {
        "logged text": 1, "nested value": 1, "None": 1, "histogram value": 1,
        "images/separated value": 1,
    }  # fmt: skip


def test_a_second_export_changes_nothing(exported, service):
    folder, first = exported
    before = read_back(folder)
    assert export_to_mlflow(service, folder) == first
    assert read_back(folder) == before


def test_one_that_was_killed_is_written_anew(service, tmp_path):
    info = service.read_run(PATH)
    with MlflowFolder(tmp_path, str(peer_python("mlflow"))) as target:
        about = {"name": "half", "start_ms": 0, "params": {}, "tags": {}}
        location = (tmp_path / "artifacts").as_uri()
        list(
            target._peer.ask(
                "begin", experiment=info.project, location=location, key=str(PATH), fingerprint="f", about=about
            )
        )
    export_to_mlflow(service, tmp_path)
    (document,) = read_back(tmp_path)
    assert document["name"] == "calm"


def export_to_mlflow(service, folder):
    python = str(peer_python("mlflow"))
    ((_, written),) = export_runs(service, [service.read_run(PATH)], folder, "mlflow", python=python)
    return written


def read_back(folder):
    home = Path(folder)
    last = run_script("mlflow", "read_mlflow.py", folder, PATH.project, home=home).splitlines()[-1]
    return json.loads(last)
