"""Sweeps over a folder of their own, and agents as processes of their own."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import warm
from quiet import make_quiet
from runlake.sdk.process.active import session
from runlake.service.open import open_service
from runlake.sweep_model import SweepPath
from waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """A folder of the user ann, who never heard of runlake before; agents report ten times a second."""
    make_quiet(
        monkeypatch,
        tmp_path,
        PYTHONPATH=str(ROOT / "src"),
        RUNLAKE_PROJECT="digits",
        RUNLAKE_SILENT="false",
        RUNLAKE_AGENT_INTERVAL_S="0.1",
    )
    (tmp_path / "home").mkdir()
    yield tmp_path / "store"
    session.end_all(0)


@pytest.fixture
def service(store):
    service = open_service()
    yield service
    service.close()


@pytest.fixture
def sweep_of(service):
    """The sweep of an id, as of now."""
    return lambda sweep_id: service.read_sweep(SweepPath("ann", "digits", sweep_id))


@pytest.fixture
def runs_of(service):
    """The runs of a sweep, oldest first."""
    return lambda sweep_id: service.list_runs("ann", "digits", filters={"sweep": sweep_id}).runs


class Process:
    """A Python program that runs beside the test; what it prints is kept in a file."""

    def __init__(self, arguments, output):
        self.output = output
        with output.open("wb") as file:
            self.process = warm.Popen(
                [sys.executable, *arguments], stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )

    @property
    def said(self):
        return self.output.read_text()

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, timeout_s=DEADLINE_S):
        """The exit code."""
        return self.process.wait(timeout_s)

    def wait_until(self, condition):
        """Wait until something is so; the process must live meanwhile."""

        def is_so():
            found = condition()
            assert found or self.process.poll() is None, f"the process ended:\n{self.said}"
            return found

        wait_until(is_so, lambda: self.said)


@pytest.fixture
def start(tmp_path):
    """Starts processes: ``start(text of a program)``, or ``start("-m", "runlake", …)``; ends them with the test."""
    started = []

    def start(*arguments):
        if len(arguments) == 1:
            arguments = ("-c", textwrap.dedent(arguments[0]))
        started.append(Process(arguments, tmp_path / f"said-{len(started)}"))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.send(signal.SIGKILL)
            one.wait()
