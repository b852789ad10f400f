"""The quickstart runs from top to bottom, and prints what it says."""

import re

from pages import blocks, make_desk, run_python, texts
from typer.main import get_command

from command import app

PAGE = "docs/guide/quickstart.md"


def test_the_page_prints_what_it_says(tmp_path):
    printed = run_python("\n".join(texts(PAGE, "python")), make_desk(tmp_path))
    assert printed == "".join(texts(PAGE, "text"))


def test_every_verb_it_names_is_there():
    verbs = re.findall(r"^\$ runlake (\w+)", "\n".join(texts(PAGE, "console")), re.MULTILINE)
    assert verbs
    assert set(verbs) <= set(get_command(app).commands)


def test_there_is_no_other_kind_of_block():
    assert {kind for kind, _ in blocks(PAGE)} == {"python", "text", "console"}
