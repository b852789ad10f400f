"""`runlake sql`."""

import json

import pytest


@pytest.fixture
def two_runs(make_run):
    make_run("ann/mnist/a1", config={"lr": 0.1}, rows=[{"loss": 0.5}, {"loss": 0.25}])
    make_run("ann/mnist/b2", config={"lr": "auto"}, rows=[{"loss": 2.0}], at_s=60)


LAST = "SELECT run_id, value, text FROM config WHERE key = 'lr' ORDER BY run_id"


def test_an_answer_is_a_table(runlake, two_runs):
    assert runlake("sql", LAST) == (
        0,
        "run_id  value  text\na1        0.1  –\nb2          –  auto\n",
        "",
    )


def test_an_answer_as_json_csv_and_file(runlake, two_runs):
    rows = [["a1", 0.1, None], ["b2", None, "auto"]]
    assert json.loads(runlake("sql", LAST, "--json").out) == {"columns": ["run_id", "value", "text"], "rows": rows}
    assert runlake("sql", LAST, "--format", "csv").out == "run_id,value,text\na1,0.1,\nb2,,auto\n"
    written = runlake("sql", LAST, "-o", "answer.parquet")
    assert (written.code, written.out) == (0, "")
    import pyarrow.parquet as pq

    assert [list(row.values()) for row in pq.read_table("answer.parquet").to_pylist()] == rows


def test_what_is_no_query_ends_with_2(runlake, two_runs):
    assert runlake("sql", "DROP VIEW runs") == (
        2,
        "",
        "runlake: one SELECT is a query, and this is DROP; nothing can be changed by SQL\n",
    )
    ended = runlake("sql", "SELECT count(*) FROM range(10000000) a, range(1000000) b", "--time-limit", "0.1")
    assert ended == (6, "", "runlake: the query takes longer than its 0.1 s; ask for less, or allow more\n")
