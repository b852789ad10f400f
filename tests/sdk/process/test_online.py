"""`init(base_url=)`: whole processes, a server that is killed, a shipper that is killed, sockets."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest

import runlake
import warm
from runlake.api.api import Api
from runlake.errors import RunlakeWarning, UsageError
from runlake.model import RunPath
from runlake.sdk.process.session import Session
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.journal.shipped import is_being_shipped, read_shipped
from waiting import DEADLINE_S, wait_until

TESTS = Path(__file__).parents[2]


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
        path = os.pathsep.join([str(TESTS), *sys.path])
        environment = {**os.environ, "PYTHONPATH": path, "RUNLAKE_SEAL": "off"}
        command = [sys.executable, str(Path(__file__).with_name("serve_store.py")), str(self.root), str(self.port)]
        self.process = warm.Popen(command, env=environment)
        wait_until(self._answers, "the server answers")
        return self

    def _answers(self):
        assert self.process.poll() is None, "the server ended at once"
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/api/v1/service", timeout=DEADLINE_S).is_success

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
    """One of the test's own, which it starts, and may kill."""
    server = Server(home / "server")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One that goes on; tests have projects of their own there."""
    server = Server(tmp_path_factory.mktemp("shared")).start()
    yield server
    server.kill()


@pytest.fixture
def project(request):
    return re.sub(r"\W", "-", request.node.name)


@pytest.fixture
def session(monkeypatch, home):
    session = Session(tick_s=0.1, idle_s=DEADLINE_S)
    monkeypatch.setenv("RUNLAKE_FINISH_TIMEOUT_S", str(DEADLINE_S))
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
            if b"runlake.ship.process" in words and any(os.environ["RUNLAKE_DIR"].encode() in w for w in words):
                found.append(int(folder.name))
    return found


def steps(service, path):
    series = service.read_history(RunPath(*path.split("/")), keys=["k"]).series
    return series[0].values.to_pylist() if series else []


def test_a_run_goes_to_the_server_and_is_read_there_when_it_has_finished(shared, project, session):
    run = session.init(project=project, base_url=shared.url, config={"lr": 0.5}, id="r")
    assert (run.entity, run.path, run.offline) == ("ann", f"ann/{project}/r", False)
    for k in range(100):
        run.log({"k": k})
    run.summary["best"] = 7
    (Path(run.dir) / "note.txt").write_text("hello")
    run.finish()
    with Api(shared.url) as api:
        read = api.run(f"{project}/r")
        assert (read.state, read.config, read.summary["best"], read.summary["k"]) == ("finished", {"lr": 0.5}, 7, 99)
        assert read.to_pandas()["k"].tolist() == list(range(100))
        assert read.file("note.txt").read() == b"hello"
    assert read_shipped(Path(run.dir).parent).is_complete


def test_what_opens_and_sends_a_run_loads_nothing_heavy(shared, project, session):
    run = session.init(project=project, base_url=shared.url, mode="offline", id="r")
    run.log({"k": 1})
    (Path(run.dir) / "note.txt").write_text("hello")
    run.finish()
    code = (
        "import sys; from runlake.ship import opening, process; code = process.main(sys.argv[1], seals=False); "
        "print(*{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, str(Path(run.dir).parent)]
    loaded = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert "httpx" in loaded
    assert {"click", "numpy", "pandas", "psutil", "pyarrow", "rich", "typer"}.intersection(loaded) == set()
    with Api(shared.url) as api:
        assert api.run(f"{project}/r").file("note.txt").read() == b"hello"


def test_the_variable_names_the_server_for_writers_and_readers(shared, project, session, monkeypatch):
    monkeypatch.setenv("RUNLAKE_BASE_URL", shared.url)
    run = session.init(project=project, id="r")
    run.log({"k": 1})
    run.finish()
    with Api() as api:
        assert api.settings["base_url"] == shared.url
        assert [r.id for r in api.runs(project)] == ["r"]


@pytest.mark.slow
def test_a_run_goes_on_behind_what_the_server_has(shared, project, session, monkeypatch, home):
    first = session.init(project=project, base_url=shared.url, id="r", config={"a": 1})
    for k in range(3):
        first.log({"k": k})
    first.finish()
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "another machine"))
    again = session.init(project=project, base_url=shared.url, id="r", resume="must")
    assert (again.resumed, again.step, again.config["a"], again.name) == (True, 3, 1, first.name)
    again.log({"k": 3})
    again.finish()
    assert steps(shared.service, f"ann/{project}/r") == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="resume="):
        session.init(project=project, base_url=shared.url, id="nowhere", resume="must")


@pytest.mark.slow
def test_a_run_goes_back_and_another_branches_off_at_the_server(shared, project, session, monkeypatch, home):
    first = session.init(project=project, base_url=shared.url, id="r")
    for k in range(5):
        first.log({"k": k})
    first.finish()
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "another machine"))
    back = session.init(project=project, base_url=shared.url, resume_from="r?_step=2")
    assert (back.id, back.step) == ("r", 3)
    back.log({"k": 30})
    back.finish()
    assert steps(shared.service, f"ann/{project}/r") == [0, 1, 2, 30]
    fork = session.init(project=project, base_url=shared.url, id="f", fork_from="r?_step=1")
    fork.log({"k": 20})
    fork.finish()
    assert steps(shared.service, f"ann/{project}/f") == [0, 1, 20]
    assert shared.service.read_run(RunPath("ann", project, "f")).state == "finished"


@pytest.mark.slow
def test_processes_on_several_machines_write_one_run_together(shared, project, session, monkeypatch, home):
    script = (
        "import sys, runlake\n"
        f"run = runlake.init(project={project!r}, id='r', base_url={shared.url!r}, mode='shared', store=sys.argv[1],\n"
        "    settings={'label': sys.argv[1][-1], 'primary': sys.argv[1][-1] == '0'})\n"
        "for k in range(50):\n    run.log({'k': k})\n"
        "run.finish()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    places = [str(home / f"machine {number}") for number in range(3)]
    running = [warm.Popen([sys.executable, "-c", script, place], env=environment) for place in places]
    assert [process.wait(DEADLINE_S) for process in running] == [0, 0, 0]
    info = shared.service.read_run(RunPath("ann", project, "r"))
    assert (info.row_count, info.state) == (150, "finished")
    assert sorted(steps(shared.service, f"ann/{project}/r")) == sorted(list(range(50)) * 3)


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_costs_and_loses_nothing(server, session, home):
    server.start()
    run = session.init(project="p", base_url=server.url, id="r")
    for k in range(50):
        run.log({"k": k})
    wait_until(lambda: steps(server.service, "ann/p/r"))
    server.kill()
    for k in range(50, 20_000):
        run.log({"k": k})
    assert steps(LocalService(home / "store", default_entity="ann"), "ann/p/r") == list(range(20_000))
    server.start()
    for k in range(20_000, 20_100):
        run.log({"k": k})
    run.finish()
    assert steps(server.service, "ann/p/r") == list(range(20_100))
    assert server.service.read_run(RunPath("ann", "p", "r")).state == "finished"


def test_a_shipper_that_is_killed_is_started_again(shared, project, session):
    session.restart_after_s = 0.5
    run = session.init(project=project, base_url=shared.url, id="r")
    for k in range(200):
        run.log({"k": k})
        if k % 50 == 49:
            wait_until(lambda: is_being_shipped(Path(run.dir).parent))
            for process in shippers():
                os.kill(process, signal.SIGKILL)
    run.finish()
    assert steps(shared.service, f"ann/{project}/r") == list(range(200))


def test_what_a_killed_training_has_logged_arrives_all_the_same(shared, project, home):
    script = (
        "import os, runlake\n"
        f"run = runlake.init(project={project!r}, id='r', base_url={shared.url!r})\n"
        "for k in range(1000):\n    run.log({'k': k})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = warm.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    run_dir = FolderStore(home / "store").run_dir(RunPath("ann", project, "r"))
    wait_until(lambda: read_shipped(run_dir).is_complete)
    assert steps(shared.service, f"ann/{project}/r") == list(range(1000))


@pytest.mark.slow
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


@pytest.mark.usefixtures("session")
def test_somebody_may_stop_a_run_at_the_server(shared, project):
    stopped = []
    session = Session(tick_s=0.1, idle_s=DEADLINE_S, interrupt=lambda: stopped.append(True))
    run = session.init(project=project, base_url=shared.url, id="r")
    run.log({"k": 0})
    with Api(shared.url) as api:
        api.run(f"{project}/r").stop()
        run.log({"k": 1})
        wait_until(lambda: stopped)
        run.finish(exit_code=1)
    assert shared.service.read_run(RunPath("ann", project, "r")).state == "killed"


def test_an_offline_run_waits_for_sync(shared, project, session, home):
    run = session.init(project=project, id="r", mode="offline")
    run.log({"k": 0})
    run.finish()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "runlake", "sync", "--to", shared.url]
    done = warm.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "sent 1 run" in done.stderr
    assert steps(shared.service, f"ann/{project}/r") == [0]


def test_writing_to_a_server_loads_nothing_of_a_network(shared, project, home):
    script = (
        "import sys, runlake\n"
        f"with runlake.init(project={project!r}, id='r', base_url={shared.url!r}) as run:\n    run.log({{'k': 1}})\n"
        "heavy = {'httpx', 'pyarrow', 'numpy', 'ssl'} & set(sys.modules)\n"
        "sys.stdout.write(' '.join(sorted(heavy)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.slow
def test_the_face_names_the_errors_of_a_network():
    assert issubclass(runlake.UnreachableError, runlake.CommError)
