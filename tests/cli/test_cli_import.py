"""`runlake import` as a user sees it."""

import json

import pytest


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text("loss\n0.5\n0.25\n")
    (folder / "b.jsonl").write_text('{"loss": 1, "_step": 7}\n')
    return folder


def test_it_says_what_came_and_twice_is_once(runlake, tables):
    came = runlake("import", str(tables), "--project", "mnist")
    assert came.code == 0
    assert came.err == "imported 2 runs (2 new, 0 continued, 0 same): 3 rows, 0 B\n"
    assert [line.split() for line in came.out.splitlines()] == [
        ["RUN", "OUTCOME", "ROWS", "FILES", "NOTE"],
        ["ann/mnist/a", "new", "2", "0"],
        ["ann/mnist/b", "new", "1", "0"],
    ]
    again = runlake("import", str(tables), "-p", "ann/mnist")
    assert again.err == "imported 2 runs (0 new, 0 continued, 2 same): 3 rows, 0 B\n"


def test_json_counts_both_sides(runlake, tables):
    document = json.loads(runlake("import", str(tables / "b.jsonl"), "-p", "mnist", "--json").out)
    assert document == {
        "runs": [
            {
                "entity": "ann", "project": "mnist", "run_id": "b", "source": str(tables / "b.jsonl"), "outcome": "new",
                "is_whole": True, "is_ended": True, "read_counts": {"history": 1}, "kept_counts": {"history": 1},
                "file_count": 0, "file_bytes": 0, "artifact_count": 0, "lost": {}, "problems": [],
            }
        ],
        "left_out": [], "failures": [],
    }  # fmt: skip


def test_what_cannot_be_read_is_named_and_the_others_come(runlake, tables, tmp_path):
    (tables / "a.csv").write_text("loss,x\n0.5\n1,2\n")
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    came = runlake("import", str(tmp_path / "c.parquet"), str(tables), "-p", "mnist")
    assert came.code == 1
    counted, summary, failure, end = came.err.splitlines()
    assert counted == (f"left out: 1 line of no row: line 2 is of 1 cells, and not of 2: '0.5' ({tables / 'a.csv'})")
    assert summary == "imported 2 runs (2 new, 0 continued, 0 same): 2 rows, 0 B"
    assert "c.parquet cannot be read as a table" in failure
    assert end == "runlake: 1 run not whole, and 1 other thing left out"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["nothing"], 3, "nothing is not there"),
        (["."], 3, "holds nothing that can be imported"),
        (["tables", "--kind", "other"], 2, "unknown kind 'other'; choose from wandb, mlflow, trackio, swanlab"),
    ],
)
def test_what_is_no_source_says_what_would_be(runlake, tables, monkeypatch, tmp_path, arguments, code, error):
    monkeypatch.chdir(tmp_path)
    came = runlake("import", *arguments, "-p", "mnist")
    assert (came.code, error in came.err) == (code, True)
