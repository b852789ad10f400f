"""`runlake ui` as a process: its one line, its port, its end."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import warm
from runlake.cli.ui import DEFAULT_PORT, _has_display
from waiting import DEADLINE_S

FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}
WITHOUT_PAGE = "this runlake was installed without its page"


@pytest.fixture
def start(tmp_path):
    """Starts the command; answers the process and the line that it printed."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    started = []

    def run(*options):
        with (tmp_path / "log").open("ab") as log:
            process = warm.Popen(
                [sys.executable, "-m", "runlake", "ui", "--no-open", *options],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        started.append(process)
        return process, process.stdout.readline()

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def address_and_token(line):
    match = re.fullmatch(r"(http://127\.0\.0\.1:(\d+))/#token=([\w-]{32})\n", line)
    return match[1], int(match[2]), match[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_serves_the_folder_and_ends_in_order(start, make_run, tmp_path, number):
    make_run("ann/mnist/a1")
    process, line = start("--port", "0")
    url, _, token = address_and_token(line)
    with httpx.Client(base_url=url, headers=FROM_PAGE, timeout=DEADLINE_S) as client:
        shown = client.post("/api/v1/session", json={"token": token}).json()
        assert (shown["is_signed_in"], shown["has_people"], shown["user"]) == (True, False, None)
        assert [run["name"] for run in client.get("/api/v1/projects").json()] == ["mnist"]
    process.send_signal(number)
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout.read() == ""
    assert token not in (tmp_path / "log").read_text()
    assert not list(tmp_path.rglob("server.sqlite"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_and_says_nothing_while_a_page_follows(start, make_run, tmp_path, number):
    make_run("ann/mnist/a1")
    process, line = start("--port", "0")
    url, _, token = address_and_token(line)
    with httpx.Client(base_url=url, headers=FROM_PAGE, timeout=DEADLINE_S) as client:
        client.post("/api/v1/session", json={"token": token})
        with client.stream("GET", "/api/v1/projects/ann/mnist/events") as stream:
            pieces = stream.iter_raw()
            next(pieces)
            process.send_signal(number)
            for _ in pieces:
                pass
    assert process.wait(DEADLINE_S) == 0
    said = (tmp_path / "log").read_text().splitlines()
    assert [line for line in said if WITHOUT_PAGE not in line] == []


@pytest.mark.slow
def test_a_port_that_is_taken_is_another_one_unless_it_was_asked_for(start, runlake):
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", DEFAULT_PORT)):
        _, line = start()
        assert address_and_token(line)[1] != DEFAULT_PORT
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = runlake("ui", "--no-open", "--port", str(port))
    assert (ended.code, ended.out) == (6, "")
    assert ended.err.startswith(f"runlake: cannot listen on 127.0.0.1 port {port}: Address already in use")
    assert ended.err.endswith("; choose another --port\n")


def test_a_server_shows_its_page_itself(runlake, monkeypatch):
    problem = "is a server and shows its page itself: open that address; or name a folder, as in: runlake ui STORE"
    assert runlake("ui", "http://lake:1") == (7, "", f"runlake: http://lake:1 {problem}\n")
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://lake:2")
    assert runlake("ui") == (7, "", f"runlake: http://lake:2 {problem}\n")


def test_without_the_packages_that_serve_it_says_what_to_install(runlake, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "litestar" or "runlake.server" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "litestar", None)
    problem = "runlake ui needs the package 'litestar', which is not installed; run: pip install \"runlake[ui]\""
    assert runlake("ui") == (7, "", f"runlake: {problem}\n")


def test_a_browser_is_opened_only_where_somebody_sees_it(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert not _has_display({"HOME": "/"})
    assert _has_display({"DISPLAY": ":0"})
    assert _has_display({"WAYLAND_DISPLAY": "wayland-0"})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not _has_display({"SSH_CONNECTION": "1 2 3 4"})
    assert _has_display({})


@pytest.mark.slow
def test_what_it_loads_is_in_its_extra(tmp_path):
    program = (
        "import sys; import runlake.server.ui; "
        "print(sorted({'sqlalchemy', 'graphql', 'prometheus_client', 'psycopg'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
