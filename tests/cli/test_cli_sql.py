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


def test_a_query_comes_from_a_file_or_from_stdin(runlake, two_runs, tmp_path):
    asked = tmp_path / "query.sql"
    asked.write_text(LAST)
    answer = runlake("sql", LAST)
    assert (runlake("sql", "-f", str(asked)), runlake("sql", "-", typed=LAST)) == (answer, answer)
    both = runlake("sql", LAST, "-f", str(asked))
    assert (both.code, both.out) == (2, "")
    assert runlake("sql", "-f", "missing.sql").code != 0


def test_a_query_of_one_project(runlake, two_runs, make_run):
    make_run("ann/other/c3", config={"lr": 0.3}, rows=[{"loss": 1.0}])
    assert runlake("sql", "SELECT run_id FROM runs", "--project", "other").out == "run_id\nc3\n"
    assert runlake("sql", "SELECT run_id FROM runs", "-p", "none").code == 3


def test_a_name_that_is_not_there_is_told_with_one_that_is(runlake, two_runs):
    assert "Did you mean history?" in runlake("sql", "SELECT * FROM histroy").err
