"""The example of the page "Coming from W&B" is run as it stands."""

from pages import make_desk, run_python, texts

PAGE = "docs/guide/coming-from-wandb.md"


def test_the_page_prints_what_it_says(tmp_path):
    desk = make_desk(tmp_path)
    (desk / "weights.pt").write_bytes(b"weights")
    (code,) = (text for text in texts(PAGE, "python") if "print(" in text)
    assert [run_python(code, desk)] == texts(PAGE, "text")
