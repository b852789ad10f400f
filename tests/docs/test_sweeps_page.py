"""The page about sweeps: its programs print what it says, and its file is a sweep."""

import re
from pathlib import Path

from pages import blocks, make_desk, run_command, run_python, texts
from typer.main import get_command

from command import app
from runlake.search.command import MACROS
from runlake.search.configuration import parse_sweep

PAGE = "docs/guide/sweeps.md"


def test_the_programs_print_what_the_page_says(tmp_path):
    desk = make_desk(tmp_path)
    assert [run_python(code, desk) for code in texts(PAGE, "python")] == texts(PAGE, "text")


def test_the_file_begins_a_sweep(tmp_path):
    desk = make_desk(tmp_path)
    (text,) = texts(PAGE, "yaml")
    (desk / "sweep.yaml").write_text(text)
    assert parse_sweep(text).run_cap == 30
    assert run_command("runlake sweep sweep.yaml", desk).startswith("ann/digits/")


def test_every_verb_it_names_is_there():
    verbs = re.findall(r"^\$ runlake (\w+)", "\n".join(texts(PAGE, "console")), re.MULTILINE)
    assert set(verbs) == {"sweep", "agent"} <= set(get_command(app).commands)


def test_every_macro_is_named():
    page = (Path(__file__).parents[2] / PAGE).read_text("utf-8")
    assert [name for name in MACROS if f"`${{{name}}}`" not in page] == []


def test_there_is_no_other_kind_of_block():
    assert {kind for kind, _ in blocks(PAGE)} == {"python", "text", "yaml", "console"}
