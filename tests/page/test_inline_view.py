"""Charts in a notebook: a frame that needs no server and has no rights, within a page that is not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.page.stores import HOSTILE, loss_rows, train

import runlake

SPY = "<script>window.hits = []; addEventListener('message', event => hits.push(event.data))</script>"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("inline") / "store"
    train(store, "falls", loss_rows(400), lr=0.1)
    train(store, "other", [{"apart": float(n)} for n in range(9)], lr=0.2)
    train(store, HOSTILE + "</iframe></script><script>parent.postMessage('out', '*')</script>", loss_rows(5), lr=0.3)
    return store


def within_a_page(browser: Any, shown: Any, folder: Path) -> tuple[Any, Any, list[str]]:
    """A page of somebody else with the cell's output in it; the page, its frame, and what went wrong."""
    (folder / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{SPY}{shown._repr_html_()}")
    tab = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(f"error: {error}"))
    tab.on("console", lambda said: said.type == "error" and faults.append(f"console: {said.text}"))
    tab.on("request", lambda sent: sent.url.startswith("http") and faults.append(f"asked: {sent.url}"))
    tab.goto((folder / "notebook.html").as_uri())
    return tab, tab.frame_locator("iframe"), faults


def test_runs_are_shown_as_the_page_shows_them(browser: Any, store: Path, tmp_path: Path) -> None:
    with runlake.Api(store) as api:
        shown = api.runs("ada/vision", {"config.lr": {"$ne": 0.2}}, order="-created_at").show(height_px=700)
    assert repr(shown).startswith("<the page of ada/vision, ")
    tab, frame, faults = within_a_page(browser, shown, tmp_path)
    frame.get_by_role("img", name="train/loss by step, 2 lines").wait_for()
    assert frame.locator(".table-body .line").count() == 2
    assert frame.locator(".chart").count() == 2
    frame.get_by_role("link", name="falls").first.click()
    frame.get_by_role("heading", name="This file does not have that").wait_for()
    frame.get_by_role("link", name="Back to them").click()
    frame.get_by_role("img", name="train/loss by step, 2 lines").wait_for()
    assert (tab.evaluate("hits"), faults) == ([], [])
    tab.context.close()


def test_a_run_is_shown_by_the_charts_of_what_it_logged(browser: Any, store: Path, tmp_path: Path) -> None:
    with runlake.Api(store) as api:
        (run,) = api.runs("ada/vision", {"config.lr": 0.2})
        shown = run.show()
    tab, frame, faults = within_a_page(browser, shown, tmp_path)
    frame.get_by_role("img", name="apart by step, 1 line").wait_for()
    assert frame.locator(".chart").count() == 1
    assert frame.locator(".table-body").count() == 0
    assert faults == []
    tab.context.close()
