"""What a replica says to who watches it: its numbers, of all its workers, and whether requests may come to it."""

import re
import signal

import httpx
import pytest
from training import begin, chunk, row, send

from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.numbers import ClusterNumbers
from runlake.service.cluster.service import ClusterService
from runlake.service.remote.service import RemoteService
from waiting import DEADLINE_S, wait_until

RUN = RunPath("ann", "p", "r")


def batch(first, count):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first})


def numbers_of(service):
    return {number.name: number.value for number in service.numbers.of_store()}


def test_how_a_store_stands_is_told_by_one_look_that_is_kept_a_while(new_store):
    store = new_store()
    service = ClusterService(store, default_entity="ann")
    nothing = dict.fromkeys(["waiting_parts", "waiting_bytes", "waiting_seconds", "unsealed_parts", "leases_held"], 0.0)
    assert numbers_of(service) == nothing
    handle = service.begin_writer(RUN, WriterStart())
    service.write_batch(RUN, handle.writer, batch(0, 10))
    assert numbers_of(service) == nothing
    service.numbers._kept_s = 0.0
    assert numbers_of(service) == {**nothing, "unsealed_parts": 1}

    store.database.write("update parts set heard_at = now() - interval '100 s'")
    found = numbers_of(service)
    ((size_bytes,),) = store.database.read("select sum(end_offset)::bigint from parts")
    assert (found["waiting_parts"], found["waiting_bytes"]) == (1, size_bytes)
    assert 100 <= found["waiting_seconds"] < 100 + DEADLINE_S


def test_a_process_counts_what_it_does(new_store, tmp_path):
    store = new_store()
    service = ClusterService(store, default_entity="ann")
    handle = service.begin_writer(RUN, WriterStart())
    service.write_batch(RUN, handle.writer, batch(0, 10))
    service.write_batch(RUN, handle.writer, WriterBatch(exit_code=0))
    ((size_bytes,),) = store.database.read("select sum(end_offset)::bigint from parts")
    list(service.seal("ann", "p"))
    service.read_history(RUN, keys=["loss"])
    service.read_history(RUN, keys=["loss"])
    found = {(n.name, *(value for _, value in n.labels)): n.value for n in ClusterNumbers(store).of_process()}
    assert found["appends",] >= 2
    assert found["append_bytes",] == size_bytes
    assert found["bucket_sent_bytes", "put"] > 0 == found["bucket_failed_calls", "put"]
    calls = {kind: found["bucket_calls", kind] for kind in ("put", "get", "head") if ("bucket_calls", kind) in found}
    assert calls["head"] == calls["put"]
    paid = 5.0 * calls["put"] + 0.4 * sum(count for kind, count in calls.items() if kind != "put")
    assert found["bucket_cost_dollars",] == pytest.approx(paid / 1e6)
    assert found["database_connections_in_use",] == 0


@pytest.fixture
def replica(serve_replica, postgres_server):
    """A replica with two workers."""
    database = postgres_server.url_of(postgres_server.make_database())
    with serve_replica(database, "--port", "0", "--workers", "2") as replica:
        yield replica


@pytest.mark.slow
def test_a_replica_tells_its_numbers_and_is_not_ready_while_the_database_is_away(replica, postgres_server):
    url, key = replica

    def status():
        try:
            answer = httpx.get(f"{url}/readyz", timeout=DEADLINE_S)
        except httpx.TransportError:
            return None
        return answer.status_code, answer.json().get("store")

    wait_until(lambda: status() == (200, True), "the replica is ready")
    with httpx.Client(base_url=url, auth=("api", key), timeout=DEADLINE_S) as client:
        begin(client, "r", project="p")
        for first in range(0, 100, 10):
            send(client, RUN, chunk(first, [row(step) for step in range(first, first + 10)]))
        send(client, RUN, {"complete": True, "exitcode": 0})

    def numbers():
        text = httpx.get(f"{url}/metrics", auth=("api", key), timeout=DEADLINE_S).text
        return {name: float(value) for name, value in re.findall(r"^(runlake_\S+) (\S+)$", text, re.MULTILINE)}

    wait_until(lambda: numbers().get("runlake_seals_done_total", 0.0) >= 1.0, "a worker has sealed the run")
    wait_until(lambda: numbers()["runlake_appends_total"] >= 11.0, "both workers have told their numbers")
    found = numbers()
    assert (found["runlake_seals_failed_total"], found['runlake_bucket_failed_calls_total{kind="put"}']) == (0.0, 0.0)
    assert found['runlake_bucket_sent_bytes_total{kind="put"}'] > 0.0 < found["runlake_bucket_cost_dollars_total"]
    assert {"runlake_waiting_parts", "runlake_leases_held", "runlake_database_connections_in_use"} <= found.keys()

    postgres_server.stop(signal.SIGQUIT)
    try:
        wait_until(lambda: status() == (503, False), "the replica is not ready")
        assert httpx.get(f"{url}/healthz", timeout=DEADLINE_S).status_code == 200
    finally:
        postgres_server.start()
    wait_until(lambda: status() == (200, True), "the replica is ready again")
    assert RemoteService(url, api_key=key).read_run(RUN).state == "finished"
