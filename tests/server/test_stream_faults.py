"""No row that was answered is lost, and none is there twice: whatever the network and the server's processes do."""

import itertools
import random
import threading

import httpx
import pytest
from running import KEY, ServerProcess
from training import begin, chunk, row, send

from fault_proxy import FAULTS, FaultProxy
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from waiting import DEADLINE_S


def client_of(port):
    # One request a connection, so that the proxy has a word to say about each.
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", auth=("api", KEY), headers={"Connection": "close"}, timeout=DEADLINE_S
    )


def stored_steps(root, run_id):
    service = LocalService(root, default_entity="ann")
    return service.read_history(RunPath("ann", "faults", run_id)).step.tolist()


def write_run(client, run_id, seed, request_count, *, begun=()):
    """All requests of one run, with rows that were sent before here and there; answers how many rows it has."""
    chance = random.Random(seed)
    begin(client, run_id)
    for event in begun:
        event.set()
    path, sent = f"ann/faults/{run_id}", 0
    for number in range(request_count):
        again = chance.randrange(3) if sent > 3 and chance.random() < 0.3 else 0
        count = chance.randrange(1, 40)
        last = {"complete": True, "exitcode": 0} if number == request_count - 1 else {}
        send(client, path, chunk(sent - again, [row(step) for step in range(sent - again, sent + count)], **last))
        sent += count
    return sent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "request_count"), [(2, 6), *(pytest.param(count, 16, marks=pytest.mark.long) for count in (1, 2))]
)
def test_a_network_that_drops_doubles_and_breaks_off_requests_loses_no_row_and_doubles_none(
    tmp_path, workers, request_count
):
    server = ServerProcess(tmp_path / "store", workers=workers).start()
    faults = random.Random(workers).sample(FAULTS * 2, 2 * len(FAULTS))
    proxy = FaultProxy(lambda: ("127.0.0.1", server.port), itertools.cycle(faults))
    counts = {}

    def write(run_id):
        with client_of(server.port) as direct:
            begin(direct, run_id)  # the attempt that counts is begun behind the proxy
        with client_of(proxy.port) as client:
            counts[run_id] = write_run_through(client, run_id)

    def write_run_through(client, run_id):
        path, sent = f"ann/faults/{run_id}", 0
        for number in range(request_count):
            count = 1 + number % 7
            last = {"complete": True, "exitcode": 0} if number == request_count - 1 else {}
            send(client, path, chunk(sent, [row(step) for step in range(sent, sent + count)], **last))
            sent += count
        return sent

    threads = [threading.Thread(target=write, args=(f"r{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proxy.stop()
    server.stop()
    assert set(proxy.done) == set(FAULTS)
    assert sorted(counts) == ["r0", "r1", "r2", "r3"]
    for run_id, count in counts.items():
        assert stored_steps(server.root, run_id) == list(range(count))
    service = LocalService(server.root, default_entity="ann")
    assert [run.state for run in service.list_runs("ann", "faults").runs] == ["finished"] * 4
    assert [finding for _, findings in service.check() for finding in findings] == []


@pytest.mark.long
def test_a_server_that_is_killed_under_load_loses_no_row_that_it_answered(tmp_path):
    server = ServerProcess(tmp_path / "store", workers=2).start()
    counts, begun = {}, {f"r{number}": threading.Event() for number in range(4)}

    def write(run_id):
        with client_of(server.port) as client:
            counts[run_id] = write_run(client, run_id, run_id, 30, begun=[begun[run_id]])

    threads = [threading.Thread(target=write, args=(run_id,)) for run_id in begun]
    for thread in threads:
        thread.start()
    assert all(event.wait(DEADLINE_S) for event in begun.values())
    for pause_s in (0.4, 0.3):
        threads[0].join(pause_s)
        server.kill()
        server.start()
    for thread in threads:
        thread.join()
    assert server.stop() == 0
    for run_id, count in counts.items():
        assert stored_steps(server.root, run_id) == list(range(count))
    service = LocalService(server.root, default_entity="ann")
    assert [finding for _, findings in service.check() for finding in findings] == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for tests that harm it in nothing; each has a run of its own."""
    server = ServerProcess(tmp_path_factory.mktemp("shared") / "store").start()
    yield server
    server.stop()


def test_requests_that_overtake_each_other_wait_for_what_is_missing(shared):
    with shared.client() as client:
        begin(client, "r1")
        bodies = [chunk(first, [row(step) for step in range(first, first + 5)]) for first in range(0, 50, 5)]
        random.Random(3).shuffle(bodies)
        threads = [threading.Thread(target=send, args=(client, "ann/faults/r1", body)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = client.post("/files/ann/faults/r1/file_stream", json=chunk(60, [row(60)]))
    assert stored_steps(shared.root, "r1") == list(range(50))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


@pytest.mark.slow
def test_what_stays_wrong_is_told_as_such(shared):
    with shared.client() as client:
        begin(client, "r2")
        stream = "/files/ann/faults/r2/file_stream"
        answers = {
            "no JSON": client.post(stream, content=b"{"),
            "a line that is no JSON": client.post(stream, json={"files": {"wandb-history.jsonl": {"content": ["{"]}}}),
            "a gzip bomb": client.post(stream, content=_bomb(), headers={"Content-Encoding": "gzip"}),
            "another encoding": client.post(stream, content=b"x", headers={"Content-Encoding": "br"}),
            "nobody": httpx.post(shared.url + stream, json={}),
            "no such run": client.post("/files/ann/faults/none/file_stream", json={}),
            "a name that is none": client.post("/files/ann/a%3Ab/r2/file_stream", json={}),
            "a heartbeat": client.post(stream, json={}),
        }
    assert {what: answer.status_code for what, answer in answers.items()} == {
        "no JSON": 400,
        "a line that is no JSON": 400,
        "a gzip bomb": 400,
        "another encoding": 400,
        "nobody": 401,
        "no such run": 404,
        "a name that is none": 400,
        "a heartbeat": 200,
    }


def _bomb():
    import gzip

    return gzip.compress(b"0" * (80 * 2**20), 1)  # a body may have 64 MiB
