"""SQL through every way to a store: what is answered, what is read for it, and what is refused."""

import math
import re

import pytest

from runlake.errors import BadValueError, NotFoundError, NotSupportedError, SqlError, SqlLimitError
from runlake.sql.ask import AnswersSql, ask
from runlake.sql.engine import SqlLimits


def rows(service, text, *, within=None, at="auto", **limits):
    table = ask(service, text, SqlLimits(**limits), within=within, at=at)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_values_of_every_type_sealed_or_not(service, train):
    train("r1", config={"lr": 0.1, "big": 2**60, "on": True, "model": {"name": "mlp"}, "sizes": [1, 2]}).log(
        loss=1.5, note="x", n=2**60
    ).log(loss=math.nan, note=3).finish()
    list(service.seal("ann", "mnist"))
    train("r2", config={"lr": "auto"}).log(loss=2)
    assert rows(service, "SELECT run_id, key, step, value, text FROM history WHERE key <> 'loss' ORDER BY ALL") == [
        ("r1", "n", 0, float(2**60), str(2**60)),
        ("r1", "note", 0, None, "x"),
        ("r1", "note", 1, 3.0, None),
    ]
    assert rows(service, "SELECT run_id, step, value FROM history WHERE key = 'loss' AND value < 9 ORDER BY ALL") == [
        ("r1", 0, 1.5),
        ("r2", 0, 2.0),
    ]
    assert rows(service, "SELECT run_id, key, value, text FROM config ORDER BY ALL") == [
        ("r1", "big", float(2**60), str(2**60)),
        ("r1", "lr", 0.1, None),
        ("r1", "model.name", None, "mlp"),
        ("r1", "on", 1.0, None),
        ("r1", "sizes", None, "[1,2]"),
        ("r2", "lr", None, "auto"),
    ]
    assert rows(service, "SELECT entity, project, run_id, state, row_count FROM runs ORDER BY ALL") == [
        ("ann", "mnist", "r1", "finished", 2),
        ("ann", "mnist", "r2", "running", 1),
    ]


def test_sums_of_whole_numbers_and_fractions_are_plain_numbers(service, train):
    train("r1").log(loss=1.5).log(loss=2.5).finish()
    (found,) = rows(
        service, "SELECT sum(step), sum(step) * 0.5, 1.25, sum(step) + 2::HUGEINT * 9223372036854775807 FROM history"
    )
    assert list(map(repr, found)) == ["1", "0.5", "1.25", "Decimal('18446744073709551615')"]


def test_rows_have_their_times_where_they_are_asked_for(service, train):
    train("r1").log(loss=1.0).log(loss=2.0).finish()
    ((low, high),) = rows(service, "SELECT min(timestamp), max(runtime) FROM history WHERE key = 'loss'")
    history = service.read_history(next(iter(service.list_runs("ann", "mnist").runs)).path)
    assert (low, high) == (history.timestamp.min(), history.runtime.max())
    (whole,) = rows(service, "SELECT h FROM history h WHERE step = 0 AND key = 'loss'")
    assert whole[0]["timestamp"] == low


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM history h WHERE h.key = 'loss' AND 'r1' = run_id",
        "SELECT count(*) FROM history WHERE (key = 'loss' OR key = 'none') AND run_id IN ('r1', 'r9') AND step < 9",
        "SELECT count(*) FROM runs JOIN history USING (run_id) WHERE history.key = 'loss' AND history.run_id = 'r1'",
        "WITH mine AS (SELECT * FROM history WHERE key = 'loss') SELECT count(*) FROM mine WHERE run_id = 'r1'",
        "SELECT count(*) FROM history WHERE key LIKE 'l%' AND NOT run_id = 'r2'",
        "SELECT count(*) FROM (FROM history SELECT key AS run_id, run_id AS key) WHERE run_id = 'loss' AND key = 'r1'",
        "SELECT count(*) FROM history AS h(entity, project, key, run_id) WHERE run_id = 'loss' AND key = 'r1'",
        "SELECT count(*) FROM history a LEFT JOIN history b ON a.step = b.step AND b.key = 'acc' AND b.run_id = 'r1' "
        "WHERE a.key = 'loss' AND a.run_id = 'r1'",
        "SELECT (SELECT count(*) FROM history WHERE run_id = r.run_id AND key = 'loss') FROM runs r "
        "WHERE r.run_id = 'r1'",
    ],
)
def test_what_is_not_read_does_not_change_the_answer(service, train, text):
    train("r1").log(loss=1.0, acc=0.5).log(loss=2.0).finish()
    train("r2").log(loss=1.0).finish()
    assert rows(service, text) == [(2,)]


def test_conditions_that_exclude_each_other_have_no_rows(service, train):
    train("r1").log(loss=1.0).finish()
    assert rows(service, "SELECT count(*) FROM history WHERE run_id = 'r1' AND run_id = 'r2'") == [(0,)]
    assert rows(service, "SELECT count(*) FROM config WHERE project = 'mnist' AND project = 'none'") == [(0,)]


def test_an_asof_join_is_of_all_rows(service, train):
    train("r1").log(loss=1.0).log(acc=0.5).log(loss=2.0).finish()
    text = (
        "SELECT a.key, b.key FROM history a ASOF JOIN history b ON a.run_id = b.run_id AND a.step > b.step "
        "WHERE b.key = 'loss' ORDER BY ALL"
    )
    assert rows(service, text) == [("acc", "loss")]


def test_what_runs_printed_their_files_sweeps_and_artifacts(service, train):
    train("r1").log(loss=1.0).finish()
    for table in ("console", "files", "sweeps", "artifacts", "events"):
        assert rows(service, f"SELECT count(*) FROM {table}") == [(0,)]
    names = [name for name, *_ in rows(service, "DESCRIBE SELECT * FROM files")]
    assert names == ["entity", "project", "run_id", "name", "size_bytes", "mimetype", "updated_at", "md5"]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW runs",
        "INSERT INTO runs SELECT * FROM runs",
        "COPY runs TO 'runs.csv'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "SET memory_limit = '9GB'",
        "SELECT 1; SELECT 2",
        "",
        "SELECT * FROM 'runs.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM service",
        "SELEC 1",
        "SELECT nothing FROM runs",
    ],
)
def test_what_is_no_reading_of_the_tables_is_refused(service, train, text):
    train("r1").log(loss=1.0).finish()
    with pytest.raises(SqlError):
        rows(service, text)


@pytest.mark.slow
def test_a_query_that_takes_too_much_ends(service, train):
    train("r1").log(loss=1.0, text="x" * 2_000_000).finish()
    with pytest.raises(SqlLimitError, match=r"takes longer than its 0\.2 s"):
        rows(service, "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE a.range < b.range", time_s=0.2)
    with pytest.raises(SqlLimitError, match="the rows of history that this query reads are more than its 1,048,576"):
        rows(service, "SELECT * FROM history", memory_bytes=2**20)
    with pytest.raises(SqlLimitError, match="the query needs more than its 33,554,432 bytes"):
        rows(service, "SELECT list(range) FROM range(100000000)", memory_bytes=2**25)
    with pytest.raises(BadValueError):
        rows(service, "SELECT 1", time_s=0)


def test_a_key_of_one_run_is_answered_without_the_segments_of_others(service, train, root):
    train("r1").log(loss=1.0).finish()
    train("r2").log(loss=2.0).finish()
    list(service.seal("ann", "mnist"))
    service.list_runs("ann", "mnist")
    spoiled = [path for path in root.rglob("*history.parquet") if "r2" in str(path)]
    for path in spoiled:
        path.write_bytes(b"x" * path.stat().st_size)
    assert spoiled
    assert rows(service, "SELECT value FROM history WHERE key = 'loss' AND run_id = 'r1'") == [(1.0,)]


def test_a_query_of_one_project_reads_that_one(service, train):
    train("r1").log(loss=1.0).finish()
    train("r2", project="other").log(loss=2.0).finish()
    assert rows(service, "SELECT DISTINCT project, run_id FROM history", within=("ann", "other")) == [("other", "r2")]
    with pytest.raises(NotFoundError):
        rows(service, "SELECT * FROM runs", within=("ann", "none"))


def test_an_answer_is_the_same_wherever_it_is_computed(service, train):
    train("r1", config={"lr": 0.1}).log(loss=1.0, note="x").finish()
    text = "SELECT * EXCLUDE (heartbeat_at) FROM runs JOIN history USING (entity, project, run_id) ORDER BY ALL"
    assert rows(service, text) == rows(service, text, at="here")
    if not isinstance(service, AnswersSql):
        with pytest.raises(NotSupportedError):
            rows(service, text, at="server")
    else:
        assert rows(service, text, at="server") == rows(service, text, at="here")
    with pytest.raises(BadValueError):
        rows(service, text, at="elsewhere")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SELECT * FROM histories", "Did you mean history?"),
        ("SELECT run FROM history", "Did you mean run_id"),
        ("SELECT h.loss FROM history h", "A key is a value of the column key: WHERE key = 'loss'"),
    ],
)
def test_names_that_are_near_are_told(service, train, text, hint):
    train("r1").log(loss=1.0).finish()
    with pytest.raises(SqlError, match=re.escape(hint)):
        rows(service, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT COLUMNS('run_.*') FROM history", [("r1",)]),
        ("FROM (SELECT h FROM history h) SELECT h.runtime", [(0.0,)]),
        ("SELECT * EXCLUDE (entity, project, timestamp) FROM history", [("r1", "loss", 0, 0.0, 1.0, None)]),
        ("SELECT #1 FROM (SELECT key FROM history)", [("loss",)]),
        ("SELECT step FROM history NATURAL JOIN (SELECT 0.0 AS runtime)", [(0,)]),
        ("SELECT column_name FROM (DESCRIBE history) LIMIT 1", [("entity",)]),
        ("SELECT g FROM history AS h(a, b, c, d, e, f, g)", [(0.0,)]),
        ('SELECT "VALUE" FROM history', [(1.0,)]),
        ("SELECT count(*) FROM (SHOW TABLES), history", [(9,)]),
        ("SELECT count(*) FROM information_schema.tables, history", [(9,)]),
        ("SELECT (SELECT count(*) FROM duckdb_views) FROM history", [(9,)]),
        ("WITH h AS (FROM history) SELECT value FROM h", [(1.0,)]),
    ],
)
def test_columns_are_there_however_they_are_meant(service, train, text, found):
    train("r1").log(loss=1.0).finish()
    assert rows(service, text) == found
