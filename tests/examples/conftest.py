"""A project of two finished runs, made once, and copied for each example that reads or edits it."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import training_script

pytest.register_assert_rewrite("example_checks")


def environment_with(store):
    """The variables for a process in another folder; a relative path to this checkout still names it there."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    variables = {"PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(store), "RUNLAKE_SEAL": "off"}
    return {**os.environ, **variables}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a store that holds both runs."""
    home = tmp_path_factory.mktemp("trained")
    store = home / "store"
    for path, arguments in training_script.ARGUMENTS.items():
        folder = home / path.replace("/", "-")
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, training_script.__file__, *arguments],
            cwd=folder,
            env=environment_with(store),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "trained" in done.stdout
        wait_for_capture(store, path.rpartition("/")[2])
    return store


def wait_for_capture(store, run_id):
    """What a run records of its machine and packages is collected by a process that may outlive it a little."""
    (metadata,) = store.rglob(f"{run_id}/files/wandb-metadata.json")
    end = time.monotonic() + 60
    while "memory" not in json.loads(metadata.read_bytes()):
        assert time.monotonic() < end, f"{metadata} was not completed"
        time.sleep(0.02)


@dataclass
class Desk:
    """An empty folder to work in, beside a store of its own."""

    folder: Path
    store: Path
    scripts: Path

    @property
    def environment(self):
        return environment_with(self.store)


@pytest.fixture
def desk(trained, tmp_path):
    desk = Desk(tmp_path / "empty", tmp_path / "store", tmp_path / "scripts")
    desk.folder.mkdir()
    desk.scripts.mkdir()
    shutil.copytree(trained, desk.store)
    return desk
