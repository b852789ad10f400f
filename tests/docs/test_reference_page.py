"""The reference of the Python names is what the docstrings say now."""

import re
import runpy
from pathlib import Path

import runlake

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "python.md").read_text("utf-8")


def test_the_page_is_not_stale():
    fresh = runpy.run_path(str(DOCS / "generate_reference.py"))["render"]()
    assert fresh == PAGE, "the docstrings have changed: run `make docs`"


def test_every_public_name_is_on_the_page():
    assert [name for name in runlake.__all__ if f"`runlake.{name}`" not in PAGE] == []


def test_nothing_of_the_machine_that_made_the_page_is_on_it():
    assert re.findall(r"0x[0-9a-f]{6,}|<function|/home/|/tmp/", PAGE) == []
