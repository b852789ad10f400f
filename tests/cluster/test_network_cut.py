"""A replica on a network of its own, which is cut: packets are lost and nobody is told."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
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
def replica(network, postgres_server, s3_server, tmp_path):
    """`runlake serve` in the network, as its address and the key of its admin."""
    way = LosingProxy(postgres_server.folder / ".s.PGSQL.5432", network.outside)
    bucket = S3Proxy(s3_server.endpoint, [], host=network.outside)
    name = postgres_server.make_database()
    places = {
        "RUNLAKE_DATABASE": f"postgresql://tests@{network.outside}:{way.port}/{name}",
        "RUNLAKE_BUCKET": s3_server.new_url(),
        "RUNLAKE_ENTITY": "ann",
        "AWS_ENDPOINT_URL": bucket.endpoint,
    }
    command = ["ip", "netns", "exec", network.name, sys.executable, "-m", "runlake", "serve", "--port", "8080"]
    server = subprocess.Popen(
        [*command, "--host", network.replica, "--cache-dir", str(tmp_path / "cache")],
        env={**os.environ, **s3_server.environment(), **places, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    said = [server.stdout.readline()]
    while " is served at " not in said[-1]:
        said.append(server.stdout.readline())
        assert said[-1], "the server ended"
    yield f"http://{network.replica}:8080", re.search(r"WANDB_API_KEY=(\S+)", "".join(said))[1]
    server.terminate()
    server.wait(DEADLINE_S)
    server.stdout.close()
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
