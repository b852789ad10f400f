"""A replica on a network of its own, which is cut: packets are lost and nobody is told."""

import contextlib
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from lost_answers import LosingProxy
from s3_proxy import S3Proxy
from training import begin, chunk, row, send

from runlake.model import RunPath
from runlake.service.remote.service import RemoteService
from waiting import DEADLINE_S, wait_until

RUN = RunPath("ann", "p", "r")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A network namespace with a way for clients and one for all else, and a name to start processes in it."""

    def __init__(self):
        self.name, number = f"rl{os.getpid()}", os.getpid() % 250
        self._addresses = [(f"198.18.{number}.{4 * way + 1}", f"198.18.{number}.{4 * way + 2}") for way in range(2)]
        (_, self.replica), (self.outside, self._replica_outside) = self._addresses

    def __enter__(self):
        ip("netns", "add", self.name)
        for way, (here, there) in enumerate(self._addresses):
            link, its_link = f"{self.name}h{way}", f"{self.name}n{way}"
            ip("link", "add", link, "type", "veth", "peer", "name", its_link, "netns", self.name)
            ip("address", "add", f"{here}/30", "dev", link)
            ip("link", "set", link, "up")
            ip("-n", self.name, "address", "add", f"{there}/30", "dev", its_link)
            ip("-n", self.name, "link", "set", its_link, "up")
        return self

    def __exit__(self, *_):
        ip("netns", "delete", self.name)  # and its links with it

    @contextlib.contextmanager
    def cut(self):
        """Nothing goes to the replica any more from what it asks, and nothing of it is heard."""
        ip("route", "add", "blackhole", f"{self._replica_outside}/32")
        yield
        ip("route", "delete", "blackhole", f"{self._replica_outside}/32")


@pytest.fixture
def network():
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("networks of one's own need `ip`, and root")
    with Network() as network:
        yield network


@pytest.fixture
def replica(network, serve_replica, postgres_server, s3_server):
    """A replica in the network."""
    way = LosingProxy(postgres_server.folder / ".s.PGSQL.5432", network.outside)
    bucket = S3Proxy(s3_server.endpoint, [], host=network.outside)
    database = f"postgresql://tests@{network.outside}:{way.port}/{postgres_server.make_database()}"
    options = ("--host", network.replica, "--port", "8080")
    inside = ("ip", "netns", "exec", network.name)
    with serve_replica(database, *options, before=inside, AWS_ENDPOINT_URL=bucket.endpoint) as replica:
        yield replica
    way.close()
    bucket.stop()


@pytest.mark.long
def test_a_replica_that_is_cut_off_says_so_and_goes_on_by_itself(replica, network):
    url, key = replica
    is_over = threading.Event()

    def status(path):
        return httpx.get(f"{url}/{path}", timeout=DEADLINE_S, trust_env=False).status_code

    with httpx.Client(base_url=url, auth=("api", key), timeout=DEADLINE_S, trust_env=False) as client:
        begin(client, "r", project="p")

        def write_on():
            """Nothing that it is told is final: it asks again, and goes on."""
            for first in range(0, 100_000, 10):
                send(client, RUN, chunk(first, [row(step) for step in range(first, first + 10)]))
                if is_over.wait(0.02):
                    return first + 10

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write_on)
            assert status("readyz") == 200
            with network.cut():
                wait_until(lambda: status("readyz") == 503, "the replica says that it is not ready")
                assert status("healthz") == 200
            wait_until(lambda: status("readyz") == 200, "the replica is ready again")
            is_over.set()
            count = written.result()
        send(client, RUN, {"complete": True, "exitcode": 0})
    assert RemoteService(url, api_key=key).read_history(RUN).step.tolist() == list(range(count))
