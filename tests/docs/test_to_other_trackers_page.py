"""The commands of the page about other trackers print what it says."""

import re

from pages import make_desk, run_command, run_python, texts

PAGE = "docs/guide/to-other-trackers.md"
TWO_RUNS = """
import runlake

for seed in range(2):
    settings = {"silent": True, "disable_system": True, "console": "off"}
    with runlake.init(project="digits", id=f"r{seed}", config={"seed": seed}, settings=settings) as run:
        for step in range(20):
            run.log({"loss": 1 / (step + 1), "seen": step})
"""


def without_files(text):
    """How many files a run keeps of where it ran depends on where that is."""
    text = re.sub(r"\d+ files?", "FILES", text)
    return sorted(re.sub(r"^(ann/\S+ +\d+) +\d+", r"\1", line) for line in text.splitlines())


def test_every_block_of_the_page_runs_and_says_what_is_printed_there(tmp_path):
    desk = make_desk(tmp_path)
    run_python(TWO_RUNS, desk)
    said = "".join(texts(PAGE, "console"))
    printed = "".join(f"$ {line}\n{run_command(line, desk)}" for line in re.findall(r"^\$ (.*)$", said, re.MULTILINE))
    assert without_files(printed) == without_files(said)
