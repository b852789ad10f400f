"""`runlake export`."""

import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import warm


@pytest.fixture
def run(make_run):
    return make_run(
        "ann/mnist/a1",
        name="one",
        rows=[{"loss": 2.0}, {"loss": math.nan, "acc": 1}, {"note": "end"}],
        events=[{"system.cpu": 12.5}],
        config={"lr": 0.1},
    )


@pytest.fixture
def runlake_bytes(runlake):
    """Runs the command as a process and answers what it wrote, as bytes."""
    source = str(Path(__file__).parents[2] / "src")

    def run(*arguments):
        import os

        environment = {**os.environ, "PYTHONPATH": source}
        return warm.run(
            [sys.executable, "-m", "runlake", *arguments], capture_output=True, check=True, env=environment
        ).stdout

    return run


def read(file):
    match Path(file).suffix:
        case ".parquet":
            return pq.read_table(file)
        case ".arrow":
            return pa.ipc.open_file(file).read_all()


def test_a_run_as_csv(runlake, run):
    assert runlake("export", "mnist/a1", "-o", "run.csv") == (0, "", "wrote 3 rows (116 B) to run.csv\n")
    assert Path("run.csv").read_text() == (
        "_step,_runtime,_timestamp,loss,acc,note\n"
        "0,1.0,1700000001.0,2.0,,\n"
        "1,2.0,1700000002.0,NaN,1,\n"
        "2,3.0,1700000003.0,,,end\n"
    )


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_run_as_a_table(runlake, run, suffix):
    assert runlake("export", "mnist/a1", "-o", f"run.{suffix}").code == 0
    table = read(f"run.{suffix}")
    assert table.column_names == ["_step", "_runtime", "_timestamp", "loss", "acc", "note"]
    assert table.column("acc").to_pylist() == [None, 1, None]


def test_a_run_as_json_lines_on_stdout(runlake, run):
    lines = runlake("export", "mnist/a1", "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"_step": 0, "_runtime": 1.0, "_timestamp": 1700000001.0, "loss": 2.0},
        {"_step": 1, "_runtime": 2.0, "_timestamp": 1700000002.0, "loss": {"$float": "NaN"}, "acc": 1},
        {"_step": 2, "_runtime": 3.0, "_timestamp": 1700000003.0, "note": "end"},
    ]


def test_stdout_is_csv_and_nothing_else(runlake, run):
    assert runlake("export", "mnist/a1", "--keys", "acc") == (0, "_step,acc\n1,1\n", "")


def test_binary_formats_go_through_a_pipe(runlake_bytes, run):
    content = runlake_bytes("export", "mnist/a1", "-o", "-", "--format", "parquet", "--keys", "loss")
    assert pq.read_table(io.BytesIO(content)).column("_step").to_pylist() == [0, 1]


def test_a_stream_and_samples_can_be_chosen(runlake, run):
    assert runlake("export", "mnist/a1", "--stream", "events").out == (
        "_step,_runtime,_timestamp,system.cpu\n0,1.0,1700000001.0,12.5\n"
    )
    assert len(runlake("export", "mnist/a1", "--samples", "2").out.splitlines()) == 3


def test_a_format_wins_over_the_suffix(runlake, run):
    assert runlake("export", "mnist/a1", "-o", "run.txt", "--format", "jsonl").code == 0
    assert len(Path("run.txt").read_text().splitlines()) == 3


def test_a_project_is_one_table_with_a_column_for_the_run(runlake, run, make_run):
    make_run("ann/mnist/b2", name="two", rows=[{"acc": 3}], at_s=60)
    assert runlake("export", "mnist/", "--keys", "acc").out == (
        "entity,project,run_id,name,_step,acc\nann,mnist,a1,one,1,1\nann,mnist,b2,two,0,3\n"
    )
    assert "b2" not in runlake("export", "mnist", "--filter", '{"config.lr": 0.1}').out


def test_the_runs_of_a_project_are_one_line_each(runlake, run, make_run):
    make_run("ann/mnist/b2", name="two", at_s=60)
    assert runlake("export", "mnist", "--runs", "-o", "runs.parquet").code == 0
    table = read("runs.parquet")
    assert (table.column("run_id").to_pylist(), table.column("config.lr").to_pylist()) == (["a1", "b2"], [0.1, None])


@pytest.mark.parametrize("options", [[], ["--keys", "acc"], ["--format", "jsonl", "--keys", "acc"]])
@pytest.mark.parametrize("is_listed", [False, True])
def test_a_run_that_cannot_be_read_is_left_out_and_the_code_says_so(runlake, make_run, damage, is_listed, options):
    broken = make_run("ann/mnist/b2", rows=[{"acc": 2}])
    make_run("ann/mnist/c3", rows=[{"acc": 3}], at_s=60)
    if is_listed:
        runlake("ls", "mnist")
    damage(broken)
    ended = runlake("export", "mnist/", *options)
    only = runlake("export", "mnist/", "--filter", '{"run_id": "c3"}', *options)
    assert (ended.code, ended.out) == (1, only.out)
    warned, said = ended.err.splitlines()
    assert re.match("warning: (runlake: )?run ann/mnist/b2 ", warned)
    assert said == "runlake: a run that cannot be read is left out, or is there as it last was; see above"


def test_a_long_table_has_a_row_for_each_value(runlake, run):
    assert runlake("export", "mnist/a1", "--shape", "long", "-o", "long.parquet").code == 0
    assert read("long.parquet").num_rows == 4


@pytest.mark.parametrize(
    "options",
    [
        ["mnist/a1", "--runs"],
        ["mnist/a1", "--filter", "{}"],
        ["mnist/", "--samples", "3"],
        ["mnist/", "--shape", "long"],
    ],
)
def test_options_that_do_not_fit_together_are_a_mistake(runlake, run, options):
    ended = runlake("export", *options)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


def test_a_name_that_is_a_run_and_a_project_must_be_told_apart(runlake, run, make_run):
    make_run("ann/a1/z9", rows=[{"x": 1}])
    make_run("ann/uncategorized/a1", rows=[{"y": 2}])
    ended = runlake("export", "a1")
    assert (ended.code, ended.err) == (
        2,
        'runlake: "a1" is a run and a project; write ann/uncategorized/a1 for the run or ann/a1/ for the project\n',
    )
    assert runlake("export", "a1/", "--keys", "x").out.splitlines()[1] == "ann,a1,z9,z9,0,1"


def test_what_is_neither_run_nor_project_is_not_found(runlake, run):
    ended = runlake("export", "nothing", "-o", "x.csv")
    assert (ended.code, ended.err.startswith('runlake: neither a run nor a project "nothing" in ')) == (3, True)
    assert not Path("x.csv").exists()


def test_a_folder_that_is_not_there_cannot_be_written_to(runlake, run):
    ended = runlake("export", "mnist/a1", "-o", "none/run.csv")
    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1)
    assert ended.err.startswith("runlake: No such file or directory: ")


def test_a_reader_that_goes_away_ends_the_command_quietly(run, make_run):
    import os

    make_run("ann/mnist/big", rows=[{"x": float(i)} for i in range(20_000)])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with warm.Popen(
        [sys.executable, "-m", "runlake", "export", "mnist/big"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout.readline() == b"_step,_runtime,_timestamp,x\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)
