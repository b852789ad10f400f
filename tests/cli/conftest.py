"""The command in process, in an empty folder of its own, and runs at fixed times for it to read."""

import os
import time
from pathlib import Path

import pytest

import command
from quiet import make_home
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.sweep_model import AgentStart, SweepStart
from stored import START_S
from written_run import write_run


class Ended:
    """How a command ended, comparable as a whole."""

    def __init__(self, result):
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception

    def __eq__(self, other):
        return (self.code, self.out, self.err) == other

    __hash__ = None

    def __repr__(self):
        return f"code {self.code}\n--- out ---\n{self.out}--- err ---\n{self.err}"


@pytest.fixture(autouse=True)
def an_empty_home(monkeypatch, tmp_path):
    """Nothing of the machine's: no settings, no stores, UTC, the user ann."""
    work = make_home(monkeypatch, tmp_path, cleared=("GIT_",), TZ="UTC", COLUMNS="100")
    time.tzset()
    return work


@pytest.fixture(autouse=True)
def umask_as_it_was():
    """`serve` is for its user alone, from when it begins; in this process other tests come after it."""
    before = os.umask(0)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def runlake():
    """Runs the command in this process and answers how it ended."""

    def run(*arguments, typed=None):
        return Ended(command.invoke(*arguments, typed=typed))

    return run


@pytest.fixture
def make_run(tmp_path):
    """Writes a run, see `write_run`; answers its path."""

    def make(path, **said):
        write_run(tmp_path / "store", path, **said)
        return RunPath(*path.split("/"))

    return make


@pytest.fixture
def make_sweep(tmp_path, monkeypatch):
    """Makes a sweep at a fixed time."""

    def make(path, config, *, at_s=0.0, agent_hosts=(), **start):
        entity, project, sweep_id = path.split("/")
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: START_S + at_s)
            service = LocalService(tmp_path / "store", default_entity=entity, user=entity)
            made = service.create_sweep(entity, project, SweepStart(config=config, sweep_id=sweep_id, seed=3, **start))
            for host in agent_hosts:
                service.join_sweep(made.path, AgentStart(host=host))
            service.close()
        return made.path

    return make


@pytest.fixture
def damage(tmp_path):
    """Flips one byte in the middle of a run's first journal part."""

    def flip(path):
        part: Path = min(FolderStore(tmp_path / "store").journal_dir(path).glob("*.part"))
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 0xFF
        part.write_bytes(content)

    return flip
