"""`runlake ls`."""

import json
import math
import time

import pytest


@pytest.fixture
def three_runs(make_run):
    make_run("ann/mnist/a1", name="brisk-owl-1", tags=["base"], config={"lr": 0.1}, rows=[{"loss": 2.0}, {"loss": 1.0}])
    make_run("ann/mnist/b2", name="calm-fox-2", config={"lr": 0.01}, rows=[{"loss": math.nan}], exit_code=1, at_s=60)
    make_run("bob/gpt/c3", name="猫 run", at_s=120)


def created(runlake):
    """When the projects were made, as the table shows it; the clock of the disk decides."""
    documents = json.loads(runlake("ls", "--json").out)["projects"]
    assert all(abs(document["created_at"] - time.time()) < 300 for document in documents)
    return [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(document["created_at"])) for document in documents]


def test_projects_are_listed(runlake, three_runs):
    mnist, gpt = created(runlake)
    assert runlake("ls") == (
        0,
        f"PROJECT    RUNS  CREATED\nann/mnist     2  {mnist}\nbob/gpt       1  {gpt}\n",
        "",
    )


def test_projects_of_one_entity_are_listed(runlake, three_runs):
    assert runlake("ls", "bob/").out == f"PROJECT  RUNS  CREATED\nbob/gpt     1  {created(runlake)[1]}\n"


def test_runs_are_listed_newest_first(runlake, three_runs):
    assert runlake("ls", "mnist") == (
        0,
        "RUN  NAME         STATE     CREATED              RUNTIME  ROWS  TAGS  SUMMARY\n"
        "b2   calm-fox-2   failed    2023-11-14 22:14:20     1.0s     1        loss=nan\n"
        "a1   brisk-owl-1  finished  2023-11-14 22:13:20     2.0s     2  base  loss=1\n",
        "",
    )


def test_runs_can_be_filtered_ordered_and_limited(runlake, three_runs):
    def listed(*options):
        return [run["run_id"] for run in json.loads(runlake("ls", "ann/mnist", "--json", *options).out)["runs"]]

    assert listed("--filter", '{"config.lr": {"$gt": 0.05}}') == ["a1"]
    assert listed("--order", "+config.lr") == ["b2", "a1"]
    assert listed("--order", "-config.lr") == ["a1", "b2"]
    assert listed("--order", "created_at", "--limit", "1") == ["a1"]
    assert listed("--limit", "1", "--all") == ["b2", "a1"]


def test_what_the_limit_left_out_is_said(runlake, three_runs):
    ended = runlake("ls", "mnist", "--limit", "1")
    assert len(ended.out.splitlines()) == 2
    assert (ended.code, ended.err) == (0, "1 of 2 runs; --all lists every one, --limit N more\n")


def test_no_match_is_said(runlake, three_runs):
    assert runlake("ls", "mnist", "--filter", '{"state": "killed"}') == (0, "", "no run of ann/mnist matches\n")


def test_an_empty_store_says_so(runlake, tmp_path):
    ended = runlake("ls")
    assert (ended.code, ended.out, ended.err) == (0, "", f"no projects in {(tmp_path / 'store').as_uri()}\n")


def test_json_has_every_key_and_keeps_nan(runlake, three_runs):
    document = json.loads(runlake("ls", "mnist", "--json", "--limit", "1").out)
    assert document == {
        "entity": "ann",
        "project": "mnist",
        "total_count": 2,
        "runs": [
            {
                "entity": "ann",
                "project": "mnist",
                "run_id": "b2",
                "name": "calm-fox-2",
                "state": "failed",
                "exit_code": 1,
                "created_at": 1700000060.0,
                "heartbeat_at": document["runs"][0]["heartbeat_at"],
                "runtime_s": 1.0,
                "last_step": 0,
                "row_count": 1,
                "event_count": 0,
                "console_line_count": 0,
                "tags": [],
                "notes": None,
                "group": None,
                "job_type": None,
                "user": None,
                "host": None,
                "program": None,
                "sweep": None,
                "config": {"lr": 0.01},
                "summary": document["runs"][0]["summary"],
            }
        ],
    }
    assert document["runs"][0]["summary"]["loss"] == {"$float": "NaN"}


def test_projects_as_json(runlake, three_runs):
    document = json.loads(runlake("ls", "bob/", "--json").out)
    created_at = document["projects"][0]["created_at"]
    assert document == {"projects": [{"entity": "bob", "project": "gpt", "created_at": created_at, "run_count": 1}]}


def test_an_unknown_project_is_not_found(runlake, three_runs):
    ended = runlake("ls", "mnits")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert ended.err.startswith('runlake: project "ann/mnits" not in ')


@pytest.mark.parametrize("options", [["--filter", '{"config.lr": {"$near": 1}}'], ["--order", "colour"]])
def test_a_filter_or_order_that_means_nothing_is_a_mistake(runlake, three_runs, options):
    ended = runlake("ls", "mnist", *options)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
