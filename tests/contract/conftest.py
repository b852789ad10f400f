"""One `service`, three ways to it: a folder, a server in this process, a server behind a socket."""

import time

import pytest

from runlake.scheduler.limits import Clock
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, InProcessTransport, SocketServer, make_app
from trainer import Trainer


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


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


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
def local(root, holder, clock):
    """The folder itself: where the runs are logged, and what the servers serve."""
    holder.service = LocalService(root, default_entity="ann", user="ann", clock=Clock(monotonic_s=clock.monotonic_s))
    return holder.service


@pytest.fixture(params=["local", "in process", "socket"])
def service(request, local):
    if request.param == "local":
        service = local
    elif request.param == "in process":
        transport = request.getfixturevalue("in_process")
        service = RemoteService("http://server.example", transport=transport, attempts=1)
    else:
        service = RemoteService(request.getfixturevalue("socket_server").url)
    yield service
    service.close()


@pytest.fixture
def train(root):
    """Starts trainers; those left running are closed at the end."""
    trainers = []

    def start(run_id, **fields):
        trainers.append(Trainer(root, run_id, **fields))
        return trainers[-1]

    yield start
    for trainer in trainers:
        trainer.opened.writer.close()
