"""The command in process, in an empty folder of its own, and runs at fixed times for it to read."""

import os
import time
from pathlib import Path

import pytest

import command
from quiet import make_home
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.changes import append_change
from runlake.store.journal import record
from runlake.store.layout import Layout
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.sweep_model import AgentStart, SweepStart
from runlake.values import flatten

START_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""


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
    """Writes a run into the store as a training process would: a row and an event a second, files, an end."""
    layout = Layout(tmp_path / "store")

    def make(
        path,
        *,
        rows=(),
        events=(),
        console=(),
        config=None,
        summary=None,
        alerts=(),
        files=None,
        exit_code=0,
        at_s=0.0,
        **info,
    ):
        path, now_s = RunPath(*path.split("/")), START_S + at_s
        start = {"set": flatten(config or {}), **info}
        writer = open_run(layout, path, start, clock=lambda: now_s, inspector=IN_PROCESS).writer
        streams = {"history": rows, "events": events, "console": console}
        for stream, logged in streams.items():
            for step, data in enumerate(logged):
                second = float(step + 1)
                writer.log(data, stream=stream, step=step, timestamp=now_s + second, runtime=second)
        if summary:
            writer.record(record.SUMMARY, {"set": flatten(summary)})
        for alert in alerts:
            writer.record(record.ALERT, alert)
        for name, content in (files or {}).items():
            place = layout.file_path(path, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        writer.end({"exit_code": exit_code, "runtime": float(len(rows))})
        append_change(layout, path, writer.writer, "finish", writer.writer)
        return path

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
        part: Path = min(Layout(tmp_path / "store").journal_dir(path).glob("*.part"))
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 0xFF
        part.write_bytes(content)

    return flip
