"""`init(base_url=)`: whole processes, a server that is killed, a shipper that is killed, sockets."""

import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import httpx
import pytest

import runlake
from runlake.api.api import Api
from runlake.errors import RunlakeWarning, UsageError
from runlake.model import RunPath
from runlake.sdk.session import Session
from runlake.service.local import LocalService
from runlake.store.layout import Layout
from runlake.store.shipped import is_being_shipped, read_shipped

TESTS = Path(__file__).parent.parent


class Server:
    """A server in a process of its own, on a port that it keeps."""

    def __init__(self, root):
        self.root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
        command = [sys.executable, str(Path(__file__).with_name("serve_store.py")), str(self.root), str(self.port)]
        self.process = subprocess.Popen(command, env=environment)
        end = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/api/v1/service")
                return self
            except httpx.TransportError:
                assert time.monotonic() < end
                time.sleep(0.02)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def service(self):
        return LocalService(self.root, default_entity="ann")


@pytest.fixture
def server(home):
    server = Server(home / "server")
    yield server
    server.kill()


@pytest.fixture
def session(monkeypatch, home):
    session = Session(tick_s=0.1)
    monkeypatch.setenv("RUNLAKE_FINISH_TIMEOUT_S", "30")
    yield session
    session.end_all(0)


def shippers():
    """The processes that ship runs of this test's folder."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"runlake.sdk.ship_process" in words and any(os.environ["RUNLAKE_DIR"].encode() in w for w in words):
                found.append(int(folder.name))
    return found


def wait_until(is_so, seconds=20.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def steps(service, path):
    series = service.read_history(RunPath(*path.split("/")), keys=["k"]).series
    return series[0].values.to_pylist() if series else []


def test_a_run_goes_to_the_server_and_is_read_there_when_it_has_finished(server, session):
    server.start()
    run = session.init(project="p", base_url=server.url, config={"lr": 0.5}, id="r")
    assert (run.entity, run.path, run.offline) == ("ann", "ann/p/r", False)
    for k in range(100):
        run.log({"k": k})
    run.summary["best"] = 7
    (Path(run.dir) / "note.txt").write_text("hello")
    run.finish()
    with Api(server.url) as api:
        read = api.run("p/r")
        assert (read.state, read.config, read.summary["best"], read.summary["k"]) == ("finished", {"lr": 0.5}, 7, 99)
        assert read.to_pandas()["k"].tolist() == list(range(100))
        assert read.file("note.txt").read() == b"hello"
    assert read_shipped(Path(run.dir).parent).is_complete


def test_the_variable_names_the_server_for_writers_and_readers(server, session, monkeypatch):
    server.start()
    monkeypatch.setenv("RUNLAKE_BASE_URL", server.url)
    run = session.init(project="p", id="r")
    run.log({"k": 1})
    run.finish()
    with Api() as api:
        assert api.settings["base_url"] == server.url
        assert [r.id for r in api.runs("p")] == ["r"]


def test_a_run_goes_on_behind_what_the_server_has(server, session, monkeypatch, home):
    server.start()
    first = session.init(project="p", base_url=server.url, id="r", config={"a": 1})
    for k in range(3):
        first.log({"k": k})
    first.finish()
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "another machine"))
    again = session.init(project="p", base_url=server.url, id="r", resume="must")
    assert (again.resumed, again.step, again.config["a"], again.name) == (True, 3, 1, first.name)
    again.log({"k": 3})
    again.finish()
    assert steps(server.service, "ann/p/r") == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="resume="):
        session.init(project="p", base_url=server.url, id="nowhere", resume="must")


def test_a_run_goes_back_and_another_branches_off_at_the_server(server, session, monkeypatch, home):
    server.start()
    first = session.init(project="p", base_url=server.url, id="r")
    for k in range(5):
        first.log({"k": k})
    first.finish()
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "another machine"))
    back = session.init(project="p", base_url=server.url, resume_from="r?_step=2")
    assert (back.id, back.step) == ("r", 3)
    back.log({"k": 30})
    back.finish()
    assert steps(server.service, "ann/p/r") == [0, 1, 2, 30]
    fork = session.init(project="p", base_url=server.url, id="f", fork_from="r?_step=1")
    fork.log({"k": 20})
    fork.finish()
    assert steps(server.service, "ann/p/f") == [0, 1, 20]
    assert server.service.read_run(RunPath("ann", "p", "f")).state == "finished"


def test_processes_on_several_machines_write_one_run_together(server, session, monkeypatch, home):
    server.start()
    script = (
        "import sys, runlake\n"
        f"run = runlake.init(project='p', id='r', base_url={server.url!r}, mode='shared', store=sys.argv[1],\n"
        "    settings={'label': sys.argv[1][-1], 'primary': sys.argv[1][-1] == '0'})\n"
        "for k in range(50):\n    run.log({'k': k})\n"
        "run.finish()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    places = [str(home / f"machine {number}") for number in range(3)]
    running = [subprocess.Popen([sys.executable, "-c", script, place], env=environment) for place in places]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    info = server.service.read_run(RunPath("ann", "p", "r"))
    assert (info.row_count, info.state) == (150, "finished")
    assert sorted(steps(server.service, "ann/p/r")) == sorted(list(range(50)) * 3)


def test_a_server_that_is_killed_and_comes_back_costs_and_loses_nothing(server, session):
    server.start()
    run = session.init(project="p", base_url=server.url, id="r")
    for k in range(50):
        run.log({"k": k})
    wait_until(lambda: steps(server.service, "ann/p/r"))
    server.kill()
    begun_at = time.monotonic()
    for k in range(50, 20_000):
        run.log({"k": k})
    assert time.monotonic() - begun_at < 5.0
    server.start()
    for k in range(20_000, 20_100):
        run.log({"k": k})
    run.finish()
    assert steps(server.service, "ann/p/r") == list(range(20_100))
    assert server.service.read_run(RunPath("ann", "p", "r")).state == "finished"


def test_a_shipper_that_is_killed_is_started_again(server, session, monkeypatch):
    monkeypatch.setattr("runlake.sdk.online.RESTART_AFTER_S", 0.5)
    server.start()
    run = session.init(project="p", base_url=server.url, id="r")
    for k in range(200):
        run.log({"k": k})
        if k % 50 == 49:
            wait_until(lambda: is_being_shipped(Path(run.dir).parent))
            for process in shippers():
                os.kill(process, signal.SIGKILL)
    run.finish()
    assert steps(server.service, "ann/p/r") == list(range(200))


def test_what_a_killed_training_has_logged_arrives_all_the_same(server, home):
    server.start()
    script = (
        "import os, runlake\n"
        f"run = runlake.init(project='p', id='r', base_url={server.url!r})\n"
        "for k in range(1000):\n    run.log({'k': k})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    run_dir = Layout(home / "store").run_dir(RunPath("ann", "p", "r"))
    wait_until(lambda: read_shipped(run_dir).is_complete)
    assert steps(server.service, "ann/p/r") == list(range(1000))


def test_a_server_that_is_not_there_is_said_once_and_gets_everything_later(server, session):
    with pytest.warns(RunlakeWarning, match="begins without http.*cannot be reached.*sent as soon as"):
        run = session.init(project="p", base_url=server.url, id="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(10):
            run.log({"k": k})
        server.start()
        run.finish()
    assert steps(server.service, "ann/p/r") == list(range(10))


def test_finish_does_not_wait_forever_and_says_how_to_go_on(server, session, monkeypatch):
    monkeypatch.setenv("RUNLAKE_FINISH_TIMEOUT_S", "0.3")
    with pytest.warns(RunlakeWarning, match="begins without"):
        run = session.init(project="p", base_url=server.url, id="r")
    run.log({"k": 0})
    with pytest.warns(RunlakeWarning, match=r"not all of run ann/p/r is at http.* yet .* sync ann/p/r"):
        run.finish()
    for process in shippers():
        os.kill(process, signal.SIGKILL)


def test_somebody_may_stop_a_run_at_the_server(server, session, monkeypatch):
    stopped = []
    monkeypatch.setattr("runlake.sdk.session.interrupt_main_thread", lambda: stopped.append(True))
    server.start()
    run = session.init(project="p", base_url=server.url, id="r")
    run.log({"k": 0})
    with Api(server.url) as api:
        api.run("p/r").stop()
        run.log({"k": 1})
        wait_until(lambda: stopped)
        run.finish(exit_code=1)
    assert server.service.read_run(RunPath("ann", "p", "r")).state == "killed"


def test_an_offline_run_waits_for_sync(server, session, home):
    run = session.init(project="p", id="r", mode="offline")
    run.log({"k": 0})
    run.finish()
    server.start()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "runlake", "sync", "--to", server.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "sent 1 run" in done.stderr
    assert steps(server.service, "ann/p/r") == [0]


def test_writing_to_a_server_loads_nothing_of_a_network(server, home):
    server.start()
    script = (
        "import sys, runlake\n"
        f"with runlake.init(project='p', id='r', base_url={server.url!r}) as run:\n    run.log({{'k': 1}})\n"
        "heavy = {'httpx', 'pyarrow', 'numpy', 'ssl'} & set(sys.modules)\n"
        "sys.stdout.write(' '.join(sorted(heavy)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_face_names_the_errors_of_a_network():
    assert issubclass(runlake.UnreachableError, runlake.CommError)
