"""The page that is served, in a frame of a notebook: of whom it was told that they may, and of nobody else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.page.conftest import Served, serving
from tests.page.stores import loss_rows, train

import runlake
from runlake.errors import BadValueError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def notebook(folder: Path) -> Iterator[int]:
    """A web server of somebody else on this machine; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    train(tmp_path / "store", "one", [*loss_rows(5), {"told": runlake.Html("<p>a page that was logged</p>")}], lr=0.5)
    train(tmp_path / "store", "two", loss_rows(5), lr=0.1)
    return tmp_path / "store"


def port_of(served: Served) -> int:
    return int(served.address.rstrip("/").rpartition(":")[2])


def shown(store: Path, folder: Path, address: str, *, one: bool = False) -> None:
    """Write the page of a notebook whose cell ends with `show(live=…)`."""
    with runlake.Api(store) as api:
        runs = api.runs("ada/vision", {"config.lr": {"$gt": 0.2}})
        view = runs[0].show(live=address) if one else runs.show(live=address)
    (folder / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{view._repr_html_()}")


@pytest.fixture
def signed_in(browser: Any, store: Path, tmp_path: Path) -> Iterator[tuple[Any, Served, int]]:
    """A tab that opened the printed address, the page that is served, and the port of the notebook that may have it."""
    with notebook(tmp_path) as port, serving(store, "--embed-from", f"http://127.0.0.1:{port}") as served:
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        tab = context.new_page()
        tab.goto(served.entry)
        tab.get_by_role("heading", name="Projects").wait_for()
        yield tab, served, port
        context.close()


def test_a_notebook_that_may_shows_the_page_as_it_is_now(
    signed_in: tuple[Any, Served, int], store: Path, tmp_path: Path
) -> None:
    tab, served, port = signed_in
    shown(store, tmp_path, served.address)
    tab.goto(f"http://127.0.0.1:{port}/notebook.html")
    frame = tab.frame_locator("iframe")
    frame.get_by_role("img", name="train/loss by step, 1 line").wait_for()
    train(store, "three", loss_rows(5), lr=0.3)
    frame.get_by_role("button", name="1 new run").click()
    frame.get_by_role("img", name="train/loss by step, 2 lines").wait_for()


def test_what_a_run_logged_as_a_page_is_shown_there_too(
    signed_in: tuple[Any, Served, int], store: Path, tmp_path: Path
) -> None:
    tab, served, port = signed_in
    shown(store, tmp_path, served.address, one=True)
    tab.goto(f"http://127.0.0.1:{port}/notebook.html")
    frame = tab.frame_locator("iframe")
    frame.get_by_role("tab", name="Media").click()
    frame.frame_locator("iframe").get_by_text("a page that was logged").wait_for()


def test_pages_that_were_not_named_have_no_frame_of_it(
    signed_in: tuple[Any, Served, int], store: Path, tmp_path: Path
) -> None:
    tab, served, _ = signed_in
    shown(store, tmp_path, served.address)
    with notebook(tmp_path) as other, tab.expect_event("console", lambda said: "frame-ancestors" in said.text):
        tab.goto(f"http://127.0.0.1:{other}/notebook.html")


def test_a_page_of_another_site_has_a_frame_in_which_nobody_is_signed_in(
    signed_in: tuple[Any, Served, int], browser: Any, store: Path, tmp_path: Path
) -> None:
    tab, _, port = signed_in
    with serving(store, "--embed-from", f"http://localhost:{port}") as served:
        tab.goto(served.entry)
        tab.get_by_role("heading", name="Projects").wait_for()
        shown(store, tmp_path, served.address)
        tab.goto(f"http://localhost:{port}/notebook.html")
        frame = tab.frame_locator("iframe")
        frame.get_by_text("prints an address that ends with a token").wait_for()
        assert frame.locator(".chart").count() == 0


def test_an_address_that_lets_somebody_in_is_not_kept_in_a_notebook(store: Path) -> None:
    with runlake.Api(store) as api:
        run = api.runs("ada/vision")[0]
        with pytest.raises(BadValueError, match="leave it out here"):
            run.show(live="http://127.0.0.1:8090/#token=abc")
        with pytest.raises(BadValueError, match=r"no address of a page; name the one of runlake ui"):
            run.show(live=True)
        url = f"http://127.0.0.1:8090/lake/#/ada/vision/runs/{run.id}"
        assert run.show(live="http://127.0.0.1:8090/lake").url == url
