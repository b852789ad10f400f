"""The examples of data export as they are written, with the official client: over runs that it wrote itself, and over
runs that our own library wrote into the store before there was a server."""

import shutil
from pathlib import Path

import pytest
import training_script
from example_checks import Outcome, check, fill_in, run_example
from seed_examples import SEED_EXAMPLES, SWEEP_EXAMPLES
from training_script import ARGUMENTS, RUN_A, RUN_B

EXAMPLES = [name for name in SEED_EXAMPLES if name not in SWEEP_EXAMPLES]
EDITS = ("correct-a-result", "set-several-results", "change-a-setting")
PREAMBLE = """\
import json

import numpy as np

import wandb

numpy_array = np.array([0.1, 0.4, 0.4, 0.8])
cols = ["accuracy", "Loss"]
val = 0.95
summary = wandb.Api().run("<entity>/<project>/<run_id>").summary
"""


@pytest.fixture(scope="module")
def trained(seat):
    """The project of the runs that the official client wrote through the server."""
    code = Path(training_script.__file__).read_text("utf-8").replace("import runlake as wandb", "import wandb")
    for arguments in ARGUMENTS.values():
        done = seat.run_code(code, *arguments, name="training_script.py")
        assert done.printed == "trained\n"
    return "ada/cifar"


@pytest.mark.parametrize("written_by", ["the official client", pytest.param("our own library", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_as_written(seat, name, written_by, request, tmp_path, monkeypatch):
    project = request.getfixturevalue("trained") if written_by == "the official client" else "ada/before"
    if name in EDITS:
        project = copy_project(seat.store, project, f"{Path(project).name}-{name}")
    runs = [f"{project}/{run.rpartition('/')[2]}" for run in (RUN_A, RUN_B)]
    code = fill_in(PREAMBLE, *runs) + fill_in(SEED_EXAMPLES[name], *runs)
    folder, scripts = tmp_path / "empty", tmp_path / "scripts"
    folder.mkdir()
    scripts.mkdir()
    environment = seat.environment(tmp_path)
    found = run_example(name, code, [str(seat.python)], environment=environment, folder=folder, scripts=scripts)
    monkeypatch.chdir(folder)
    check(name, Outcome(*found, *map(seat.api.run, runs), is_official=True))


def copy_project(store, project, name):
    """Another project with the same runs, so that editing them concerns nobody else."""
    entity = Path(project).parent.name
    shutil.copytree(store / project, store / entity / name)
    return f"{entity}/{name}"
