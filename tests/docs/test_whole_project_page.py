"""The commands and the code of the page about a whole project do what it says."""

import re

import pytest
from pages import make_desk, run_command, run_python, texts

PAGE = "docs/guide/whole-project.md"
TWO_RUNS = """
import runlake

for seed in range(2):
    settings = {"silent": True, "disable_system": True, "console": "off"}
    with runlake.init(project="digits", id=f"r{seed}", config={"seed": seed}, settings=settings) as run:
        for step in range(20):
            run.log({"loss": 1 / (step + 1), "seen": step})
"""


def without_sizes(text):
    return re.sub(r"\d+ files? \([^)]*\)", "FILES", text)


@pytest.mark.long
def test_every_block_of_the_page_runs_and_says_what_is_printed_there(tmp_path):
    desk = make_desk(tmp_path)
    run_python(TWO_RUNS, desk)
    said = "".join(texts(PAGE, "console"))
    printed = "".join(f"$ {line}\n{run_command(line, desk)}" for line in re.findall(r"^\$ (.*)$", said, re.MULTILINE))
    assert without_sizes(printed) == without_sizes(said)
    (code,) = texts(PAGE, "python")
    assert run_python(code, desk).startswith("0 2 {'runs': 2, 'history': 40, 'events': 0, 'console': 0, 'files': ")
