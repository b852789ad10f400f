"""A key that the command line revokes ends what runs by it in every worker of a real server, over sockets."""

import contextlib
import json
import subprocess
import sys
import threading
import time

import httpx
import pytest
from running import KEY, ServerProcess

from runlake.model import RunPath
from runlake.server.http.standing_watch import LOOK_EVERY_S, YOUNG_S
from runlake.server.people.people import open_people
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from waiting import DEADLINE_S, wait_until

RUN = RunPath("ann", "plans", "r1")
ADDRESS = "/api/v1/runs/ann/plans/r1"
TAIL_COUNT = 24
"""So many that no worker is left without one."""


class Following(threading.Thread):
    """Reads the events of a tail until it ends."""

    def __init__(self, server, key):
        super().__init__(daemon=True)
        self._url, self._key = f"{server.url}{ADDRESS}/tail", key
        self.events = []
        self.is_whole = False
        self.start()

    def run(self):
        with contextlib.suppress(httpx.TransportError):  # the server is killed when the test is over
            self._read()
            self.is_whole = True

    def _read(self):
        with httpx.stream("GET", self._url, auth=("api", self._key), timeout=DEADLINE_S) as answer:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self.events.append((kind, json.loads(value)))


@pytest.fixture
def server(tmp_path):
    root = tmp_path / "store"
    writer = open_run(FolderStore(root), RUN, {}).writer
    writer.log({"loss": 0.5}, step=0, timestamp=1.7e9, runtime=0.0)
    server = ServerProcess(root, workers=2).start()
    server.log = lambda step: writer.log({"loss": 0.5}, step=step, timestamp=1.7e9 + step, runtime=float(step))
    yield server
    server.kill()


def slow_upload(server, key, release):
    """A file of which the second half is not sent before `release`."""

    def pieces():
        yield b"x" * 1000
        release.wait(DEADLINE_S)
        yield b"y" * 1000

    address, headers = f"{server.url}{ADDRESS}/files/b.bin", {"Content-Length": "2000"}
    with contextlib.suppress(httpx.TransportError):
        httpx.put(address, auth=("api", key), content=pieces(), headers=headers, timeout=DEADLINE_S)


@pytest.mark.long
def test_a_key_that_is_revoked_beside_the_server_ends_all_that_runs_by_it(server):
    people = open_people(server.root)
    other = people.create_key("ann")
    people.close()
    content = bytes(64 << 20)
    assert httpx.put(f"{server.url}{ADDRESS}/files/a.bin", auth=("api", KEY), content=content).is_success
    ending = [Following(server, other.key) for _ in range(TAIL_COUNT)]
    staying = [Following(server, KEY) for _ in range(TAIL_COUNT)]
    wait_until(lambda: all(tail.events for tail in ending + staying), "all have begun")
    release = threading.Event()
    upload = threading.Thread(target=slow_upload, args=(server, other.key, release), daemon=True)
    upload.start()
    download = httpx.Client(auth=("api", other.key), timeout=DEADLINE_S)
    with download.stream("GET", f"{server.url}{ADDRESS}/files/a.bin") as answer:
        pieces = answer.iter_raw(4096)
        assert next(pieces)
        time.sleep(YOUNG_S)  # what is younger is asked at the look after the next
        command = [sys.executable, "-m", "runlake", "key", "revoke", other.key_id, "--dir", str(server.root)]
        subprocess.run(command, check=True, capture_output=True)
        for tail in ending:
            tail.join(DEADLINE_S)
        time.sleep(LOOK_EVERY_S)  # the other worker, which may have the download, looks at a time of its own
        with pytest.raises(httpx.TransportError):
            for _ in pieces:
                pass
    release.set()
    upload.join(DEADLINE_S)
    assert all(tail.is_whole for tail in ending)
    assert [[kind for kind, _ in tail.events] for tail in ending] == [["rows", "problem"]] * TAIL_COUNT
    assert {tail.events[-1][1]["error"]["type"] for tail in ending} == {"AuthenticationError"}
    with server.client() as ann:
        assert [file["name"] for file in ann.get(f"{ADDRESS}/files").json()] == ["a.bin"]
    server.log(1)
    wait_until(lambda: all(len(tail.events) == 2 for tail in staying), "the others go on")
    assert {kind for tail in staying for kind, _ in tail.events} == {"rows"}
