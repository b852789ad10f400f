"""The page about watching runs runs from top to bottom, and prints what it says."""

from pages import make_desk, run_python, texts

PAGE = "docs/guide/live.md"


def test_the_page_prints_what_it_says(tmp_path):
    printed = run_python("\n".join(texts(PAGE, "python")), make_desk(tmp_path))
    assert printed == "".join(texts(PAGE, "text"))
