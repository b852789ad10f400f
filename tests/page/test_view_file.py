"""What `runlake view` makes, opened from the disk in a browser: all of it is there, and nothing is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.page.stores import HOSTILE, ODD_KEY, loss_rows, train

from runlake.service.open import open_service
from runlake.view_model import ViewPath, ViewPut

BREAKS_OUT = "</script><script>document.title = 'broken out'</script><!-- <script>"
Opening = Callable[[Path], Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("view") / "store"
    spike = loss_rows(20_000)
    spike[7_777] = {"train/loss": 1_000.0, "train/accuracy": 0.0}
    train(store, "falls", loss_rows(400), lr=0.1, opt={"name": "sgd"})
    train(store, "spike", spike, lr=0.01, opt={"name": "adam"})
    train(store, HOSTILE + BREAKS_OUT, [{ODD_KEY + BREAKS_OUT: 1.0}] * 3, note=BREAKS_OUT)
    return store


@pytest.fixture
def opening(browser: Any) -> Iterator[Opening]:
    """Opens a file from the disk; at the end nothing may have gone wrong, and nothing but the file been asked for."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    faults: list[str] = []
    tab = context.new_page()
    tab.on("pageerror", lambda error: faults.append(f"error: {error}"))
    tab.on("console", lambda said: said.type == "error" and faults.append(f"console: {said.text}"))
    asked: list[str] = []
    tab.on("request", lambda sent: asked.append(sent.url))

    def open_file(path: Path) -> Any:
        tab.goto(path.as_uri())
        return tab

    yield open_file
    context.close()
    assert faults == []
    assert [url for url in asked if not url.startswith("file:") or not url.endswith(".html")] == []


def make(store: Path, view: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runlake", "--dir", str(store), "view", view, "-o", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_shows_the_table_and_draws_the_charts(store: Path, tmp_path: Path, opening: Opening) -> None:
    out = tmp_path / "report.html"
    made = make(store, "ada/vision", out)
    assert (made.returncode, made.stdout) == (0, "")
    assert "3 runs, 3 charts" in made.stderr
    tab = opening(out)
    tab.get_by_text("2 of 3 runs, 1 without this key").first.wait_for()
    assert tab.locator(".table-body .line").count() == 3
    drawn = (
        tab.locator(".chart-lines")
        .nth(1)
        .evaluate(
            "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 8"
        )
    )
    assert drawn


def test_what_was_logged_ends_no_element_and_runs_nothing(store: Path, tmp_path: Path, opening: Opening) -> None:
    out = tmp_path / "report.html"
    make(store, "ada/vision", out)
    text = out.read_text()
    assert text.count("</script>") == text.count("<script")
    tab = opening(out)
    tab.locator(".table-body .line").first.wait_for()
    assert "onerror=alert(1)" in tab.locator(".table-body").inner_text()
    assert tab.title() == "vision · ada · runlake"


def test_a_saved_view_has_its_filter_its_panels_and_its_name(store: Path, tmp_path: Path, opening: Opening) -> None:
    smooth = {
        "all": {"smoothing": {"kind": "ema", "amount": 0.9}},
        "pinned": ["train/loss"],
        "zooms": {"x _step": [100, 200]},
    }
    spec = {
        "version": 1,
        "query": f"f=config.lr+%3E+0.05&P={json.dumps(smooth)}",
        "filters": {"config.lr": {"$gt": 0.05}},
    }
    service = open_service(str(store))
    service.put_view(
        ViewPath("ada", "vision", "high"),
        ViewPut(type="runlake-page", name="high", display_name="High rates", spec=json.dumps(spec)),
    )
    service.close()
    out = tmp_path / "high.html"
    assert make(store, "ada/vision/views/high", out).returncode == 0
    tab = opening(out)
    tab.get_by_text("High rates").first.wait_for()
    tab.get_by_text("1 run").first.wait_for()
    assert tab.locator(".table-body .line").count() == 1
    tab.get_by_role("img", name="train/loss by step, 1 line").wait_for()
    tab.get_by_text("None of these runs has it.").wait_for()
    assert tab.locator(".panel-message.is-error").all_inner_texts() == []


def test_a_view_by_groups_has_them(store: Path, tmp_path: Path, opening: Opening) -> None:
    out = tmp_path / "groups.html"
    assert make(store, "http://127.0.0.1:8090/#/ada/vision?g=config.opt.name&h=none", out).returncode == 0
    tab = opening(out)
    tab.get_by_role("img", name="train/loss by step, 2 lines").wait_for()
    assert tab.locator(".panel-message.is-error").count() == 0
    assert tab.locator(".table-body .line").count() == 3


def test_what_is_not_in_the_file_is_said_in_the_page(store: Path, tmp_path: Path, opening: Opening) -> None:
    out = tmp_path / "report.html"
    make(store, "ada/vision", out)
    tab = opening(out)
    tab.locator(".table-body .line").first.wait_for()
    tab.evaluate("location.hash = '#/ada/vision?o=name'")
    tab.get_by_text("This file does not have its runs in another order").first.wait_for()
    tab.evaluate("location.hash = '#/ada/vision/runs/x'")
    tab.get_by_role("heading", name="This file does not have that").wait_for()
