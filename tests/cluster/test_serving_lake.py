"""`runlake serve --ducklake` keeps the catalog beside its answers, tells of it, and says what it cannot do."""

import re

import httpx
import psycopg
import pytest

import command
from waiting import DEADLINE_S, wait_until


def test_a_server_keeps_the_catalog_and_tells_how_far_it_is_behind(serve_replica, postgres_server):
    database = postgres_server.url_of(postgres_server.make_database())
    with serve_replica(database, "--port", "0", "--ducklake", "my lake") as (url, key):
        with psycopg.connect(database, autocommit=True) as connection:
            count = 'select count(*) from "my lake".ducklake_view'
            assert connection.execute(count).fetchone() == (3,)

        def told():
            metrics = httpx.get(f"{url}/metrics", auth=("api", key), timeout=DEADLINE_S).text
            return dict(re.findall(r"^(runlake_ducklake_\w+)(?:\{.*\})? (\S+)$", metrics, re.MULTILINE))

        wait_until(told)
        assert told().keys() == {"runlake_ducklake_behind_seconds", "runlake_ducklake_snapshot_seconds"}
        assert float(told()["runlake_ducklake_behind_seconds"]) == 0.0


@pytest.mark.parametrize("arguments", [["--ducklake", "lake"], ["--take-over-bucket"]])
def test_what_needs_a_database_is_refused_without_one(arguments, tmp_path):
    done = command.invoke("--dir", tmp_path, "serve", *arguments)
    assert (done.exit_code, f"{arguments[0]} needs" in done.output) == (2, True)
