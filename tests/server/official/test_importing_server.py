"""What `runlake import wandb://…` makes of a project at our server, through the official client, is that project."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from seat import KEY, PYTHON

import runlake
from runlake.artifact_model import CollectionPath
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.sweep_model import SweepPath, SweepStart
from runlake.view_model import ViewPath, ViewPut
from waiting import wait_until

PROJECT = ("ada", "moved")
PATH = RunPath(*PROJECT, "moved1")
RUN_COUNT = 3
SWEEP = {"method": "random", "parameters": {"lr": {"min": 0.1, "max": 1.0}}}


@pytest.fixture(scope="module")
def stores(seat, tmp_path_factory):
    """The store that has the project, and one into which it was brought."""
    there = seat.service()
    there.create_sweep(*PROJECT, SweepStart(config=SWEEP, sweep_id="sweep1", name="search"))
    there.put_view(
        ViewPath(*PROJECT, "report1"), ViewPut(type="runs", name="r0", display_name="What we saw", spec="{}")
    )
    for number in range(1, RUN_COUNT + 1):
        seat.run(Path(__file__).parent / "online_training.py", f"moved{number}")
    here = LocalService(tmp_path_factory.mktemp("brought") / "store", default_entity="ada")
    return there, here, run_import(seat, here)


def start_import(seat, here, *options, place="wandb://ada/moved", project="ada/moved"):
    command = [sys.executable, "-m", "runlake", "--dir", here.url, "import", place, "--json", "-p", project]
    more = ["--host", seat.url, "--python", str(PYTHON), *options]
    variables = {**os.environ, "WANDB_API_KEY": KEY, "RUNLAKE_API_KEY": "ours"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *more], env=variables, stdout=pipe, stderr=pipe, text=True)


def run_import(seat, here, *options, code=0, **where):
    process = start_import(seat, here, *options, **where)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    return json.loads(out) if code == 0 else err


def named(value, names):
    return {name: getattr(value, name) for name in names.split()}


def test_every_run_is_whole(stores):
    document = stores[2]
    assert document["failures"] == []
    assert [(run["run_id"], run["outcome"], run["is_whole"], run["lost"]) for run in document["runs"]] == [
        (f"moved{number}", "new", True, {}) for number in range(1, RUN_COUNT + 1)
    ]
    assert {run["read_counts"]["history"] for run in document["runs"]} == {201}


def test_rows_fields_config_and_summary_are_those_that_are_there(stores):
    for number in range(1, RUN_COUNT + 1):
        path = PATH._replace(run_id=f"moved{number}")
        there, here = (json.dumps(list(rows(service, path)), sort_keys=True) for service in stores[:2])
        assert here == there
        there, here = (service.read_run(path) for service in stores[:2])
        names = "name state tags notes group job_type row_count event_count sweep exit_code console_line_count"
        assert named(here, names) == named(there, names)
        assert here.config == {key: value for key, value in there.config.items() if key != "_wandb"}
        assert json.dumps(here.summary, sort_keys=True) == json.dumps(there.summary, sort_keys=True)
        assert abs(here.created_at - there.created_at) < 1


def test_rules_of_metrics_come_along_and_alerts_are_what_the_client_cannot_read(stores):
    there, here = (service.read_run(PATH) for service in stores[:2])
    assert here.metric_rules == there.metric_rules
    assert {rule.name for rule in here.metric_rules} == {"loss", "epoch", "val/*", "acc"}
    assert ([alert.title for alert in there.alerts], here.alerts) == (["careful"], ())


def test_system_metrics_and_printed_lines_come_along(stores):
    there, here = (
        {series.key: series.values.to_pylist() for series in service.read_history(PATH, stream="events").series}
        for service in stores[:2]
    )
    assert here == there
    there, here = (
        [(line.number, line.level, line.text) for line in service.read_console(PATH)] for service in stores[:2]
    )
    assert here == there
    assert "printed" in [line[2] for line in here]


def test_files_come_along(stores):
    there, here = ({file.name: file.md5 for file in service.list_files(PATH)} for service in stores[:2])
    assert here == there
    assert any(name.startswith("media/html") for name in here)


def test_versions_of_artifacts_have_their_numbers_aliases_bytes_and_lineage(stores):
    for name in ("model", "data"):
        path = CollectionPath(*PROJECT, name)
        names = "version digest type aliases tags description metadata created_by size_bytes"
        there, here = ([named(one, names) for one in service.list_artifacts(path)] for service in stores[:2])
        assert here == there
        for one in there:
            at = path.at(one["version"])
            manifests = [service.read_manifest(at) for service in stores[:2]]
            assert manifests[0] == manifests[1]
            users = [service.list_artifact_users(at) for service in stores[:2]]
            assert sorted(users[0]) == sorted(users[1])
    assert len(users[0]) == RUN_COUNT
    weights = (CollectionPath(*PROJECT, "model").at("v0"), "a/weights.txt")
    contents = [service.open_content(*weights) for service in stores[:2]]
    assert len({content.read() for content in contents}) == 1
    for content in contents:
        content.close()


def test_sweeps_come_with_their_configuration(stores):
    there, here = (service.read_sweep(SweepPath(*PROJECT, "sweep1")) for service in stores[:2])
    assert (here.config["parameters"], here.name) == (there.config["parameters"], there.name)
    assert here.state == "PAUSED"


def test_what_the_client_does_not_hand_out_and_what_has_no_home_is_named(stores):
    (project,) = stores[2]["projects"]
    assert (project["lost"], project["untold"], project["problems"]) == ({"report": 1}, ["alerts"], [])


def test_a_second_import_changes_nothing(stores, seat):
    before = [(run.run_id, run.incarnation, run.row_count) for run in stores[1].list_runs(*PROJECT).runs]
    document = run_import(seat, stores[1])
    assert {run["outcome"] for run in document["runs"]} == {"same"}
    assert all(run["is_whole"] for run in document["runs"])
    assert document["projects"][0]["put_bytes"] == 0
    assert [(run.run_id, run.incarnation, run.row_count) for run in stores[1].list_runs(*PROJECT).runs] == before


@pytest.mark.parametrize("ended_count", [0, 1, 2])
def test_an_import_that_is_killed_goes_on_to_what_it_would_have_been(stores, seat, tmp_path, ended_count):
    here = LocalService(tmp_path / "store", default_entity="ada")
    process = start_import(seat, here, "--at-once", "1")
    wait_until(lambda: is_under_way(here, ended_count))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    document = run_import(seat, here)
    assert [run["is_whole"] for run in document["runs"]] == [True] * RUN_COUNT
    assert sum(run["outcome"] == "same" for run in document["runs"]) >= ended_count
    whole = stores[1]
    for number in range(1, RUN_COUNT + 1):
        path = PATH._replace(run_id=f"moved{number}")
        first, second = (json.dumps(list(rows(service, path)), sort_keys=True) for service in (whole, here))
        assert first == second
        first, second = (service.read_run(path) for service in (whole, here))
        names = "name state tags notes config summary row_count event_count console_line_count metric_rules exit_code"
        assert repr(named(first, names)) == repr(named(second, names))
        first, second = ({file.name: file.md5 for file in service.list_files(path)} for service in (whole, here))
        assert first == second
    for name in ("model", "data"):
        names = "version digest type aliases tags description metadata created_by size_bytes"
        first, second = (service.list_artifacts(CollectionPath(*PROJECT, name)) for service in (whole, here))
        assert [named(one, names) for one in first] == [named(one, names) for one in second]


def is_under_way(here, ended_count):
    """Whether so many runs have come, and another one is coming."""
    try:
        states = [run.state for run in here.list_runs(*PROJECT).runs]
    except NotFoundError:
        return False
    return len(states) > states.count("finished") >= ended_count


def test_without_files_the_versions_are_named_in_a_file_of_the_run(seat, tmp_path):
    here = LocalService(tmp_path / "store", default_entity="ada")
    document = run_import(seat, here, "--without-files")
    assert document["projects"][0]["version_count"] == 0
    assert [file.name for file in here.list_files(PATH)] == ["wandb-artifacts.json"]
    with here.open_file(PATH, "wandb-artifacts.json") as content:
        assert {(one["name"], one["version"]) for one in json.load(content)} >= {("model", "v0"), ("data", "v0")}


def test_one_run_comes_by_its_id(seat, tmp_path):
    here = LocalService(tmp_path / "store", default_entity="ada")
    document = run_import(seat, here, project="ada/other", place="wandb://ada/moved/moved2")
    assert [(run["project"], run["run_id"]) for run in document["runs"]] == [("other", "moved2")]


def test_what_is_not_there_is_named(seat, tmp_path):
    here = LocalService(tmp_path / "store", default_entity="ada")
    assert "project nothing" in run_import(seat, here, place="wandb://ada/nothing", code=6)
    assert "names no project" in run_import(seat, here, place="wandb://ada", code=2)
    assert 'pip install "runlake[wandb]"' in run_import(seat, here, "--python", sys.executable, code=7)


def rows(service, path):
    for row in runlake.Api(service=service).run(str(path)).scan_history():
        yield {key: row[key] for key in sorted(row)}
