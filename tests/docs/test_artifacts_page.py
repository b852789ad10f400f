"""Each example of the page on artifacts is run as it stands."""

from pages import make_desk, run_python, texts

PAGE = "docs/guide/artifacts.md"


def test_the_page_prints_what_it_says(tmp_path):
    desk = make_desk(tmp_path)
    assert [run_python(code, desk) for code in texts(PAGE, "python")] == texts(PAGE, "text")
