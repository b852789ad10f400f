"""Every example of data export runs as written: as our pages print it, and as an unmodified `import wandb` script.

Each runs in a process of its own, in an empty folder. Only the path of a run or a sweep is filled in, and one fixed
preamble is put before it. What the script printed, the files it wrote and the values of its variables are compared.
"""

import ast
import re
import sys
from pathlib import Path

import pytest
from example_checks import CHECKS, Outcome, check, fill_in, run_example
from seed_examples import SEED_EXAMPLES
from training_script import RUN_A, RUN_B

import runlake

PAGES = Path(__file__).parents[2] / "docs" / "guide" / "export"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = list(SEED_EXAMPLES)

PREAMBLE = """\
import json

import numpy as np

import runlake as wandb

numpy_array = np.array([0.1, 0.4, 0.4, 0.8])
cols = ["accuracy", "Loss"]
val = 0.95
summary = wandb.Api().run("<entity>/<project>/<run_id>").summary
"""


def block_of(page):
    (code,) = BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    return code


def as_wandb(code):
    return code.replace("import runlake as wandb\n", "import wandb\n")


def outcome_of(desk, name, preamble, code, starter):
    """What came of an example over the store of `desk`."""
    code = "".join(fill_in(part, RUN_A, RUN_B) for part in (preamble, code))
    places = {"environment": desk.environment, "folder": desk.folder, "scripts": desk.scripts}
    found = run_example(name, code, [sys.executable, *starter], **places)
    api = runlake.Api(str(desk.store))
    return Outcome(*found, api.run(RUN_A), api.run(RUN_B))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_runs_as_printed_with_runlake_imported_as_wandb(desk, name, monkeypatch):
    outcome = outcome_of(desk, name, block_of("README"), block_of(name), starter=[])
    monkeypatch.chdir(desk.folder)
    check(name, outcome)


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_unmodified_script_runs_through_exec(desk, name, monkeypatch):
    assert "runlake" not in as_wandb(PREAMBLE) + SEED_EXAMPLES[name]
    outcome = outcome_of(desk, name, as_wandb(PREAMBLE), SEED_EXAMPLES[name], starter=["-m", "runlake", "exec"])
    monkeypatch.chdir(desk.folder)
    assert Path(outcome.seen["wandb"]).parts[-4:] == ("compat", "wandb_package", "wandb", "__init__.py")
    check(name, outcome)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_makes_the_same_calls_as_the_example(name):
    assert ast.dump(ast.parse(as_wandb(block_of(name)))) == ast.dump(ast.parse(SEED_EXAMPLES[name]))


def test_there_is_one_page_an_example_and_each_is_in_the_index():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted([*EXAMPLES, "README"])
    assert sorted(re.findall(r"\]\((\S+)\.md\)", index)) == sorted(
        [*EXAMPLES, "../coming-from-wandb", "../whole-project"]
    )
    assert set(CHECKS) == set(EXAMPLES)


def test_the_preamble_is_the_one_that_the_index_prints():
    assert block_of("README") == PREAMBLE
