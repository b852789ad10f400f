"""`runlake tail`: the last rows, and those to come."""

import json
import math
import os
import signal
import subprocess
import sys

import pytest

import warm
from runlake.cli.failures import ExitCode
from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from stored import START_S


@pytest.fixture
def start(tmp_path):
    """A run that is being written, and the command beside it in a process of its own."""
    writer = open_run(
        FolderStore(tmp_path / "store"), RunPath("ann", "mnist", "live"), {}, clock=lambda: START_S
    ).writer
    commands = []

    def command(*arguments):
        commands.append(
            warm.Popen(
                [sys.executable, "-m", "runlake", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        return commands[-1]

    yield writer, command
    writer.close()
    for process in commands:
        process.kill()
        with process:
            pass


def log(writer, step, **data):
    writer.log(data, step=step, timestamp=START_S + step, runtime=float(step))


def test_the_last_rows_of_a_run_stand_in_columns(runlake, make_run):
    make_run("ann/mnist/a", rows=[{"loss": 1 / (i + 1), "d": {"x": i}} for i in range(12)] + [{"t": "two\nlines"}])
    assert runlake("tail", "mnist/a", "-n", "3") == (
        0,
        "2023-11-14 22:13:31  step     10  loss=0.0909091  d.x=10\n"
        "2023-11-14 22:13:32  step     11  loss=0.0833333  d.x=11\n"
        "2023-11-14 22:13:33  step     12  t=two\\nlines\n",
        "",
    )
    assert len(runlake("tail", "mnist/a").out.splitlines()) == 10
    assert runlake("tail", "mnist/a", "-n", "1", "--keys", "loss").out == "step     11  loss=0.0833333\n"


def test_json_lines_are_rows_with_the_marks_of_the_other_verbs(runlake, make_run):
    make_run("ann/mnist/a", rows=[{"loss": math.nan, "d": {"x": 2}}])
    (line,) = runlake("tail", "mnist/a", "--json").out.splitlines()
    row = {"_step": 0, "_runtime": 1.0, "_timestamp": START_S + 1, "loss": {"$float": "NaN"}, "d": {"x": 2}}
    assert json.loads(line) == row
    exported = json.loads(runlake("export", "mnist/a", "--format", "jsonl").out)
    assert exported == row


def test_of_several_runs_and_of_a_project_each_row_says_whose_it_is(runlake, make_run):
    make_run("ann/mnist/a", rows=[{"x": 1}, {"x": 2}], console=[{"line": 0, "text": "from a"}])
    make_run("ann/mnist/b", rows=[{"x": 3}], console=[{"line": 0, "text": "from b"}], at_s=0.5)
    rows = [json.loads(line) for line in runlake("tail", "mnist/", "--json", "--keys", "x").out.splitlines()]
    assert rows == [
        {"_step": 0, "x": 1, "run_id": "a"},
        {"_step": 0, "x": 3, "run_id": "b"},
        {"_step": 1, "x": 2, "run_id": "a"},
    ]
    assert runlake("tail", "mnist/b", "mnist/a", "-n", "1", "--keys", "x").out == "a  step      1  x=2\n"
    assert runlake("tail", "mnist/", "--stream", "console").out == "a  from a\nb  from b\n"
    assert runlake("tail", "mnist/none").code == ExitCode.NOT_FOUND


def test_following_prints_rows_as_they_come_and_ends_with_the_run(start):
    writer, command = start
    log(writer, 0, x=0)
    process = command("tail", "mnist/live", "-f", "--json", "--keys", "x")
    assert json.loads(process.stdout.readline()) == {"_step": 0, "x": 0}
    log(writer, 1, x=1)
    assert json.loads(process.stdout.readline()) == {"_step": 1, "x": 1}
    writer.end({"exit_code": 0})
    assert (process.communicate(), process.returncode) == (("", ""), 0)


def test_ctrl_c_ends_it_without_a_traceback(start):
    writer, command = start
    log(writer, 0, x=0)
    process = command("tail", "mnist/", "--follow")
    process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    assert (process.communicate(), process.returncode) == (("", "runlake: interrupted\n"), ExitCode.INTERRUPTED)


def test_a_reader_that_goes_away_ends_it(start):
    writer, command = start
    log(writer, 0, x=0)
    process = command("tail", "mnist/live", "-f")
    process.stdout.readline()
    process.stdout.close()
    log(writer, 1, x=1)
    process.wait()
    assert (process.stderr.read(), process.returncode) == ("", ExitCode.BROKEN_PIPE)
