"""Runs of the official client that begin anew, go on, go back, branch off, are shared, or are sent later."""

from pathlib import Path

import pytest

from runlake.model import RunPath

works = pytest.mark.works


@pytest.fixture(scope="module")
def tour(seat):
    return seat.run(Path(__file__).parent / "lifecycle_tour.py", timeout_s=240).answers()


@pytest.fixture
def service(seat):
    return seat.service()


def path(run_id):
    return RunPath("ada", "lives", run_id)


def values(service, run_id, key="loss", **more):
    history = service.read_history(path(run_id), keys=[key], **more)
    return [value for series in history.series for value in series.values.to_pylist()]


@works("init", "init(resume=)")
def test_a_fresh_start_is_a_new_attempt_and_a_resume_goes_on(tour, service):
    assert [tour["fresh"], tour["fresh-again"], tour["allow"], tour["must"]] == [
        [False, 0],
        [False, 0],
        [True, 2],
        [True, 3],
    ]
    assert values(service, "again") == [5, 4, 3, 2]
    older, _ = service.list_generations(path("again"))
    assert values(service, "again", generation=older.generation) == [9, 8, 7]
    run = service.read_run(path("again"))
    assert (run.config, run.last_step, run.state) == ({"lr": 0.2, "more": 1}, 3, "finished")


@works("init(resume=)", "plot.line")
def test_a_resume_keeps_what_the_client_keeps_in_the_config_and_a_fresh_start_does_not(tour):
    assert tour["plotted"] == [["first"], ["first", "second"], ["third"]]


@works("init(resume=)")
def test_what_resume_demands_is_demanded(tour, service):
    assert (tour["must-missing"], tour["never"]) == ("UsageError", "UsageError")
    assert (tour["allow-new"], values(service, "allowed")) == ([False, 0], [1])


@works("init(resume_from=)")
def test_a_rewound_run_goes_on_behind_the_step(tour, service):
    assert tour["rewind"][1] == [False, 2]
    assert values(service, "rewound") == [6, 5, 1]
    assert [each.row_count for each in service.list_generations(path("rewound"))] == [4, 3]


@works("init(fork_from=)")
def test_a_fork_begins_with_the_rows_up_to_the_step(tour, service):
    assert values(service, "forked") == [6, 5, 0.5]
    assert service.read_run(path("forked")).forked_from == "ada/lives/rewound?_step=1"


@works("wandb offline", "wandb sync")
def test_an_offline_run_is_sent_later_and_once(tour, service):
    assert tour["offline"] == [0, 0]
    assert values(service, "offline") == [3, 2, 1]
    assert service.read_run(path("offline")).state == "finished"


@works("wandb beta sync")
def test_the_parts_of_a_resumed_run_are_sent_later_as_one(tour, service):
    assert tour["fragments"] == [0, ""]
    run = service.read_run(path("joined"))
    assert values(service, "joined") == [3, 2, 1]
    assert (run.config.get("part3"), run.config.get("part1"), run.state) == (3, 1, "finished")


@works("init(mode='shared')")
def test_two_processes_write_one_run(tour, service):
    assert tour["shared"] == [0, ""]
    assert (values(service, "shared", "by_first"), values(service, "shared", "by_second")) == ([0, 1, 2], [0, 1, 2, 3])
    assert service.read_run(path("shared")).state == "finished"


@works("Run.alert", "Run.mark_preempting")
def test_alerts_are_kept_not_more_often_than_asked(tour, service):
    run = service.read_run(path("alerts"))
    assert [(alert.title, alert.level) for alert in run.alerts] == [("low", "WARN"), ("other", "INFO")]
    assert (run.state, run.row_count) == ("finished", 1)


@works("Run.save", "Html", "Histogram")
def test_files_are_stored_as_their_policies_say(tour, service):
    assert tour["files"] is True
    stored = {info.name for info in service.list_files(path("files"))}
    assert {"now.txt", "end.txt", "live.txt"} <= stored
    assert {name.split("/")[1] for name in stored if name.startswith("media/")} == {"html"}

    def text(name):
        with service.open_file(path("files"), name) as file:
            return file.read().decode()

    assert [text(f"{policy}.txt") for policy in ("now", "end", "live")] == [
        "early",
        "late, and longer",
        "late, and longer",
    ]
