"""A server as processes: a socket, workers, their end. The app is a small one, made for these tests."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import httpx
import pytest

import warm
from runlake.errors import BadValueError, CommError
from runlake.server.serving import Tls, address_of, listen
from waiting import DEADLINE_S, wait_until

PROGRAM = """
import asyncio, os, sys, threading, time
from litestar import Litestar, get
from runlake.server.config import ServerConfig
from runlake.server.middleware import add_middleware
from runlake.server.http.metrics import Metrics
from runlake.server.http.health import folder_checks, health_routes
from runlake.server.people.people import open_people
from runlake.server.draining import tell_of_end
from runlake.server.serving import listen, prepare_worker, serve
from pathlib import Path

def create_app():
    config = ServerConfig.from_environment(os.environ)
    if (Path(config.root) / "refuse").exists():
        raise RuntimeError("no app today")
    people, metrics, draining = open_people(Path(config.root)), Metrics(), threading.Event()
    tell_of_end(draining)

    @get("/pid")
    async def read_pid() -> int:
        return os.getpid()

    @get("/slow")
    async def read_slowly() -> str:
        (Path(config.root) / "begun").touch()
        while not draining.is_set():
            await asyncio.sleep(0.02)
        (Path(config.root) / "draining").touch()
        while not (Path(config.root) / "go_on").exists():
            await asyncio.sleep(0.02)
        return "done"

    @get("/until-the-end")
    async def read_until_the_end() -> str:
        (Path(config.root) / "begun").touch()
        while not draining.is_set():
            await asyncio.sleep(0.05)
        return "ended"

    routes = [read_pid, read_slowly, read_until_the_end]
    routes += health_routes(checks=folder_checks(Path(config.root)), people=people, metrics=metrics, draining=draining)
    app = Litestar(routes, openapi_config=None, logging_config=None)
    return add_middleware(app, config=config, people=people, metrics=metrics)

def factory():
    return prepare_worker(create_app)

if __name__ == "__main__":
    root, workers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    config = ServerConfig(root=root, default_entity="ann", workers=workers, drain_s=seconds, silent_s=seconds)
    listening = listen("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    serve(config, listening, app="program:factory")
"""


ENDED_EARLY = """
import os, signal, sys
from runlake.server.config import ServerConfig
from runlake.server.serving import listen, serve

def end_early(event, arguments):
    if event == "import" and arguments[0].startswith("uvicorn.loops"):
        os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(end_early)
with listen("127.0.0.1", 0) as listening:
    serve(ServerConfig(root=sys.argv[1], default_entity="ann"), listening)
"""
"""A signal comes when the server is made, and does not listen to signals yet."""


@pytest.fixture
def start(tmp_path):
    """Starts the program with so many workers; answers the process and the address.

    `seconds` is how long it waits: for requests that have begun, and for signs of life.
    """
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    store = tmp_path / "store"
    store.mkdir()
    source = Path(__file__).parents[2] / "src"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(tmp_path)])}
    started = []

    def run(workers, seconds=10):
        with (tmp_path / "log").open("ab") as log:
            process = warm.Popen(
                [sys.executable, "program.py", str(store), str(workers), str(seconds)],
                cwd=tmp_path,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        started.append(process)
        return process, f"http://127.0.0.1:{process.stdout.readline().strip()}"

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def in_the_background(work):
    """Answers a function that waits for what `work` gave."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()

    def result():
        thread.join()
        return answers[0]

    return result


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_the_end_waits_for_requests_that_have_begun_and_is_orderly(start, tmp_path, workers, number):
    process, url = start(workers)
    httpx.get(f"{url}/pid", timeout=DEADLINE_S).raise_for_status()
    slow = in_the_background(lambda: httpx.get(f"{url}/slow", timeout=DEADLINE_S))
    wait_until((tmp_path / "store" / "begun").exists)
    os.kill(process.pid, number)
    wait_until((tmp_path / "store" / "draining").exists)
    assert process.poll() is None
    (tmp_path / "store" / "go_on").touch()
    assert slow().text == "done"
    assert process.wait(DEADLINE_S) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/pid")


@pytest.mark.slow
def test_a_signal_that_comes_before_the_server_listens_to_any_ends_it_too(tmp_path):
    command = [sys.executable, "-c", ENDED_EARLY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr


def test_a_request_whose_head_had_begun_to_come_is_answered_before_the_end(start):
    process, url = start(1)

    def nobody_accepts():
        try:
            httpx.get(f"{url}/pid", timeout=DEADLINE_S)
        except httpx.ConnectError:
            return True
        except httpx.ReadError:  # it had come, and was accepted by nobody before the end
            pass
        return False

    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=DEADLINE_S) as client:
        client.sendall(b"GET /pid HTTP/1.1\r\n")
        # Connections are accepted and read in order, so that this one has come when the next is answered.
        httpx.get(f"{url}/pid", timeout=DEADLINE_S).raise_for_status()
        process.terminate()
        wait_until(nobody_accepts)
        client.sendall(b"host: here\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert process.wait(DEADLINE_S) == 0


def test_streams_that_would_go_on_for_ever_are_told_of_the_end(start, tmp_path):
    process, url = start(1)
    stream = in_the_background(lambda: httpx.get(f"{url}/until-the-end", timeout=DEADLINE_S))
    wait_until((tmp_path / "store" / "begun").exists)
    process.terminate()
    assert stream().text == "ended"
    assert process.wait(DEADLINE_S) == 0


@pytest.mark.slow
def test_a_worker_that_was_killed_is_replaced(start):
    _, url = start(2)
    first = int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text)
    os.kill(first, signal.SIGKILL)

    def is_replaced():
        with contextlib.suppress(httpx.TransportError):
            return int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text) != first
        return False

    wait_until(is_replaced)


@pytest.mark.long
def test_a_worker_that_dies_again_and_again_does_not_end_the_server(start):
    process, url = start(2)
    killed = set()
    while len(killed) < 3:
        with contextlib.suppress(httpx.TransportError):
            pid = int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text)
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    process.terminate()
    assert process.wait(DEADLINE_S) == 0


def pids_of(url, count):
    """Of all workers, after each of them has answered."""
    pids = set()

    def all_have_answered():
        with contextlib.suppress(httpx.TransportError):
            pids.add(int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text))
        return len(pids) == count

    wait_until(all_have_answered)
    return pids


@pytest.mark.long
def test_a_worker_that_hangs_is_replaced(start, tmp_path):
    _, url = start(2, seconds=2)
    hanging, other = pids_of(url, 2)
    os.kill(hanging, signal.SIGSTOP)
    wait_until(lambda: "a worker gives no sign of life and is replaced" in (tmp_path / "log").read_text())
    assert other in pids_of(url, 2)
    with pytest.raises(ProcessLookupError):
        os.kill(hanging, 0)


@pytest.mark.long
def test_a_server_that_was_stopped_as_a_whole_keeps_its_workers(start):
    process, url = start(2, seconds=2)
    before = pids_of(url, 2)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(3)  # longer than a worker may be silent: nobody is there who could say so
    os.killpg(process.pid, signal.SIGCONT)
    assert pids_of(url, 2) == before
    time.sleep(1)  # longer than the server takes to look at its workers again
    assert pids_of(url, 2) == before


@pytest.mark.long
def test_a_worker_whose_place_nobody_can_take_is_tried_again_and_the_server_goes_on(start, tmp_path):
    process, url = start(2)
    first, other = pids_of(url, 2)
    (tmp_path / "store" / "refuse").touch()
    os.kill(first, signal.SIGKILL)

    def pauses():
        lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
        return [line["pause_s"] for line in lines if line["event"] == "a worker died and is replaced"]

    wait_until(lambda: len(pauses()) >= 3)
    # The first of them is none where the killed worker had lived for a second.
    assert pauses()[:3] in ([0.0, 1.0, 2.0], [1.0, 2.0, 4.0])
    assert int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text) == other
    (tmp_path / "store" / "refuse").unlink()
    assert other in pids_of(url, 2)
    process.terminate()
    assert process.wait(DEADLINE_S) == 0


@pytest.mark.slow
def test_a_hangup_whose_workers_do_not_start_leaves_the_old_ones(start, tmp_path):
    process, url = start(2)
    serving = set()

    def both_serve():
        serving.add(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text)
        return len(serving) == 2

    wait_until(both_serve)
    (tmp_path / "store" / "refuse").touch()
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "a new worker did not start; the old ones stay" in (tmp_path / "log").read_text())
    assert httpx.get(f"{url}/pid", timeout=DEADLINE_S).status_code == 200


def test_a_hangup_replaces_the_workers_one_by_one_and_nobody_notices(start):
    process, url = start(2)
    before = {int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text)}
    process.send_signal(signal.SIGHUP)
    since = set()

    def all_are_new():
        since.add(int(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text))
        return len(since - before) >= 2

    wait_until(all_are_new)
    assert process.poll() is None


def test_workers_end_with_their_parent_so_that_the_server_can_be_started_again(start):
    process, url = start(2)
    httpx.get(f"{url}/pid", timeout=DEADLINE_S).raise_for_status()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    port = int(url.rpartition(":")[2])

    def port_is_free():
        with contextlib.suppress(CommError):
            listen("127.0.0.1", port).close()
            return True
        return False

    wait_until(port_is_free)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_an_app_that_cannot_be_made_ends_the_server_and_says_why(start, tmp_path, workers):
    (tmp_path / "store" / "refuse").touch()
    process, _ = start(workers)
    assert process.wait(DEADLINE_S) == 1
    log = (tmp_path / "log").read_text()
    assert "RuntimeError: no app today" in log
    assert "the server cannot start; its log says why" in log


def test_the_numbers_are_those_of_all_workers(start, tmp_path):
    from runlake.server.people.people import open_people

    people = open_people(tmp_path / "store")
    key = people.add_user("root", is_admin=True).key
    people.close()
    _, url = start(2)
    pids = set()

    def both_have_answered():
        pids.add(httpx.get(f"{url}/pid", timeout=DEADLINE_S).text)
        asked.append(1)
        return len(pids) == 2

    asked = []
    wait_until(both_have_answered)
    text = httpx.get(f"{url}/metrics", auth=("api", key), timeout=DEADLINE_S).text
    assert f'runlake_requests_total{{method="GET",route="/pid",status="200"}} {len(asked)}.0' in text


def test_an_address_that_is_taken_is_said():
    first = listen("127.0.0.1", 0)
    with first, pytest.raises(CommError, match=r"cannot listen on 127\.0\.0\.1 port \d+: .*; choose another --port"):
        listen("127.0.0.1", first.getsockname()[1])


def test_the_address_that_is_printed_can_be_reached():
    with listen("0.0.0.0", 0) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening, host="0.0.0.0", is_tls=False) == f"http://127.0.0.1:{port}"
        assert address_of(listening, host="example.com", is_tls=True) == f"https://example.com:{port}"
        assert address_of(listening, host="::1", is_tls=False) == f"http://[::1]:{port}"
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_certificate_that_cannot_be_used_is_said_before_the_start(tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(BadValueError, match="cannot be used"):
        Tls(tmp_path / "cert.pem", tmp_path / "key.pem").check()
    with pytest.raises(BadValueError, match="cannot be used"):
        Tls(tmp_path / "missing", tmp_path / "key.pem").check()
    assert ssl.HAS_TLSv1_3
