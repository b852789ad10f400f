"""What each version of the official client that is tried logs, and reads of it."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LOSSES = [1 / (step + 1) for step in range(100)]

every_client = pytest.mark.every_client


@pytest.fixture(scope="module")
def tour(seat_of_version, version):
    answers = seat_of_version.run(HERE / "version_tour.py").answers()
    assert answers["version"] == version
    return answers


@pytest.fixture
def stored(seat, tour):
    """What stands in the store, as our own reader has it."""
    return seat.api.run(f"ada/versions-{tour['version'].replace('.', '-')}/trained")


@every_client("init, log, finish", "config", "summary", "define_metric", "alert")
def test_a_run_is_kept(tour, stored):
    assert tour["train"] == "trained"
    assert stored.to_arrow(keys=["loss"])["loss"].to_pylist() == [*LOSSES, 0.0]
    assert [alert.title for alert in stored.alerts] == ["low"]
    assert "trained" in stored.console_logs()


@every_client("Api.run", "Run.config", "Run.summary")
def test_a_run_is_read(tour):
    assert tour["run"] == ["trained", "first", "finished", ["a", "b"], "n", "ada"]
    assert tour["config"] == {"lr": 0.1, "net": {"depth": 3, "sizes": [8, 16]}, "name": "größer"}
    assert tour["summary"] == {"loss": LOSSES[-1], "accuracy": {"max": 49}, "_step": 99, "best": {"step": 7}}


@every_client("Run.history", "Run.scan_history")
def test_rows_are_read(tour):
    assert tour["history"] == [20, {"_step": 99, "grad": {"norm": 49.5}}]
    assert tour["scan"] == LOSSES
    assert tour["scan-all"] == [[step, {"norm": step / 2}] for step in (97, 98, 99)]


@every_client("Run.save", "Run.files", "File.download")
def test_files_are_kept_and_read(tour):
    assert {"kept.txt", "config.yaml", "output.log", "wandb-metadata.json"} <= set(tour["files"])
    assert tour["download"] == "kept\n"


@every_client("Api.runs", "Api.projects")
def test_runs_and_projects_are_listed(tour):
    assert tour["runs"] == [["trained"], []]
    assert tour["projects"] == [f"versions-{tour['version'].replace('.', '-')}"]


@every_client("Run.update", "Run.summary.update", "Run.delete")
def test_runs_are_edited_and_deleted(tour):
    assert tour["edit"] == [0.2, ["a", "b", "c"], "renamed", 8]
    assert (tour["delete"], tour["left"]) == (None, ["trained"])


@every_client("init(resume=…)", "wandb sync")
def test_runs_go_on_and_are_sent_later(tour):
    assert tour["resume"] == [True, 100]
    assert tour["offline"] == [0, 1]


@every_client("sweep, agent", "Api.sweep")
def test_sweeps_are_searched(tour):
    assert tour["sweep"] == [[2, 4], 1]


@every_client("log_artifact, use_artifact", "Api.artifact, Artifact.save, Artifact.link")
def test_artifacts_are_logged_used_edited_and_linked(tour):
    assert tour["artifact"] == ["v0", {"layers": 3}, "kept\n", "logger", ["user"]]
    assert tour["artifact-edit"] == ["chosen:v0", "edited", ["small"], ["best", "latest", "prod"], ["chosen:v0"]]
