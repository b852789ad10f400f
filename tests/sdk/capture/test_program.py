"""`save_code` keeps the script, or the notebook, and nothing is kept unasked."""

import json
import os
import sys
from pathlib import Path

import pytest

import runlake
import warm
from runlake.sdk.capture.program import keep_program
from runlake.settings import resolve

SCRIPT = "import sys, runlake\nwith runlake.init(project='p', id='r', **eval(sys.argv[1])): pass\n"


def run_script(folder, options, **environment):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(SCRIPT)
    paths = [str(Path(runlake.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    warm.run([sys.executable, str(folder / "train.py"), repr(options)], env=variables, check=True)


@pytest.mark.parametrize(
    ("folder", "options", "environment", "kept"),
    [
        ("job", {"save_code": True}, {}, "code/job/train.py"),
        ("job", {}, {"WANDB_SAVE_CODE": "true"}, "code/job/train.py"),
        ("../elsewhere", {"save_code": True}, {}, "code/train.py"),
    ],
)
def test_the_script_is_kept_when_asked_for(home, stored, folder, options, environment, kept):
    run_script(Path.cwd() / folder, options, **environment)
    assert stored.file(kept).read_text() == SCRIPT


@pytest.mark.parametrize("environment", [{}, {"WANDB_SAVE_CODE": "true", "WANDB_DISABLE_CODE": "true"}])
def test_it_is_not_kept_unasked(home, stored, environment):
    run_script(Path.cwd(), {}, **environment)
    assert not stored.file("code").exists()


class Notebook:
    """The kernel's part of IPython, with the cells that were run."""

    def __init__(self, **namespace):
        self.user_ns = {"In": ["", "x = 1", "print(x)"], **namespace}

    def get_ipython(self):
        return self


def kept(monkeypatch, **namespace):
    monkeypatch.setitem(sys.modules, "IPython", Notebook(**namespace))
    files = {}
    end = keep_program(files.__setitem__, resolve({}, os.environ, Path.cwd()), Path.cwd())
    assert files == {}
    Path("work.ipynb").write_text("as it is at the end")
    end()
    return files


def test_a_notebook_is_kept_as_it_is_when_the_run_ends(home, monkeypatch):
    expected = {"code/work.ipynb": b"as it is at the end"}
    assert kept(monkeypatch, __vsc_ipynb_file__=str(Path("work.ipynb").absolute())) == expected
    monkeypatch.setenv("WANDB_NOTEBOOK_NAME", "work")
    assert kept(monkeypatch) == expected


def test_of_an_unknown_notebook_the_cells_are_kept(home, monkeypatch):
    for name in ("RUNLAKE_NOTEBOOK_NAME", "WANDB_NOTEBOOK_NAME", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    ((name, content),) = kept(monkeypatch).items()
    assert name == "code/_session_history.ipynb"
    notebook = json.loads(content)
    assert [(cell["execution_count"], cell["source"]) for cell in notebook["cells"]] == [(1, "x = 1"), (2, "print(x)")]
