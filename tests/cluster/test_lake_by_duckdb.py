"""DuckDB's own extension reads the mirror: it finds what the store says itself, at every snapshot, and may do no more."""

import pytest
from ducklake_duckdb import attached
from lake_reader import as_rows
from test_lake import PATHS, counting, one_file, write

from runlake.model import STREAMS

pytestmark = pytest.mark.integration


def test_dev(store, mirror, shared_database_url, s3_server):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    mirror.round()
    with attached(shared_database_url, mirror.catalog.schema, s3_server, "READ_ONLY", key="all") as duckdb:
        print(duckdb.ask("select * from lake.runs"))
        for s in STREAMS:
            found = duckdb.ask(f"select run_id, step, key, n, step, f64, i64, bool, str, lane from lake.{s}")
            assert as_rows(found) == counting(store, s)
        for q in ["select count(*) from lake.history where writer = 'x'", "select count(*) from lake.history where key='loss' and f64 > 1", "select count(*) from lake.history where run_id='r1' and key='loss'", "select count(*), max(step) from lake.history_values", "explain analyze select count(*) from lake.history where run_id='r1' and key='loss'"]:
            print(q, duckdb.ask(q)[0][-1])
    assert 0
