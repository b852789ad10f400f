"""Queries over HTTP: as Arrow, JSON and CSV, within what a server allows, and each in a process that can be ended."""

import time

import httpx
import psutil
import pyarrow as pa
import pytest
from in_process import InProcess

from runlake.model import RunPath
from runlake.server.routes.sql import QUERIES_AT_ONCE, Queries
from runlake.service.local.service import LocalService
from runlake.sql.engine import SqlLimits
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from served import Holder, SocketServer, make_app
from trainer import Trainer
from waiting import DEADLINE_S, wait_until

SQL = "/api/v1/sql"
FOR_EVER = "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE a.range < b.range"
DEAF = "SELECT levenshtein(repeat('x', 300000), repeat('y', 300000))"
"""Neither of DuckDB's limits is looked at within one call of a function."""


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    root = tmp_path_factory.mktemp("queried") / "store"
    Trainer(root, "r1", config={"lr": 0.1}).log(loss=1.5, note="a,b").log(loss=float("nan")).finish()
    holder = Holder()
    holder.service = LocalService(root, default_entity="ann")
    return holder


@pytest.fixture(scope="module")
def http(holder):
    server = SocketServer(make_app(holder))
    with httpx.Client(base_url=server.url, timeout=DEADLINE_S) as client:
        yield client
    server.stop()


def ask(http, query, **more):
    return http.post(SQL, json={"query": query, **more})


def problem(response):
    error = response.json()["error"]
    return response.status_code, error["type"], error["message"]


def children():
    """The processes of queries, of this process's servers."""
    return [child for child in psutil.Process().children() if is_of_query(child)]


def is_of_query(child):
    try:
        return "runlake.sql.child" in child.cmdline()
    except psutil.Error:
        return False  # it has ended


ROWS = "SELECT run_id, step, value, text FROM history ORDER BY key DESC, step"


def test_an_answer_is_an_arrow_stream_and_json_and_csv(http):
    answer = ask(http, ROWS)
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["run_id", "step", "value", "text"]
    assert table["text"].to_pylist() == ["a,b", None, None]
    page = ask(http, ROWS, format="json", limit=2).json()
    assert page.pop("took_s") > 0
    assert page == {
        "columns": [
            {"name": "run_id", "type": "string"},
            {"name": "step", "type": "int64"},
            {"name": "value", "type": "double"},
            {"name": "text", "type": "string"},
        ],
        "values": [["r1", "r1"], [0, 0], [None, 1.5], ["a,b", None]],
        "offset": 0,
        "row_count": 3,
    }
    assert ask(http, ROWS, format="json", offset=2).json()["values"] == [["r1"], [1], [{"$float": "NaN"}], [None]]
    csv = ask(http, ROWS, format="csv")
    assert csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert csv.text == 'run_id,step,value,text\nr1,0,,"a,b"\nr1,0,1.5,\nr1,1,NaN,\n'


def test_values_of_every_type_are_json(http):
    query = (
        "SELECT sum(step) AS whole, 0.5 AS half, DATE '2024-01-02' AS day, to_timestamp(0) AT TIME ZONE 'UTC' AS at, "
        "[1.5, 2] AS list, {'a': 0.25} AS struct, 2::HUGEINT ** 60 AS large, true AS yes, NULL AS nothing, "
        "INTERVAL 1 DAY AS interval, 9007199254740993 AS exact FROM history"
    )
    page = ask(http, query, format="json").json()
    found = {column["name"]: values[0] for column, values in zip(page["columns"], page["values"], strict=True)}
    assert found == {
        "whole": 1,
        "half": 0.5,
        "day": "2024-01-02",
        "at": "1970-01-01T00:00:00",
        "list": [1.5, 2],
        "struct": {"a": 0.25},
        "large": 2.0**60,
        "yes": True,
        "nothing": None,
        "interval": [0, 1, 0],
        "exact": 9007199254740993,
    }


def test_tables_columns_and_limits_are_told(http):
    told = http.get(SQL).json()
    assert (told["time_s"], told["memory_bytes"], told["is_available"]) == (60.0, 512 * 2**20, True)
    columns = {table["name"]: [column["name"] for column in table["columns"]] for table in told["tables"]}
    assert columns["summary"] == ["entity", "project", "run_id", "key", "value", "text"]


def test_a_query_of_one_project_sees_that_one(http):
    assert ask(http, "SELECT count(*) FROM runs", format="json", entity="ann", project="mnist").json()["values"] == [
        [1]
    ]
    missing = ask(http, "SELECT count(*) FROM runs", entity="ann", project="none")
    assert problem(missing)[:2] == (404, "NotFoundError")
    assert problem(ask(http, "SELECT 1", entity="ann"))[:2] == (400, "BadValueError")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DROP TABLE runs", "one SELECT is a query, and this is DROP; nothing can be changed by SQL"),
        ("SELECT * FROM read_csv('/etc/passwd')", "the table function read_csv() is refused"),
        ("COPY runs TO 'x.csv'", "one SELECT is a query, and this is COPY"),
        ("SET threads = 9", "one SELECT is a query, and this is SET"),
        ("SELECT * FROM histroy", "Table with name histroy does not exist! Did you mean history?"),
        ("SELECT valeu FROM history", 'Referenced column "valeu" not found in FROM clause! Did you mean value?'),
        ("SELECT loss FROM history", "A key is a value of the column key: WHERE key = 'loss'"),
        ("SELECT * FROM losses", "There are runs, config, summary, history"),
        ("SELECT * FROM (" * 2000 + "SELECT 1" + ")" * 2000, "this query is nested too deeply"),
        ("SELECT " + "x" * 300_000, "this query has 300,007 letters, and 200,000 are read"),
        ("SELECT getenv('HOME')", "getenv"),
    ],
)
def test_what_is_no_query_is_refused(http, query, said):
    status, kind, message = problem(ask(http, query))
    assert (status, kind) == (400, "SqlError")
    assert said in message


@pytest.mark.slow
def test_limits_are_no_larger_than_those_of_the_server(http, holder):
    assert problem(ask(http, FOR_EVER, time_s=0.2)) == (
        413,
        "SqlLimitError",
        "the query takes longer than its 0.2 s; ask for less, or allow more",
    )
    wide = ask(http, "SELECT list(range) FROM range(100000000)", memory_bytes=2**25)
    assert problem(wide)[2].startswith("the query needs more than its 33,554,432 bytes")
    assert problem(ask(http, "SELECT 1", time_s=-1))[:2] == (400, "BadValueError")
    queries = Queries(SqlLimits(time_s=0.5, memory_bytes=2**30))
    small = SocketServer(make_app(holder, queries=queries))
    with httpx.Client(base_url=small.url, timeout=DEADLINE_S) as client:
        assert problem(ask(client, FOR_EVER, time_s=1e9))[2].startswith("the query takes longer than its 0.5 s")
        assert problem(ask(client, DEAF))[2].startswith("the query takes longer than its 0.5 s")
        wait_until(lambda: ask(client, "SELECT 1").status_code == 200, "an answer within its half a second")
    small.stop()
    queries.close()


@pytest.mark.slow
def test_a_query_ends_when_nobody_waits_for_it(http):
    ask(http, "SELECT 1").raise_for_status()
    before = set(children())
    with pytest.raises(httpx.ReadTimeout):
        http.post(SQL, json={"query": DEAF}, timeout=0.5)
    wait_until(lambda: not before.issubset(children()))
    assert ask(http, "SELECT 1").status_code == 200


def test_the_next_query_is_answered_when_a_process_died(http):
    ask(http, "SELECT 1").raise_for_status()
    for child in children():
        child.kill()
        child.wait()
    assert ask(http, "SELECT 1").status_code == 200


def test_a_process_has_no_keys_of_its_server(http, monkeypatch):
    monkeypatch.setenv("RUNLAKE_API_KEY", "secret")
    for child in children():
        child.kill()
        child.wait()
    ask(http, "SELECT 1").raise_for_status()
    assert "secret" not in str([child.environ() for child in children()])


def test_other_requests_are_answered_while_queries_run(http):
    with httpx.Client(base_url=http.base_url, timeout=DEADLINE_S) as other:
        began_s = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            other.post(SQL, json={"query": FOR_EVER}, timeout=0.5)
        assert http.get("/api/v1/projects").status_code == 200
        assert QUERIES_AT_ONCE == 2
        assert time.monotonic() > began_s


@pytest.mark.slow
def test_a_query_sees_what_its_caller_may_see(tmp_path):
    lake = InProcess(tmp_path / "store")
    try:
        lake.add_user("bob")
        for who in ("ann", "bob"):
            writer = open_run(FolderStore(lake.root), RunPath(who, "mnist", f"of-{who}"), {}).writer
            writer.log({"loss": 1.0}, step=0, timestamp=100.0, runtime=0.0)
            writer.close()

        def seen(who, query, **more):
            return lake.ask("POST", SQL, who=who, json={"query": query, "format": "json", **more})

        for table in ("runs", "history", "summary"):
            query = f"SELECT DISTINCT run_id FROM {table} ORDER BY ALL"
            assert seen("bob", query).json()["values"] == [["of-bob"]]
            assert seen("ann", query).json()["values"] == [["of-ann", "of-bob"]]
        mine = "SELECT count(*) FROM runs WHERE entity = 'ann'"
        assert seen("bob", mine).json()["values"] == [[0]]
        assert seen("bob", mine, entity="ann", project="mnist").status_code == 404
        assert seen(None, mine).status_code == 401
        assert lake.ask("GET", SQL).status_code == 401
    finally:
        lake.close()
