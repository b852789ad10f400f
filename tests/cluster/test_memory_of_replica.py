"""What a replica needs of memory does not grow with what it has done, nor with what went wrong meanwhile."""

import contextlib
import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from listening import process_at
from s3_proxy import S3Proxy
from training import begin, chunk, row, send

from runlake.model import RunPath
from runlake.service.remote.service import RemoteService
from runlake.store.cluster.database import Database
from runlake.store.cluster.unsealed import find_unsealed
from waiting import DEADLINE_S, wait_until

RUN_COUNT, BATCH_COUNT, ROW_COUNT = 16, 5, 400
ROUND_COUNT, WARM_COUNT = 14, 5
SLACK_BYTES = 8 << 20
"""What is known of runs, of those that are gone too, is some kilobytes for each; the rows of a round take three times
as much as this."""


def train(client, path):
    begin(client, path.run_id, project=path.project)
    for first in range(0, BATCH_COUNT * ROW_COUNT, ROW_COUNT):
        send(client, path, chunk(first, [row(n) for n in range(first, first + ROW_COUNT)]))
    send(client, path, chunk(BATCH_COUNT * ROW_COUNT, [], complete=True, exitcode=0))


@pytest.mark.long
def test_rounds_of_runs_that_come_are_sealed_read_and_deleted_leave_nothing_in_memory(
    serve_replica, postgres_server, s3_server
):
    url_of_database = postgres_server.url_of(postgres_server.make_database())
    chance, is_served = random.Random(0), threading.Event()

    def deeds():
        while True:
            is_harmed = is_served.is_set() and chance.random() < 0.05
            yield chance.choice(("drop", "mute", "busy", "absent", "flip")) if is_harmed else "pass"

    proxy = S3Proxy(s3_server.endpoint, deeds())
    options = ("--port", "0", "--cache-bytes", str(1 << 20))
    sizes = []
    with (
        serve_replica(url_of_database, *options, AWS_ENDPOINT_URL=proxy.endpoint) as (url, key),
        httpx.Client(base_url=url, auth=("api", key), timeout=DEADLINE_S) as client,
        contextlib.closing(RemoteService(url, api_key=key)) as service,
        ThreadPoolExecutor(4) as pool,
        contextlib.closing(Database(url_of_database)) as database,
    ):
        process = process_at(url)
        is_served.set()
        for number in range(ROUND_COUNT):
            paths = [RunPath("ann", "p", f"r{number}-{n}") for n in range(RUN_COUNT)]
            list(pool.map(train, itertools.repeat(client), paths))
            wait_until(lambda: not find_unsealed(database, silent_s=0.0, limit=1), "all are sealed")
            assert len(service.list_runs("ann", "p", limit=1000).runs) == RUN_COUNT
            for path in paths:
                assert len(service.read_history(path).step) == BATCH_COUNT * ROW_COUNT
                service.delete_run(path)
            sizes.append(process.memory_info().rss)
    proxy.stop()
    assert max(sizes[-3:]) < max(sizes[:WARM_COUNT]) + SLACK_BYTES, sizes
