"""A server on a socket, and clients that send too much, too little, too slowly, or do not read."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import psutil
import pytest
from running import KEY

from runlake.model import RunPath
from runlake.server.config import ServerConfig
from runlake.server.people.people import open_people
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from waiting import DEADLINE_S, wait_until

PATH = RunPath("ann", "digits", "r1")
MIB = 1 << 20
PROGRAM = """
import os, resource, sys
from runlake.server.config import ServerConfig
from runlake.server.serving import listen, serve
resource.setrlimit(resource.RLIMIT_NOFILE, (100, int(sys.argv[1])))
listening = listen("127.0.0.1", 0)
print(listening.getsockname()[1], flush=True)
serve(ServerConfig.from_environment(os.environ), listening)
"""


class Served:
    """`runlake serve` in a process of its own, with its limits as they are set here and so many descriptors."""

    def __init__(self, root, *, files_count, **settings):
        self.root = root
        root.mkdir(parents=True)
        people = open_people(root)
        people.add_user("ann", is_admin=True, key=KEY)
        people.close()
        open_run(FolderStore(root), PATH, {}).writer.end({"exit_code": 0, "runtime": 1.0})
        config = ServerConfig(root=str(root), default_entity="ann", **settings)
        self.log = root.parent / f"{root.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(files_count)],
                env={**os.environ, **config.to_environment()},
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=DEADLINE_S)
        wait_until(lambda: self.http.get("/healthz").status_code == 200, "the server answers")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)

    def ask_as_ann(self, method, path, **options):
        return httpx.request(method, self.url + path, auth=("api", KEY), timeout=DEADLINE_S, **options)

    def refused(self, reason):
        text = self.ask_as_ann("GET", "/metrics").text
        found = [line for line in text.splitlines() if line.startswith(f'runlake_refused_total{{reason="{reason}"}}')]
        return float(found[0].split()[-1]) if found else 0.0

    def rss_bytes(self):
        return psutil.Process(self.process.pid).memory_info().rss

    def requests_logged(self):
        return [line for line in map(json.loads, self.log.read_text().splitlines()) if line.get("event") == "request"]

    def stop(self):
        self.http.close()
        self.process.terminate()
        try:
            assert self.process.wait(DEADLINE_S) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    served = Served(
        tmp_path_factory.mktemp("connections") / "store",
        files_count=160,
        header_timeout_s=1.0,
        body_timeout_s=1.0,
        answer_timeout_s=1.0,
        max_waiting_per_address=60,
    )
    yield served
    served.stop()


def all_that_comes(client):
    """What the server sends until it closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65_536):
            received += piece
    return received


def status_and_problem(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["type"], head.lower()


def keep_sending(client, piece, size_bytes):
    """Send until so much was sent, or nobody takes it any more; answers how much it was."""
    sent_bytes = 0
    with contextlib.suppress(OSError):
        while sent_bytes < size_bytes:
            client.sendall(piece)
            sent_bytes += len(piece)
    return sent_bytes


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 70_000, 431, "TooLargeError"),
        (b"GET /healthz HTTP/1.1\r\nHost: lake\r\n" + b"X-A: a\r\n" * 200 + b"\r\n", 431, "TooLargeError"),
        (b"GET /healthz?" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: lake\r\n\r\n", 414, "TooLargeError"),
        (b"GET /" + b"a" * 70_000, 414, "TooLargeError"),
        (b"\r\n" * 40_000, 431, "TooLargeError"),
        (b"what is this\r\n\r\n", 400, "BadValueError"),
        (b"GET /healthz HTTP/1.1\r\nHost: la", 408, "SlowError"),
    ],
    ids=["one header", "many headers", "address", "endless address", "empty lines", "no HTTP", "half a head"],
)
def test_a_head_that_cannot_be_taken_is_answered_as_every_other_mistake(server, sent, status, kind):
    with server.connect() as client:
        client.sendall(sent)
        found = status_and_problem(all_that_comes(client))
    assert found[:2] == (status, kind)
    assert b"\r\nconnection: close" in found[2]
    assert b"\r\ncache-control: private, no-store" in found[2]
    assert b"\r\nx-content-type-options: nosniff" in found[2]


def test_a_request_behind_another_and_in_pieces_is_read_as_one_alone(server):
    request = b"GET /healthz HTTP/1.1\r\nHost: lake\r\n\r\n"
    with server.connect() as client:
        for place in range(len(request)):
            client.sendall(request[place : place + 1])
        client.sendall(request * 3 + request.replace(b"Host", b"Connection: close\r\nHost"))
        assert all_that_comes(client).count(b'{"status":"ok"}') == 5


def test_a_head_behind_a_large_body_is_measured_alone(server):
    body = b" " * 300_000
    request = b"POST /graphql HTTP/1.1\r\nHost: lake\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
    last = b"GET /healthz HTTP/1.1\r\nHost: lake\r\nConnection: close\r\n\r\n"
    with server.connect() as client:
        client.sendall(request % (KEY.encode(), len(body), body) + last)
        answers = all_that_comes(client)
    assert (answers.count(b"HTTP/1.1 400"), answers.count(b"HTTP/1.1 200")) == (1, 1)


def test_who_connects_and_says_nothing_is_not_waited_for(server):
    with server.connect() as client:
        assert all_that_comes(client) == b""


def test_a_header_without_end_costs_nothing(server):
    before = server.rss_bytes()
    with server.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
        assert keep_sending(client, b"a" * 65_536, 8 * MIB) < 8 * MIB
        assert server.http.get("/healthz").status_code == 200
    assert server.rss_bytes() - before < 8 * MIB


def test_nobody_has_a_body_read_before_the_key_is_asked_for(server):
    asked = [("POST", "/graphql"), ("POST", f"/files/{PATH}/file_stream"), ("PATCH", f"/api/v1/runs/{PATH}")]
    asked += [("POST", "/api/v1/projects/ann/digits/runs/query"), ("PUT", f"/api/v1/runs/{PATH}/files/a.bin")]
    before = server.rss_bytes()
    for method, path in asked:
        with server.connect() as client:
            head = f"{method} {path} HTTP/1.1\r\nHost: lake\r\nContent-Length: {64 * MIB}\r\n\r\n"
            client.sendall(head.encode())
            assert keep_sending(client, b"a" * 65_536, 64 * MIB) < 32 * MIB
            assert status_and_problem(all_that_comes(client))[:2] == (401, "AuthenticationError")
    logged = [(line["method"], line["path"]) for line in server.requests_logged() if line["status"] == 401]
    assert logged == asked
    assert max(line["received_bytes"] for line in server.requests_logged() if line["status"] == 401) == 0
    assert server.rss_bytes() - before < 16 * MIB


def test_a_body_that_stops_is_answered_and_the_connection_ends(server):
    with server.connect() as client:
        head = f"POST /files/{PATH}/file_stream HTTP/1.1\r\nHost: lake\r\nAuthorization: Bearer {KEY}\r\n"
        client.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        answer = all_that_comes(client)
    assert status_and_problem(answer)[:2] == (408, "SlowError")


def test_a_client_that_does_not_read_its_answer_is_left(server):
    server.ask_as_ann("PUT", f"/api/v1/runs/{PATH}/files/large.bin", content=b"x" * (24 * MIB))
    before = server.refused("slow_reader")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(
            f"GET /api/v1/runs/{PATH}/files/large.bin HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
        )
        wait_until(lambda: server.refused("slow_reader") > before, "the server leaves it")
        assert len(all_that_comes(client)) < 24 * MIB
    server.ask_as_ann("DELETE", f"/api/v1/runs/{PATH}/files/large.bin")


def test_hundreds_of_half_requests_keep_nobody_out(server):
    """More than the server has descriptors for."""
    evicted = server.refused("address")
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(server.connect())
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert httpx.get(f"{server.url}/healthz", timeout=DEADLINE_S).status_code == 200
        assert server.ask_as_ann("GET", "/api/v1/projects").json() != []
        assert psutil.Process(server.process.pid).num_fds() < 160
        assert server.refused("address") > evicted


def test_clients_with_a_key_are_not_counted_among_those_that_wait(server):
    def place(client):
        """From where the client asks: another port is another connection."""
        with client.stream("GET", "/api/v1/projects") as answer:
            answer.read()
            return answer.extensions["network_stream"].get_extra_info("client_addr")

    with contextlib.ExitStack() as stack:
        options = {"base_url": server.url, "auth": ("api", KEY), "timeout": DEADLINE_S}
        kept = [stack.enter_context(httpx.Client(**options)) for _ in range(5)]
        before = [place(client) for client in kept]
        for _ in range(100):
            stack.enter_context(server.connect())
        assert [place(client) for client in kept] == before


@pytest.mark.slow
def test_uploads_over_slow_lines_leave_the_server_to_others(server):
    """More of them than there are threads."""
    head = "PUT /api/v1/runs/%s/files/%d.bin HTTP/1.1\r\nAuthorization: Bearer %s\r\nContent-Length: 60000\r\n\r\n"
    clients = [server.connect() for _ in range(45)]
    stop = threading.Event()

    def trickle():
        while not stop.wait(0.2):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.sendall(b"x" * 1024)

    for number, client in enumerate(clients):
        client.sendall((head % (PATH, number, KEY)).encode())
    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        time.sleep(0.5)
        assert server.ask_as_ann("PUT", f"/api/v1/runs/{PATH}/files/quick.bin", content=b"quick").status_code == 200
        assert server.ask_as_ann("POST", "/graphql", json={"query": "{ viewer { username } }"}).status_code == 200
        assert server.ask_as_ann("GET", f"/api/v1/runs/{PATH}/history").status_code == 200
        assert server.http.get("/readyz").status_code == 200
    finally:
        stop.set()
        thread.join()
        for client in clients:
            client.close()


@pytest.fixture
def ordinary_server(tmp_path):
    """With the limits that a server has by default."""
    served = Served(tmp_path / "store", files_count=4096)
    yield served
    served.stop()


def most_memory(server, work):
    """The most bytes that the server had more than before, while all of this was done at once."""
    before = most = server.rss_bytes()
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, server.rss_bytes())
        time.sleep(0.02)
    return most - before


@pytest.mark.long
def test_large_bodies_of_strangers_take_no_memory(ordinary_server):
    def send():
        with ordinary_server.connect() as client:
            client.sendall(f"POST /graphql HTTP/1.1\r\nHost: lake\r\nContent-Length: {60 * MIB}\r\n\r\n".encode())
            keep_sending(client, b"a" * 65_536, 60 * MIB)
            assert status_and_problem(all_that_comes(client))[:2] == (401, "AuthenticationError")

    assert most_memory(ordinary_server, [send] * 20) < 100 * MIB


@pytest.mark.long
def test_large_bodies_of_one_person_wait_for_each_other(ordinary_server):
    statuses = []

    def send():
        statuses.append(ordinary_server.ask_as_ann("POST", "/graphql", content=b"a" * (60 * MIB)).status_code)

    grown_bytes = most_memory(ordinary_server, [send] * 20)
    assert grown_bytes < 400 * MIB, f"{grown_bytes / MIB:.0f} MiB"
    assert set(statuses) <= {400, 429}
    assert 400 in statuses
    assert ordinary_server.http.get("/readyz").status_code == 200


@pytest.mark.long
def test_a_header_of_a_hundred_megabytes_holds_up_nobody(ordinary_server):
    def send():
        with ordinary_server.connect() as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
            assert keep_sending(client, b"a" * 65_536, 100 * MIB) < 100 * MIB

    def ask():
        for _ in range(20):
            assert ordinary_server.http.get("/healthz").status_code == 200

    assert most_memory(ordinary_server, [send] * 8 + [ask]) < 30 * MIB


@pytest.mark.long
def test_two_hundred_slow_uploads_leave_the_server_to_others(ordinary_server):
    head = "PUT /api/v1/runs/%s/files/%d.bin HTTP/1.1\r\nAuthorization: Bearer %s\r\nContent-Length: 600000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(ordinary_server.connect())
            client.sendall((head % (PATH, number, KEY)).encode() + b"x" * 300_000)
        asked = [
            ordinary_server.ask_as_ann("PUT", f"/api/v1/runs/{PATH}/files/quick.bin", content=b"quick"),
            ordinary_server.ask_as_ann("POST", "/graphql", json={"query": "{ viewer { username } }"}),
            ordinary_server.ask_as_ann("GET", f"/api/v1/runs/{PATH}/history"),
            ordinary_server.ask_as_ann("GET", f"/api/v1/runs/{PATH}/tail"),
            ordinary_server.http.get("/healthz"),
        ]
        assert [answer.status_code for answer in asked] == [200] * len(asked)
    wait_until(lambda: not list_temporaries(ordinary_server.root), "nothing is left of uploads that broke off")


def list_temporaries(root):
    return [file for file in root.rglob("*") if file.name.startswith(TEMPORARY_PREFIX)]
