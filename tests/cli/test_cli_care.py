"""`runlake rm`, `seal` and `check`."""

import json
import os
import sys
from pathlib import Path

import pytest

import warm

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")


@pytest.fixture
def runs(make_run):
    rows = [{"loss": float(i)} for i in range(50)]
    return [make_run(f"ann/mnist/{run_id}", rows=rows, at_s=at_s) for run_id, at_s in (("a1", 0), ("b2", 60))]


@pytest.fixture
def listed(runlake):
    return lambda: [run["run_id"] for run in json.loads(runlake("ls", "mnist", "--json").out)["runs"]]


@pytest.fixture
def runlake_asking():
    """Runs the command as a process with a terminal for its questions, and types an answer."""

    def run(*arguments, answer):
        ours, its = pty.openpty()
        try:
            os.write(ours, answer)
            done = warm.run(
                [sys.executable, "-m", "runlake", *arguments],
                stdin=its,
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            )
        finally:
            os.close(ours)
            os.close(its)
        return done.returncode, done.stdout, done.stderr

    return run


def test_runs_are_removed(runlake, runs, listed):
    assert runlake("rm", "mnist/a1", "--yes") == (0, "ann/mnist/a1\n", "removed 1 run\n")
    assert listed() == ["b2"]


def test_a_dry_run_only_says_what_it_would_do(runlake, runs, listed):
    ended = runlake("rm", "mnist/a1", "mnist/b2", "mnist/a1", "--dry-run")
    assert ended == (0, "ann/mnist/a1\nann/mnist/b2\n", "would remove 2 runs\n")
    assert listed() == ["b2", "a1"]


def test_nothing_is_removed_when_nobody_can_be_asked(runlake, runs, listed):
    ended = runlake("rm", "mnist/a1")
    assert ended == (2, "", "runlake: nobody is there to be asked; add --yes to remove, or --dry-run to look\n")
    assert listed() == ["b2", "a1"]


QUESTION = "ann/mnist/a1  a1  finished  2023-11-14 22:13:20\nremove 1 run? [y/N] "


@pytest.mark.parametrize("answer", [b"y\n", b"Yes\n"])
def test_a_person_is_asked_and_may_agree(runlake_asking, runs, listed, answer):
    ended = runlake_asking("rm", "mnist/a1", answer=answer)
    assert ended == (0, "ann/mnist/a1\n", QUESTION + "removed 1 run\n")
    assert listed() == ["b2"]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04"])
def test_a_person_is_asked_and_anything_but_yes_is_no(runlake_asking, runs, listed, answer):
    assert runlake_asking("rm", "mnist/a1", answer=answer) == (1, "", QUESTION + "nothing was removed\n")
    assert listed() == ["b2", "a1"]


def test_when_one_run_does_not_exist_none_is_removed(runlake, runs, listed):
    ended = runlake("rm", "mnist/a1", "mnist/zz", "--yes")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert listed() == ["b2", "a1"]


def test_a_run_a_project_and_everything_are_sealed_once(runlake, runs, make_run):
    make_run("bob/gpt/c3", rows=[{"x": 1}])
    assert runlake("seal", "mnist/a1") == (0, "RUN           ROWS\nann/mnist/a1    50\n", "sealed 1 run\n")
    assert runlake("seal", "mnist").out == "RUN           ROWS\nann/mnist/b2    50\n"
    assert runlake("seal").out == "RUN         ROWS\nbob/gpt/c3     1\n"
    assert runlake("seal") == (0, "", "nothing to seal in the store\n")


def test_the_small_runs_of_a_project_are_merged_when_asked_for(runlake, make_run):
    for number in range(3):
        make_run(f"ann/many/r{number}", rows=[{"loss": number + i / 2} for i in range(2)])
    runlake("seal", "many")
    before = runlake("export", "many/", "--keys", "loss", "--format", "csv").out
    refused = runlake("seal", "many/r1", "--merge")
    assert (refused.code, "ann/many/r1 is a run" in refused.err) == (2, True)
    assert runlake("seal", "many") == (0, "", "nothing to seal in ann/many\n")
    assert runlake("seal", "many", "--merge") == (0, "", "merged 3 runs\n")
    assert runlake("seal", "many", "--merge") == (0, "", "nothing to seal in ann/many\n")
    assert runlake("export", "many/", "--keys", "loss", "--format", "csv").out == before
    assert before.count("\n") == 7
    assert runlake("check", "many") == (0, "", "read 3 runs: all is well\n")


def test_a_damaged_run_does_not_keep_the_others_from_being_sealed(runlake, runs, make_run, damage):
    damage(runs[0])
    make_run("bob/gpt/c3", rows=[{"x": 1}])
    ended = runlake("seal")
    assert ended.out == "RUN           ROWS\nann/mnist/b2    50\nbob/gpt/c3       1\n"
    assert (ended.code, ended.err.count("\n")) == (4, 1)


def test_a_sound_store_has_no_findings(runlake, runs, make_run):
    make_run("bob/gpt/c3", rows=[{"x": 1}])
    assert runlake("check") == (0, "", "read 3 runs: all is well\n")
    assert runlake("check", "mnist") == (0, "", "read 2 runs: all is well\n")
    assert runlake("check", "mnist/b2") == (0, "", "read 1 run: all is well\n")
    assert json.loads(runlake("check", "--json").out) == {"run_count": 3, "findings": []}


def test_a_flipped_byte_is_found_and_named(runlake, runs, damage):
    damage(runs[1])
    ended = runlake("check", "mnist", "--json")
    document = json.loads(ended.out)
    assert (ended.code, document["run_count"], len(document["findings"])) == (1, 2, 1)
    finding = document["findings"][0]
    assert list(finding) == ["entity", "project", "run_id", "kind", "place", "lost", "advice"]
    assert (finding["run_id"], finding["kind"]) == ("b2", "corrupt")
    table = runlake("check", "mnist")
    assert table.out.splitlines()[0].split() == ["RUN", "KIND", "PLACE", "LOST", "ADVICE"]
    assert (table.code, table.err) == (1, "read 2 runs: 1 finding\n")
    assert runlake("check", "mnist/a1").code == 0


def test_reading_a_damaged_run_ends_with_its_own_code(runlake, runs, damage):
    damage(runs[0])
    ended = runlake("export", "ann/mnist/a1")
    assert (ended.code, ended.err.count("\n")) == (4, 1)
