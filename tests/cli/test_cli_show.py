"""`runlake show`."""

import json
import math

import pytest

PAGE = """\
ann/mnist/a1  brisk-owl-1
  state              finished (exit code 0)
  created            2023-11-14 22:13:20
  last sign of life  2023-11-14 22:13:24
  runtime            4.0s
  rows               4 (last step 3)
  system metrics     1 row
  console            1 line
  tags               base, first
  notes              two\\nlines
  program            train.py

Config
  KEY         VALUE
  lr          0.1
  model.name  mlp

Summary
  KEY   VALUE
  loss  0.5
  acc   0.75

Metrics
  KEY   ROWS  LAST   MIN   MAX
  loss     4   0.5   0.5     4  █ ▄▁
  acc      2  0.75  0.25  0.75  ▁█

Alerts
  WHEN                 LEVEL  TITLE        TEXT
  2023-11-14 22:13:22  ERROR  Loss is NaN  at\\nstep 1
  2023-11-14 22:13:23  INFO   Back again

Files
  NAME             SIZE
  out/model.h5  2.0 KiB
"""


ALERTS = [
    {"title": "Loss is NaN", "text": "at\nstep 1", "level": "ERROR", "timestamp": 1_700_000_002.5},
    {"title": "Back again", "text": "", "level": "INFO", "timestamp": 1_700_000_003.0},
]


@pytest.fixture
def run(make_run):
    return make_run(
        "ann/mnist/a1",
        name="brisk-owl-1",
        tags=["base", "first"],
        notes="two\nlines",
        program="train.py",
        config={"lr": 0.1, "model": {"name": "mlp"}},
        rows=[{"loss": 4.0}, {"loss": math.nan, "acc": 0.25}, {"loss": 2.0}, {"loss": 0.5, "acc": 0.75}],
        events=[{"system.cpu": 12.5}],
        console=[{"line": 0, "level": None, "text": "hello"}],
        files={"out/model.h5": bytes(2048)},
        alerts=ALERTS,
    )


def test_a_run_is_shown_on_one_page(runlake, run):
    assert runlake("show", "mnist/a1") == (0, PAGE, "")


def test_only_the_metrics_asked_for_are_drawn(runlake, run):
    out = runlake("show", "mnist/a1", "--keys", "acc").out
    assert out.partition("Metrics\n")[2].partition("\n\n")[0] == (
        "  KEY  ROWS  LAST   MIN   MAX\n  acc     2  0.75  0.25  0.75  ▁█"
    )


def test_of_many_metrics_the_first_are_drawn(runlake, make_run):
    make_run("ann/mnist/wide", rows=[{f"m{i:02}": i for i in range(45)}])
    out = runlake("show", "mnist/wide").out
    assert "Metrics (the first 40 of 45 keys; --keys A,B draws others)\n" in out
    assert ("  m39 " in out.partition("Metrics")[2], "  m40 " in out.partition("Metrics")[2]) == (True, False)


def test_an_unknown_key_is_not_found_and_near_ones_are_named(runlake, run):
    assert runlake("show", "mnist/a1", "--keys", "los") == (
        3,
        "",
        'runlake: no key "los" among 2 keys: loss\n',
    )


def test_a_run_as_json(runlake, run):
    document = json.loads(runlake("show", "mnist/a1", "--json").out)
    assert document["metrics"] == [
        {"key": "loss", "row_count": 4, "first": 4.0, "last": 0.5, "min": 0.5, "max": 4.0},
        {"key": "acc", "row_count": 2, "first": 0.25, "last": 0.75, "min": 0.25, "max": 0.75},
    ]
    assert document["history_keys"] == ["loss", "acc"]
    assert document["event_keys"] == ["system.cpu"]
    assert document["system_metrics"] == {"system.cpu": 12.5}
    assert document["alerts"] == ALERTS
    assert [(file["name"], file["size_bytes"]) for file in document["files"]] == [("out/model.h5", 2048)]
    assert (document["run_id"], document["state"], document["notes"]) == ("a1", "finished", "two\nlines")


def test_a_run_without_anything_is_shown(runlake, make_run):
    make_run("ann/mnist/b2")
    assert runlake("show", "mnist/b2").out == (
        "ann/mnist/b2  b2\n"
        "  state              finished (exit code 0)\n"
        "  created            2023-11-14 22:13:20\n"
        "  last sign of life  2023-11-14 22:13:20\n"
        "  runtime            0.0s\n"
        "  rows               0\n"
        "  system metrics     0 rows\n"
        "  console            0 lines\n"
    )


def test_an_unknown_run_is_not_found(runlake, run):
    ended = runlake("show", "mnist/zz")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert "zz" in ended.err
