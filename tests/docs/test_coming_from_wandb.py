"""Each example of the page "Coming from W&B" is run as it stands."""

from pages import make_desk, run_python, texts

PAGE = "docs/guide/coming-from-wandb.md"


def test_the_page_prints_what_it_says(tmp_path):
    desk = make_desk(tmp_path)
    (desk / "weights.pt").write_bytes(b"weights")
    models, artifacts = (text for text in texts(PAGE, "python") if "print(" in text)
    printed = [run_python(models, desk), run_python(artifacts, desk)]
    assert printed == texts(PAGE, "text")
