"""Sweeps at the command line: `ls --sweeps`, `show`, `rm` and `export --sweep`."""

import json
import math

import pytest

CONFIG = {
    "method": "random",
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {"lr": {"min": 0.0, "max": 1.0}, "net": {"parameters": {"depth": {"values": [1, 2]}}}},
    "run_cap": 9,
}
GRID = {"method": "grid", "metric": {"name": "loss"}, "parameters": {"lr": {"values": [1, 2]}}}


@pytest.fixture
def searched(make_sweep, make_run):
    make_sweep("ann/mnist/s1", {**CONFIG, "name": "first try"}, user="ann")
    values = {"a": 0.5, "b": math.nan, "c": 0.25, "d": 0.75}
    for number, (run_id, acc) in enumerate(values.items()):
        config = {"lr": (number + 1) / 10, "net": {"depth": 1 + number % 2}}
        make_run(f"ann/mnist/{run_id}", rows=[{"acc": acc}], config=config, at_s=10.0 * number, sweep="s1", name=run_id)


def test_all_sweeps_are_listed_the_newest_first(runlake, searched, make_sweep):
    make_sweep("bob/nlp/s2", GRID, at_s=60)
    expected = """\
SWEEP         NAME       STATE    METHOD  RUNS  BEST  CREATED
bob/nlp/s2    s2         PENDING  grid     0/2     –  2023-11-14 22:14:20
ann/mnist/s1  first try  PENDING  random   0/9  0.75  2023-11-14 22:13:20
"""
    assert runlake("ls", "--sweeps") == (0, expected, "")
    assert runlake("ls", "--sweeps", "ann/").out.splitlines()[1].startswith("s1 ")
    assert runlake("ls", "mnist", "--sweeps").out.splitlines()[1].startswith("s1 ")
    one = runlake("ls", "--sweeps", "--limit", "1")
    assert (len(one.out.splitlines()), one.err) == (2, "1 of 2 sweeps; --all lists every one, --limit N more\n")


def test_a_project_without_sweeps_says_so(runlake, make_run):
    make_run("ann/mnist/a")
    assert runlake("ls", "--sweeps", "mnist") == (0, "", "no sweeps in mnist\n")
    assert runlake("ls", "--sweeps", "nlp").code == 3
    refused = runlake("ls", "--sweeps", "mnist", "--order", "name")
    assert (refused.code, "--filter and --order choose runs" in refused.err) == (2, True)


def test_the_listing_as_json(runlake, searched):
    document = json.loads(runlake("ls", "--sweeps", "mnist", "--json").out)
    (sweep,) = document.pop("sweeps")
    assert document == {"total_count": 1}
    assert sweep["best_run"] == {
        "run_id": "d", "name": "d", "state": "finished", "value": 0.75, "params": {"lr": 0.4, "net.depth": 2},
    }  # fmt: skip
    told = {key: sweep[key] for key in ("sweep_id", "state", "run_count", "expected_run_count", "created_at", "seed")}
    assert told == {
        "sweep_id": "s1", "state": "PENDING", "run_count": 0, "expected_run_count": 9, "created_at": 1_700_000_000.0,
        "seed": 3,
    }  # fmt: skip


def test_a_sweep_on_one_page(runlake, searched):
    shown = runlake("show", "ann/mnist/sweeps/s1")
    assert (shown.code, shown.err) == (0, "")
    head, rest = shown.out.split("\nConfig\n")
    config, rest = rest.split("\nCourse\n")
    assert (
        head
        == """\
ann/mnist/sweeps/s1  first try
  state          PENDING
  method         random
  metric         acc (maximize)
  runs           0/9 (4 finished)
  created        2023-11-14 22:13:20
  last decision  2023-11-14 22:13:20
  user           ann
  seed           3
"""
    )
    assert "  parameters.net.parameters.depth.values  [1,2]\n" in config
    course, parameters = rest.split("\nParameters\n")
    assert (
        course
        == """\
               RUNS  FIRST  LAST  OLDEST TO NEWEST
  value           3    0.5  0.75  ▅▁█
  best so far     3    0.5  0.75  ▁▁█

Best runs
  RUN  NAME  STATE      acc   lr  net.depth
  d    d     finished  0.75  0.4          2
  a    a     finished   0.5  0.1          1
  c    c     finished  0.25  0.3          1
"""
    )
    lines = [line.split() for line in parameters.splitlines()]
    assert lines[0] == ["PARAMETER", "IMPORTANCE", "CORRELATION", "RUNS"]
    assert sorted((line[0], line[3]) for line in lines[1:]) == [("lr", "3"), ("net.depth", "3")]


def test_a_sweep_as_json(runlake, searched):
    document = json.loads(runlake("show", "mnist/s1", "--json").out)
    assert [run["run_id"] for run in document["best_runs"]] == ["d", "a", "c"]
    assert document["course"] == [
        {"run_id": "a", "value": 0.5, "best_so_far": 0.5},
        {"run_id": "c", "value": 0.25, "best_so_far": 0.5},
        {"run_id": "d", "value": 0.75, "best_so_far": 0.75},
    ]
    assert document["run_states"] == {"finished": 4}
    assert sum(one["importance"] for one in document["importance"]) == pytest.approx(1)
    assert document["agents"] == []


def test_a_sweep_that_has_just_begun_is_shown_too(runlake, make_sweep):
    make_sweep("ann/mnist/s1", GRID)
    shown = runlake("show", "mnist/s1")
    assert (shown.code, shown.err) == (0, "")
    assert "  metric         loss (minimize)\n  runs           0/2\n" in shown.out
    assert "Best runs" not in shown.out


def test_one_name_for_a_run_and_a_sweep_must_be_told_apart(runlake, searched, make_run):
    make_run("ann/mnist/s1", name="namesake")
    both = runlake("show", "mnist/s1")
    assert both.code == 2
    assert "write ann/mnist/runs/s1 for the run or ann/mnist/sweeps/s1 for the sweep" in both.err
    assert runlake("show", "ann/mnist/runs/s1").out.startswith("ann/mnist/s1  namesake\n")
    assert runlake("show", "ann/mnist/sweeps/s1").out.startswith("ann/mnist/sweeps/s1  first try\n")


def test_what_cannot_be_shown_says_why(runlake, searched):
    assert runlake("show", "mnist/nothing").code == 3
    gone = runlake("show", "ann/mnist/sweeps/nothing")
    assert (gone.code, "no sweep ann/mnist/nothing; see: runlake ls --sweeps" in gone.err) == (3, True)
    assert runlake("show", "mnist/s1", "--keys", "acc").code == 2


def test_sweeps_are_removed_like_runs_and_their_runs_stay(runlake, searched):
    dry = runlake("rm", "mnist/s1", "mnist/a", "--dry-run")
    assert dry == (0, "ann/mnist/sweeps/s1\nann/mnist/a\n", "would remove 1 run and 1 sweep\n")
    removed = runlake("rm", "ann/mnist/sweeps/s1", "--yes")
    assert removed == (0, "ann/mnist/sweeps/s1\n", "removed 1 sweep\n")
    assert runlake("show", "ann/mnist/sweeps/s1").code == 3
    assert len(runlake("ls", "mnist").out.splitlines()) == 5
    assert runlake("rm", "ann/mnist/sweeps/s1", "--yes").code == 3


def test_a_run_and_a_sweep_of_one_name_are_removed_together(runlake, searched, make_run):
    make_run("ann/mnist/s1")
    removed = runlake("rm", "ann/mnist/runs/s1", "ann/mnist/sweeps/s1", "--yes")
    assert removed == (0, "ann/mnist/s1\nann/mnist/sweeps/s1\n", "removed 1 run and 1 sweep\n")


def test_the_runs_of_a_sweep_are_exported(runlake, searched, make_run):
    make_run("ann/mnist/alone", rows=[{"acc": 1.0}])
    exported = runlake("export", "mnist/", "--sweep", "s1", "--runs")
    assert exported.code == 0
    assert [line.split(",")[2] for line in exported.out.splitlines()] == ["run_id", "a", "b", "c", "d"]
    both = runlake("export", "mnist/", "--sweep", "s1", "--filter", '{"config.lr": {"$gt": 0.25}}', "--runs")
    assert [line.split(",")[2] for line in both.out.splitlines()] == ["run_id", "c", "d"]
    assert runlake("export", "mnist/", "--sweep", "s2").code == 3
    assert runlake("export", "mnist/a", "--sweep", "s1").code == 2
