"""`runlake export PROJECT -o DIR/` and `runlake verify`."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def run(make_run):
    return make_run("ann/mnist/a1", name="one", rows=[{"loss": 2.0}, {"acc": 1}], files={"note.txt": b"of a"})


def test_a_project_goes_into_a_folder_and_is_proved(runlake, run):
    assert runlake("export", "mnist/", "-o", "out/", "--format", "csv", "--files") == (
        0,
        "",
        "wrote 1 run, 0 runs as before: 3 files (340 B) in out; see: runlake verify out\n",
    )
    assert Path("out/history/a1.csv").read_text() == (
        "_step,_runtime,_timestamp,loss,acc\n0,1.0,1700000001.0,2.0,\n1,2.0,1700000002.0,,1\n"
    )
    assert runlake("verify", "out") == (0, "", "read 3 files (340 B) of 1 run: all is well\n")
    assert runlake("verify", "out/", "--against", "mnist", "--deep").code == 0


def test_a_folder_is_parquet_unless_it_is_said_otherwise_and_a_file_stays_a_file(runlake, run):
    Path("here").mkdir()
    assert runlake("export", "mnist", "-o", "here").code == 0
    assert sorted(place.name for place in Path("here/history").iterdir()) == ["a1.parquet"]
    assert runlake("export", "mnist", "-o", "here.csv").err.startswith("wrote 2 rows")


@pytest.mark.parametrize("target", ["out/", "out.csv"])
def test_keys_that_no_run_has_are_told(runlake, run, target):
    ended = runlake("export", "mnist/", "-o", target, "--keys", "los")
    assert ended.err.splitlines()[0] == (
        "warning: no run of ann/mnist that is exported has 'los' in its history; did you mean 'loss'?"
    )
    ended = runlake("export", "mnist/", "-o", "other.csv", "--keys", "x,y")
    assert ended.err.splitlines()[0] == (
        "warning: no run of ann/mnist that is exported has 'x', 'y' in its history; there are: 'acc', 'loss'"
    )
    assert "warning" not in runlake("export", "mnist/", "-o", "third/", "--keys", "x,loss").err


def test_it_is_brought_up_to_date(runlake, run, make_run):
    runlake("export", "mnist", "-o", "out/")
    make_run("ann/mnist/b2", rows=[{"acc": 3}], at_s=60)
    assert runlake("verify", "out", "--against", "mnist").code == 1
    assert runlake("export", "mnist", "-o", "news/", "--since", "out/manifest.json").err.startswith(
        "wrote 1 run, 1 run as"
    )
    assert runlake("rm", "mnist/a1", "--yes").code == 0
    assert runlake("export", "mnist", "-o", "out/").err.startswith("wrote 1 run, 0 runs as before, 1 run deleted since")
    assert runlake("verify", "out", "--against", "mnist").code == 0


def test_what_differs_is_a_table_or_json_and_the_code_is_1(runlake, run):
    runlake("export", "mnist", "-o", "out/", "--format", "csv")
    Path("out/history/a1.csv").unlink()
    ended = runlake("verify", "out")
    assert (ended.code, ended.out) == (
        1,
        "KIND     PLACE           WHAT\nmissing  history/a1.csv  the manifest names it, and it is not there\n",
    )
    found = json.loads(runlake("verify", "out", "--json").out)
    assert (found["is_whole"], found["run_count"], found["differences"]) == (
        False,
        1,
        [{"kind": "missing", "place": "history/a1.csv", "text": "the manifest names it, and it is not there"}],
    )


def test_a_run_that_cannot_be_read_is_named_and_the_code_is_1(runlake, run, make_run, damage):
    make_run("ann/mnist/b2", rows=[{"acc": 2}], at_s=60)
    runlake("ls", "mnist")
    damage(run)
    ended = runlake("export", "mnist", "-o", "out/")
    assert (ended.code, "run ann/mnist/a1" in ended.err) == (1, True)
    assert Path("out/history/b2.parquet").exists()
    assert runlake("verify", "out").code == 1


@pytest.mark.parametrize(
    "options",
    [
        ["mnist/a1", "-o", "out/"],
        ["mnist", "-o", "out/", "--runs"],
        ["mnist", "-o", "out.csv", "--artifacts", "files"],
        ["mnist", "-o", "gs://bucket/folder"],
        ["mnist", "-o", "out/", "--shape", "long", "--format", "jsonl"],
        ["mnist", "-o", "out.csv", "--files"],
        ["mnist", "-o", "out.csv", "--since", "x"],
    ],
)
def test_what_does_not_fit_a_folder_is_a_mistake(runlake, run, options):
    ended = runlake("export", *options)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert not Path("out").exists()


def test_what_cannot_be_proved_says_why(runlake, run):
    assert runlake("verify", "nothing").code == 3
    runlake("export", "mnist", "-o", "out/")
    assert runlake("verify", "out", "--deep").code == 2
    Path("out/manifest.json").write_text("{}")
    assert runlake("verify", "out").code == 4
