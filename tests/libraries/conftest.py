"""Runs in a store of the test's own, and what a reader sees of them."""

import os
import time

import pytest

import runlake
from runlake.model import RunPath
from runlake.sdk import active
from runlake.store.layout import Layout


@pytest.fixture
def store(monkeypatch, tmp_path):
    """No settings but these: a store, nothing printed, captured or sealed; an empty folder to work in."""
    for name in list(os.environ):
        if name.startswith(("RUNLAKE_", "WANDB_")):
            monkeypatch.delenv(name)
    for name, value in {
        "LOGNAME": "ann",
        "RUNLAKE_DIR": str(tmp_path / "store"),
        "RUNLAKE_SEAL": "off",
        "RUNLAKE_SILENT": "1",
        "RUNLAKE_CONSOLE": "off",
        "RUNLAKE_DISABLE_SYSTEM": "1",
        "RUNLAKE_DISABLE_GIT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    active.session.end_all(0)
    active.session.run = None
    yield Store(tmp_path / "store")
    active.session.end_all(0)
    active.session.run = None


class Store:
    """The runs of ann's project p, as readers have them."""

    def __init__(self, root):
        self.root = root

    def run(self, run_id):
        return runlake.Api(str(self.root)).run(f"ann/p/{run_id}")

    def file(self, run_id, name):
        return Layout(self.root).file_path(RunPath("ann", "p", run_id), name)

    def rows(self, run_id):
        """Each row without its times."""
        hidden = ("_timestamp", "_runtime")
        return [{k: v for k, v in row.items() if k not in hidden} for row in self.run(run_id).scan_history()]

    def files(self, run_id):
        known = ("config.yaml", "wandb-", "requirements.txt", "output.log")
        return sorted(file.name for file in self.run(run_id).files() if not file.name.startswith(known))


@pytest.fixture
def wait_until():
    """Returns when the condition holds; fails after a minute."""

    def wait(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait
