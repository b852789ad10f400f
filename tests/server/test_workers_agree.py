"""Several processes that serve one store answer as one, whichever is asked, and after one of them was killed."""

import threading

import pytest
from running import KEY, ServerProcess

from runlake.model import OpenRequest, RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.store.journal import record

RUNS = """query Runs($after: String) { project(name: "p", entityName: "ann") {
  runs(first: 3, after: $after, order: "-created_at") {
    totalCount edges { node { name config } } pageInfo { endCursor hasNextPage } } } }"""


@pytest.fixture
def servers(tmp_path):
    """Two servers on one folder: a client of both cannot tell them from two workers, but chooses whom it asks."""
    started = [ServerProcess(tmp_path / "store").start() for _ in range(2)]
    yield started
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def clients(servers):
    clients = [RemoteService(server.url, api_key=KEY) for server in servers]
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def store(tmp_path):
    return LocalService(tmp_path / "store", default_entity="ann")


def move_everything(store, number):
    store.edit_run(RunPath("ann", "p", f"r{number}"), RunEdit(config_set={"lr": -1}))
    store.delete_run(RunPath("ann", "p", f"r{number + 1}"))
    store.create_run(RunPath("ann", "p", f"new{number}"))


def make_runs(store, count):
    for number in range(count):
        store.create_run(RunPath("ann", "p", f"r{number}"))
        store.edit_run(RunPath("ann", "p", f"r{number}"), RunEdit(config_set={"lr": number}))


@pytest.mark.slow
def test_pages_go_on_at_another_worker_when_the_one_that_began_was_killed(servers, clients, store):
    make_runs(store, 10)
    first = clients[0].list_runs("ann", "p", limit=3)
    everything = clients[0].list_runs("ann", "p", version=first.version).runs
    runs = list(first.runs)
    servers[0].kill()
    for number in (0, 4, 8):
        move_everything(store, number)
        clients[1].list_runs("ann", "p", limit=1)
        runs += clients[1].list_runs("ann", "p", offset=len(runs), limit=3, version=first.version).runs
    assert runs == list(everything)
    assert [info.config["lr"] for info in runs] == list(range(10))


@pytest.mark.slow
def test_pages_of_the_official_client_go_on_at_another_worker(servers, store):
    make_runs(store, 10)
    seen, after = [], None
    for turn in range(4):
        with servers[turn % 2].client() as client:
            answer = client.post("/graphql", json={"query": RUNS, "variables": {"after": after}}).json()
        runs = answer["data"]["project"]["runs"]
        assert runs["totalCount"] == 10
        seen += [edge["node"]["name"] for edge in runs["edges"]]
        after = runs["pageInfo"]["endCursor"]
        move_everything(store, 2 * turn)
    assert not runs["pageInfo"]["hasNextPage"]
    assert seen == [f"r{number}" for number in reversed(range(10))]


def test_an_opening_that_is_asked_for_again_gets_the_same_writer_from_every_worker(servers, clients, store):
    path, asked = RunPath("ann", "p", "shipped"), OpenRequest(token="t1", start=record.encode_body({"name": "n"}))
    grants = [None] * 4

    def ask(number):
        grants[number] = clients[number % 2].open_writer(path, asked)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    servers[0].kill()
    assert grants == [clients[1].open_writer(path, asked)] * 4
    another = clients[1].open_writer(path, OpenRequest(token="t2", start=asked.start))
    assert another.writer != grants[0].writer
    assert len(list(store._folder.store.journal_dir(path).glob("*.served"))) == 2
