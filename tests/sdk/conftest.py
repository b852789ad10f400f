"""Runs of this process and of others, in a store of their own, and what a reader sees of them."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import runlake
import warm
from quiet import fresh_session, make_quiet
from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.sdk.run.config_edits import merged
from runlake.sdk.run.run import Run
from runlake.service.local.service import LocalService
from runlake.settings import resolve
from runlake.store.folder_store import FolderStore
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run
from runlake.values import flatten
from served import Holder
from stored import as_dicts
from waiting import DEADLINE_S, wait_until


@pytest.fixture(scope="module")
def holder():
    """Whose store is behind the server."""
    return Holder()


@pytest.fixture
def server(tmp_path, holder):
    """The store behind the server."""
    holder.service = LocalService(tmp_path / "server", default_entity="ann")
    return holder.service


@pytest.fixture
def home(monkeypatch, tmp_path):
    """No settings but these: a store, the user ann, nothing printed, captured or sealed; an empty folder to work in."""
    make_quiet(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def begin(home):
    """A run of this process without helpers beside it and without hooks."""

    def begin(run_id="r", *, resume=None, config=None, **settings):
        given = resolve({"run_id": run_id, "project": "p", **settings}, os.environ, Path.cwd())
        layout, path = FolderStore(given.store), RunPath(given.entity, given.project, run_id)
        runs = []
        start = {"name": "calm-sea-1", "set": flatten(config or {}, stringify_keys=True)}
        prepare = lambda data, step: runs[0].prepare(data, step)  # noqa: E731
        opened = open_run(layout, path, start, resume=resume, prepare=prepare, inspector=IN_PROCESS)
        before = opened.before.config if opened.before else {}
        runs.append(Run(opened, layout, given, config=merged(before, config or {}), name="calm-sea-1"))
        return runs[0]

    return begin


class Stored:
    """The runs of the store as readers see them."""

    def __init__(self, root):
        self.layout = FolderStore(Path(root))

    def path(self, name="r"):
        parts = name.split("/")
        return RunPath(*("ann", "p", "r")[: 3 - len(parts)], *parts)

    def info(self, name="r"):
        return read_run(self.layout, self.path(name))

    def state(self, name="r"):
        info = self.info(name)
        return info.state, info.exit_code

    def rows(self, name="r", stream="history"):
        """One dict a row: `_step`, then the keys as paths."""
        return as_dicts(read_history(self.layout, self.path(name), stream=stream))

    def column(self, key, name="r"):
        return [row[key] for row in self.rows(name) if key in row]

    def file(self, file_name, name="r"):
        return self.layout.file_path(self.path(name), file_name)


@pytest.fixture
def stored(home):
    return Stored(home / "store")


@pytest.fixture
def session(home):
    """The module-level session without a run, whatever other tests have begun; ended and forgotten afterwards."""
    with fresh_session() as session:
        yield session


class Script:
    """A Python script, given in pieces, run by a process of its own in the folder of the test."""

    def __init__(self, begin, *pieces, **environment):
        text = "import os, signal, sys, threading, time\nimport runlake\n"
        file = Path("script.py")
        text = "\n".join([text, *map(textwrap.dedent, pieces)])
        if not file.exists() or file.read_text() != text:  # another process may be about to read the same
            file.write_text(text)
        paths = [str(Path(runlake.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        self.process = begin(
            ["-W", "error", str(file)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, line):
        """Read what it prints up to this line."""
        for found in self.process.stdout:
            if found.rstrip("\n") == line:
                return self
        raise AssertionError(f"{line!r} was never printed:\n{self.process.stderr.read()}")

    def send(self, number):
        self.process.send_signal(number)
        return self

    def end(self, timeout_s=DEADLINE_S):
        """(exit code, stdout, stderr)"""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out, err

    def kill(self):
        """End it and whatever it has forked: they have a process group of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def begin_python(request):
    """How scripts are begun: "cold", as tests say for whom what Python loads, or how it ends, is the point."""
    if getattr(request, "param", getattr(request.module, "BEGIN_PYTHON", "warm")) == "cold":
        return lambda arguments, **options: subprocess.Popen([sys.executable, "-X", "dev", *arguments], **options)
    return lambda arguments, **options: warm.Popen([sys.executable, *arguments], **options)


@pytest.fixture
def script(home, begin_python):
    """Start a script; what is still running at the end is killed."""
    started = []

    def start(*pieces, **environment):
        started.append(Script(begin_python, *pieces, **environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture(name="wait_until")
def _wait_until():
    """Waits for something that other processes bring about."""
    return wait_until
