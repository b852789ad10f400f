"""`wandb.Api()` of the official client reads runs that were there before the server."""

from pathlib import Path

import pytest
from training_script import ARGUMENTS, MODEL, ROW_COUNT, RUN_A, row_of, settings

HERE = Path(__file__).parent
EVERY = [f"run{number}" for number in range(7)]

works, refused = pytest.mark.works, pytest.mark.refused


@pytest.fixture(scope="module")
def tour(seat):
    done = seat.run(HERE / "reading_tour.py")
    return done.answers() | {"folder": done.folder}


@works("Api.run", "Run.id", "Run.name", "Run.state", "Run.entity", "Run.path", "Run.url", "Run.user", "Run.to_html")
@works("Run.load", "Run.load_full_data", "Run.metadata", "Run.lastHistoryStep", "Api.flush")
def test_a_run_is_found_by_its_path(tour, seat):
    url = f"{seat.url}/ada/before/runs/uxte44z7"
    *about, user = tour["run"]
    assert about == ["uxte44z7", "base_adam", "finished", "ada", "before", ["ada", "before", "uxte44z7"], url]
    assert user == seat.api.run("ada/before/uxte44z7").user.username
    assert tour["paths"] == ["base_adam"] * 3
    assert tour["missing-run"]["error"] == "CommError"
    assert tour["load"] == ["base_adam", "finished"]
    assert tour["metadata"][0] == ARGUMENTS[RUN_A]
    assert tour["last-step"] == ROW_COUNT - 1
    assert url in tour["html"]
    assert tour["flush"] == [True, None, False]


@works("Run.config", "Run.rawconfig", "Run.json_config", "Run.summary", "Run.summary_metrics", "Run.system_metrics")
def test_config_and_summary_are_those_of_the_run(tour):
    config, raw, _ = tour["config"]
    assert config == settings("adam", 16)
    assert {key: value for key, value in raw.items() if key != "_wandb"} == config
    summary, loss, norm = tour["summary"]
    last = row_of(ROW_COUNT - 1)
    assert (summary["Loss"], summary["accuracy"], summary["_step"]) == (last["Loss"], last["accuracy"], ROW_COUNT - 1)
    assert (loss, norm) == (last["Loss"], row_of(ROW_COUNT - 10)["grad"]["norm"])
    assert tour["system-metrics"][0] == "system.cpu"


@works("Run.history")
def test_history_is_a_sample_that_is_the_same_each_time(tour):
    rows = tour["history"]
    assert len(rows) == 500
    assert (rows[0]["_step"], rows[-1]["_step"]) == (0, ROW_COUNT - 1)
    for row in rows:
        logged = {key: value for key, value in row.items() if not key.startswith("_")}
        assert repr(sorted(logged.items())) == repr(sorted(row_of(row["_step"]).items()))
    assert tour["history-again"] is True
    columns, count = tour["history-columns"]
    assert (columns[:3], count) == (["_step", "_runtime", "_timestamp"], 10)


@works("Run.history")
def test_history_of_keys_holds_rows_that_have_all_of_them(tour):
    rows = tour["history-keys"]
    assert len(rows) == 20
    assert all(row == {"_step": row["_step"], **row_of(row["_step"])} for row in rows if row["_step"] % 10)
    nested = [{"_step": step, "grad": {"norm": step / 8}} for step in (0, 10, 20)]
    assert tour["history-nested"] == nested
    assert tour["scan-nested"] == nested
    assert {frozenset(row) for row in tour["history-axis"]} == {frozenset({"_step", "_runtime", "Loss"})}
    assert len(tour["history-axis"]) <= 5
    assert all(name.startswith(("_", "system.")) for name in tour["history-system"])


@works("Run.history", "Run.history_keys")
def test_a_sample_of_one_key_has_as_many_rows_as_were_asked_for_or_as_have_it(tour):
    rows = [row_of(step) for step in range(ROW_COUNT)]
    count = sum("Loss" in row for row in rows)
    assert tour["history-of-one-key"] == [min(count, samples) for samples in (1, 100, 500, 799, 5000)]
    numbers = {"Loss": count, "accuracy": sum("accuracy" in row for row in rows), "grad.norm": ROW_COUNT // 10}
    counts = {key: [(found["type"], found["count"]) for found in tour["key-counts"][key]] for key in numbers}
    assert counts == {key: [("number", number)] for key, number in numbers.items()}


@works("Run.scan_history", "Run.beta_scan_history", "Run.download_history_exports")
def test_a_scan_gives_every_row(tour):
    assert tour["scan"] is True
    assert tour["scan-twice"] == [ROW_COUNT, ROW_COUNT]
    assert tour["beta-scan"] == ROW_COUNT
    assert tour["scan-keys"] == [{"_step": step, **row_of(step)} for step in range(1, 20, 2)]
    assert tour["scan-steps"] == [1590, 1591, 1592, 1593, 1594]
    assert "error" not in tour["exports"]


@works("Run.files", "Run.file", "File.name", "File.size", "File.md5", "File.direct_url", "File.download")
def test_files_are_listed_and_downloaded(tour):
    assert [name for name, _, _ in tour["files"]] == [
        "config.yaml",
        "model-best.h5",
        "output.log",
        "requirements.txt",
        "wandb-metadata.json",
        "wandb-summary.json",
    ]
    assert tour["files"][1] == ["model-best.h5", len(MODEL), "application/x-hdf5"]
    assert tour["files-named"] == ["model-best.h5"]
    assert tour["files-like"] == ["wandb-metadata.json", "wandb-summary.json"]
    assert tour["files-count"] == 6
    assert (tour["folder"] / "got" / "model-best.h5").read_bytes() == MODEL
    assert tour["download-again"]["error"] == "CommError"
    assert tour["file-missing"]["error"] == "CommError"


@works("Run.console_logs")
def test_printed_lines_are_read(tour):
    assert tour["console"] == ["trained"]
    assert tour["console-tail"] == [[1, "", "", "trained"]]


@works("Api.runs", "Runs.histories")
def test_runs_are_listed_oldest_first_in_pages(tour):
    assert tour["runs"] == tour["runs-paged"] == EVERY
    assert tour["runs-len"] == 7
    assert tour["runs-slice"] == [["run1", "run2"], "run4"]
    assert tour["runs-full"] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert tour["runs-lazy"] == [9.8, 8.8, 7.8, 6.8, 5.8, 4.8, 3.8]
    assert [[row["run_id"], row["_step"], row["loss"]] for row in tour["histories"][:4]] == [
        ["run0", 0, 10],
        ["run0", 2, 9.8],
        ["run1", 0, 9],
        ["run1", 2, 8.8],
    ]
    assert len(tour["histories"]) == 14
    assert tour["missing-project"]["error"] == "ValueError"


FILTERED = {
    "state": "6",
    "config": "56",
    "config-value": "5",
    "config-nested": "23",
    "config-nested-value": "4",
    "config-literal": "3",
    "summary": "56",
    "summary-nested": "56",
    "camel": "56",
    "tags": "135",
    "tags-in": "135",
    "tags-all": "135",
    "group": "14",
    "job-type": "01",
    "name": "3",
    "display-name": "3",
    "created": "0123456",
    "created-camel": "",
    "user": "1",
    "user-of-run": "1",
    "or": "0456",
    "and-not": "0246",
    "nor": "246",
    "ne": "456",
    "nin": "3456",
    "exists": "",
    "keys-info": "2",
}


@works("Api.runs")
@pytest.mark.parametrize(("name", "numbers"), FILTERED.items())
def test_runs_are_filtered(tour, name, numbers):
    assert tour[f"filter-{name}"] == [f"run{number}" for number in numbers]


@works("Api.runs")
def test_an_operator_that_is_none_is_named(tour):
    assert "there is no operator $near; did you mean $ne?" in tour["filter-wrong"]["message"]


@works("Api.runs")
@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("-created_at", "6543210"),
        ("+summary_metrics.loss", "6543210"),
        ("-config.lr.value", "6543210"),
        ("+display_name", "0123456"),
        ("-heartbeat_at", "6543210"),
        ("+config.opt,-name", "3210654"),
    ],
)
def test_runs_are_ordered(tour, order, numbers):
    assert tour[f"order-{order}"] == [f"run{number}" for number in numbers]


@works("Api.projects", "Api.project", "Project.path", "Project.url", "Project.owner", "Api.from_path")
def test_projects_are_found(tour, seat):
    assert tour["projects"] == [["before", "ada", ["ada", "before"]], ["many", "ada", ["ada", "many"]]]
    url, owner = tour["project"]
    assert url.startswith(f"{seat.url}/ada/many")
    assert "ada" in owner
    assert tour["project-missing"]["error"] == "ValueError"
    assert tour["from-path"] == ["<Project ada/many>", "<Run ada/many/run0 (finished)>"]


@works("Api.viewer", "Api.default_entity", "Api.user", "Api.users", "User.teams", "Run.wait_until_finished")
def test_people_are_found(tour):
    username, email, teams, is_admin, entity = tour["viewer"]
    assert (username, email, is_admin, entity) == ("ada", "ada@lab.org", True, "ada")
    assert isinstance(teams, list)
    assert tour["user"][:2] == ["ada", None]
    assert "ada" in tour["user"][2]
    assert tour["wait-until-finished"] is None


REFUSED = {
    "registries": "is not enabled on this wandb server",
    "registry": "is not enabled on this wandb server",
    "run-queue": "launch queues are not supported yet by runlake",
    "job": "not found",
    "automations": "automations are not supported yet by runlake",
    "integrations": "automations are not supported yet by runlake",
    "organization": "not found",
    "custom-chart": "custom charts are not supported yet by runlake",
}


@refused("Api.run_queue", "Api.job")
@refused("Api.registries", "Api.registry", "Api.automations", "Api.integrations", "Api.organization")
@refused("Api.create_custom_chart")
@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_what_is_not_there_is_refused_by_name(tour, name, message):
    assert message in tour[f"no-{name}"]["message"]


@refused("Api.list_jobs", note="gives an empty list")
def test_lists_of_what_there_is_none_of_are_empty(tour):
    assert tour["no-reports"] == tour["no-jobs"] == tour["sweeps"] == []


def test_a_file_in_a_bucket_is_fetched_from_there_and_others_from_the_server(tour, seat):
    found = seat.download_statuses("/files/ada/before/")
    assert found
    assert found <= seat.place.download_statuses
