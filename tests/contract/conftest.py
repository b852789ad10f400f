"""One `service`, four ways to it: a folder, a server in this process, a server behind a socket, a cluster."""

import time

import pytest

from runlake.scheduler.limits import Clock
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.store.folder_store import FolderStore
from served import Holder, InProcessTransport, SocketServer, make_app


@pytest.fixture(scope="session")
def holder():
    return Holder()


@pytest.fixture(scope="session")
def in_process(holder):
    transport = InProcessTransport(make_app(holder))
    yield transport
    transport.stop()


@pytest.fixture(scope="session")
def socket_server(holder):
    server = SocketServer(make_app(holder))
    yield server
    server.stop()


OVER_SOCKETS = {"test_agreement", "test_artifact_verbs", "test_news", "test_verbs", "test_writers"}
"""Where it matters that what is sent and answered comes in pieces. The others go over a socket in the long suite."""


def pytest_generate_tests(metafunc):
    has_ways = any(mark.args[0] == "way" for mark in metafunc.definition.iter_markers("parametrize"))
    if "way" in metafunc.fixturenames and not has_ways:
        over_sockets = metafunc.module.__name__.rpartition(".")[2] in OVER_SOCKETS
        socket = pytest.param("socket", marks=() if over_sockets else pytest.mark.long)
        metafunc.parametrize("way", ["local", "in process", socket, "cluster"], indirect=True)


@pytest.fixture
def way(request):
    """How the service is reached."""
    return request.param


@pytest.fixture
def root(way, tmp_path):
    """The folder of the store."""
    if way == "cluster":
        pytest.skip("this store has no folder")
    return tmp_path / "store"


@pytest.fixture
def store(request, way, tmp_path):
    """What is behind the service, as those see it who write into it directly."""
    if way != "cluster":
        yield FolderStore(request.getfixturevalue("root"))
        return
    store = request.getfixturevalue("new_cluster_store")()
    yield store
    store.close()


class MovableClock:
    """Goes as the machine's does, `ahead_s` seconds before it."""

    def __init__(self):
        self.ahead_s = 0.0

    def monotonic_s(self):
        return time.monotonic() + self.ahead_s


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def local(store, holder, clock):
    """The store itself: where the runs are logged, and what the servers serve."""
    moved = Clock(monotonic_s=clock.monotonic_s)
    if isinstance(store, FolderStore):
        holder.service = LocalService(store.root, default_entity="ann", user="ann", clock=moved)
    else:
        from runlake.service.cluster.service import ClusterService

        holder.service = ClusterService(store, default_entity="ann", user="ann", clock=moved)
    return holder.service


@pytest.fixture
def service(request, way, local):
    if way in ("local", "cluster"):
        service = local
    elif way == "in process":
        transport = request.getfixturevalue("in_process")
        service = RemoteService("http://server.example", transport=transport, attempts=1)
    else:
        service = RemoteService(request.getfixturevalue("socket_server").url)
    yield service
    service.close()
