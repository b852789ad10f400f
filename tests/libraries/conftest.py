"""Runs in a store of the test's own, and what a reader sees of them."""

import pytest

import runlake
from quiet import fresh_session, make_quiet
from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from waiting import wait_until


@pytest.fixture
def store(monkeypatch, tmp_path):
    """No settings but these: a store, nothing printed, captured or sealed; an empty folder to work in."""
    make_quiet(monkeypatch, tmp_path)
    with fresh_session():
        yield Store(tmp_path / "store")


class Store:
    """The runs of ann's project p, as readers have them."""

    def __init__(self, root):
        self.root = root

    def run(self, run_id):
        return runlake.Api(str(self.root)).run(f"ann/p/{run_id}")

    def file(self, run_id, name):
        return FolderStore(self.root).file_path(RunPath("ann", "p", run_id), name)

    def model(self, name):
        """The only file of the newest version of a model, brought beside the store."""
        return runlake.Api(str(self.root)).artifact(f"ann/p/{name}", type="model").file(self.root.parent / "fetched")

    def rows(self, run_id):
        """Each row without its times."""
        hidden = ("_timestamp", "_runtime")
        return [{k: v for k, v in row.items() if k not in hidden} for row in self.run(run_id).scan_history()]

    def artifact(self, name):
        return runlake.Api(str(self.root)).artifact(f"ann/p/{name}")

    def files(self, run_id):
        known = ("config.yaml", "wandb-", "requirements.txt", "output.log")
        return sorted(file.name for file in self.run(run_id).files() if not file.name.startswith(known))


@pytest.fixture(name="wait_until")
def _wait_until():
    """Waits for what a thread brings about."""
    return wait_until
