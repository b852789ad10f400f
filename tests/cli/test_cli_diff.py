"""`runlake diff`."""

import json
import math

import pytest


@pytest.fixture
def two_runs(make_run):
    make_run(
        "ann/mnist/a1",
        config={"lr": 0.1, "layers": 2, "same": math.nan, "model": {"name": "mlp"}},
        rows=[{"loss": 0.5}],
        files={"wandb-metadata.json": b'{"program": "train.py", "startedAt": "10:00", "args": ["--lr", "0.1"]}'},
    )
    make_run(
        "ann/mnist/b2",
        config={"lr": 0.1, "layers": 2.0, "same": math.nan, "model": {"name": "cnn"}, "drop": None},
        rows=[{"loss": 0.5}],
        files={"wandb-metadata.json": b'{"program": "train.py", "startedAt": "11:00", "args": []}'},
        at_s=60,
    )


def test_only_differences_are_shown(runlake, two_runs):
    assert runlake("diff", "mnist/a1", "mnist/b2") == (
        0,
        "SECTION   KEY         ann/mnist/a1    ann/mnist/b2\n"
        "config    layers      2               2.0\n"
        "config    model.name  mlp             cnn\n"
        "config    drop        –               null\n"
        'metadata  args        ["--lr","0.1"]  []\n',
        "",
    )


def test_the_exit_code_tells_only_when_asked(runlake, two_runs):
    assert runlake("diff", "mnist/a1", "mnist/b2", "--exit-code").code == 1
    assert runlake("diff", "mnist/a1", "mnist/a1", "--exit-code") == (
        0,
        "",
        "ann/mnist/a1 and ann/mnist/a1 do not differ\n",
    )


def test_what_always_differs_is_compared_when_asked(runlake, two_runs):
    sections = json.loads(runlake("diff", "mnist/a1", "mnist/b2", "--all", "--json").out)["differences"]
    assert {d["key"] for d in sections if d["section"] == "metadata"} == {"startedAt", "args"}


def test_differences_as_json(runlake, two_runs):
    assert json.loads(runlake("diff", "mnist/a1", "mnist/b2", "--json").out) == {
        "a": "ann/mnist/a1",
        "b": "ann/mnist/b2",
        "equal": False,
        "differences": [
            {"section": "config", "key": "layers", "a": 2, "b": 2.0, "missing": None},
            {"section": "config", "key": "model.name", "a": "mlp", "b": "cnn", "missing": None},
            {"section": "config", "key": "drop", "a": None, "b": None, "missing": "a"},
            {"section": "metadata", "key": "args", "a": ["--lr", "0.1"], "b": [], "missing": None},
        ],
    }


def test_equal_runs_as_json(runlake, two_runs):
    document = json.loads(runlake("diff", "mnist/a1", "mnist/a1", "--json").out)
    assert document == {"a": "ann/mnist/a1", "b": "ann/mnist/a1", "equal": True, "differences": []}


def test_metadata_that_is_no_json_is_damage(runlake, two_runs, make_run):
    make_run("ann/mnist/c3", files={"wandb-metadata.json": b"{"})
    ended = runlake("diff", "mnist/a1", "mnist/c3")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("runlake: wandb-metadata.json of ann/mnist/c3 is no JSON: ")
