"""A project of two finished runs and one of a sweep, made once, and copied for each example that reads or edits it."""

import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import training_script

import warm
from runlake.model import RunPath, WriterBatch, WriterStart
from runlake.service.local.service import LocalService
from runlake.sweep_model import SweepStart
from waiting import wait_for_captures

pytest.register_assert_rewrite("example_checks")


def environment_with(store):
    """The variables for a process in another folder; a relative path to this checkout still names it there."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    variables = {"PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(store), "RUNLAKE_SEAL": "off"}
    return {**os.environ, **variables}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a store that holds both runs, and the sweep."""
    home = tmp_path_factory.mktemp("trained")
    store = home / "store"
    for path, arguments in training_script.ARGUMENTS.items():
        folder = home / path.replace("/", "-")
        folder.mkdir()
        done = warm.run(
            [sys.executable, training_script.__file__, *arguments],
            cwd=folder,
            env=environment_with(store),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "trained" in done.stdout
    wait_for_captures(store)
    search(store)
    return store


def search(store):
    """A sweep whose runs have ended, each with its own model."""
    entity, project, sweep_id = training_script.SWEEP.split("/")
    service = LocalService(store, default_entity=entity)
    config = {
        "method": "random",
        "metric": {"name": "val_acc", "goal": "maximize"},
        "parameters": {"lr": {"min": 0.0, "max": 1.0}},
    }
    service.create_sweep(entity, project, SweepStart(config=config, sweep_id=sweep_id))
    for name, val_acc in training_script.SWEEP_RUNS.items():
        path = RunPath(entity, project, f"run-{name}")
        begun = service.begin_writer(path, WriterStart(name=name, sweep=sweep_id, config={"lr": 0.1}))
        summary = {} if val_acc is None else {"val_acc": val_acc}
        service.put_file(path, training_script.MODEL_NAME, io.BytesIO(name.encode()))
        service.write_batch(path, begun.writer, WriterBatch(summary=summary, exit_code=0))
    service.close()


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
