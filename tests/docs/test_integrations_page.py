"""The examples of the page about integrations print what it says; those that need other libraries, where they are."""

import pytest
from pages import ROOT, make_desk, run_python, texts

PAGE = "docs/guide/integrations.md"


def example(library):
    """The block that imports from a library, and what the page says that it prints."""
    codes = [code for code in texts(PAGE, "python") if "print(" in code]
    (place,) = (index for index, code in enumerate(codes) if f"from {library}" in code)
    return codes[place], texts(PAGE, "text")[place]


def test_the_plots_of_scikit_learn(tmp_path):
    code, printed = example("sklearn")
    assert run_python(code, make_desk(tmp_path)) == printed


@pytest.mark.integration
def test_event_files_of_tensorboard(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("tensorboard")
    code, printed = example("torch")
    assert run_python(code, make_desk(tmp_path)) == printed


def test_every_module_of_the_page_is_there():
    lines = (ROOT / PAGE).read_text("utf-8").splitlines()
    named = {line.split("`")[1] for line in lines if line.startswith("| `")}
    there = {path.stem for path in (ROOT / "src" / "runlake" / "integrations").iterdir()}
    assert named == there - {"__init__", "__pycache__", "boosters", "on_import", "sklearn_data"}
