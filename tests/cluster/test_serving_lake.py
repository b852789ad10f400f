"""`runlake serve --ducklake` keeps the catalog beside its answers, tells of it, and says what it cannot do."""

import os
import random
import re
import signal
import time
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from lake_reader import LakeReader
from lake_runs import counting
from training import begin, chunk, row, send

import command
from runlake.model import STREAMS, RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from waiting import DEADLINE_S, wait_until


@pytest.fixture
def database(postgres_server):
    return postgres_server.url_of(postgres_server.make_database())


@pytest.mark.slow
def test_a_server_keeps_the_catalog_and_tells_how_far_it_is_behind(serve_replica, database):
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


def kill_all_that_serve(url):
    """The server and its workers at once, as when the machine goes."""
    port = urlsplit(url).port
    groups = {
        os.getpgid(process.pid)
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections(kind="tcp4")
        if (connection.status, connection.laddr.port) == (psutil.CONN_LISTEN, port)
    }
    (group,) = groups - {os.getpgid(0)}
    os.killpg(group, signal.SIGKILL)


def train(url, key, run_id):
    path = RunPath("ann", "p", run_id)
    with httpx.Client(base_url=url, auth=("api", key), timeout=DEADLINE_S) as client:
        begin(client, run_id, project=path.project)
        send(client, path, chunk(0, [row(step) for step in range(20)], complete=True, exitcode=0))


@pytest.fixture
def place(s3_server):
    """Where the servers of a test put their objects, one after the other."""
    return s3_server.new_url()


@pytest.fixture
def stored(database, place, s3_server, tmp_path):
    """What they serve, as it lies there."""
    bucket = Bucket(place, s3_server.options())
    store = ClusterStore(Database(database), bucket, ObjectCache(tmp_path / "mine", 1 << 24))
    yield store
    store.close()


@pytest.mark.long
def test_the_next_server_goes_on_with_the_catalog_of_one_that_was_killed_with_all_its_workers(
    serve_replica, database, place, stored
):
    chance, lake = random.Random(1), LakeReader(database, "lake", stored.bucket)

    def is_all_there():
        return len(lake.rows()) == 4 * 5 * 20 * len(["loss", "n"]) and all(
            lake.rows(each) == counting(stored, each) for each in STREAMS
        )

    key, words = None, ("--port", "0", "--workers", "2", "--ducklake", "lake")
    for number in range(4):
        with serve_replica(database, *words, before=("setsid",), RUNLAKE_BUCKET=place) as (url, made):
            key = key or made
            for run in range(5):
                train(url, key, f"r{number}-{run}")
            if number < 3:
                time.sleep(chance.uniform(0.0, 8.0))  # in whichever step of a round, or of a seal
                kill_all_that_serve(url)
            else:
                wait_until(is_all_there, "all rows are in the catalog, each once")
