"""The page in a real browser, over a real `runlake ui`. Where there is no Chromium, or no page, the tests say so."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import runlake

PAGE = Path(runlake.__file__).parent / "page" / "index.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a screen."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-page does it")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    if not PAGE.is_file():
        pytest.skip("the page is not built: make page")
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers do not give.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Served:
    """A running `runlake ui`, the address that lets in once, and what the browser keeps that came in by it."""

    process: subprocess.Popen[str]
    entry: str
    kept: Any = None

    @property
    def address(self) -> str:
        return self.entry.partition("#")[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@contextlib.contextmanager
def serving(store: Path, *options: str) -> Iterator[Served]:
    """`runlake ui` over a store, until the end; at a port that no other test begins at when this one is done."""
    command = [sys.executable, "-m", "runlake", "ui", str(store), "--no-open", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "RUNLAKE_SILENT": "true"})
    assert process.stdout is not None
    served = Served(process, process.stdout.readline().strip())
    try:
        yield served
    finally:
        served.stop()
        process.stdout.close()


@dataclass
class Look:
    """A tab of the browser, and all that went wrong in it."""

    page: Any
    address: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def go(self, route: str) -> None:
        """Go to a route of the page, as ``#/ada/vision``."""
        self.page.goto(self.address + route)

    def expects(self, fault: str) -> None:
        """Say that something with these words will go wrong, and may."""
        self.expected.append(fault)

    def waits_for(self, text: str) -> Any:
        """What has this text, as soon as it is in sight."""
        found = self.page.get_by_text(text).filter(visible=True).first
        found.wait_for()
        return found

    def check(self) -> None:
        assert [fault for fault in self.faults if not any(words in fault for words in self.expected)] == []


@pytest.fixture
def looking(browser: Any) -> Iterator[Callable[..., Look]]:
    """Opens a tab on a served store, signed in. At the end nothing may have gone wrong in any of them."""
    with contextlib.ExitStack() as stack:
        looks: list[Look] = []

        def look(
            served: Served, *, width: int = 1440, height: int = 900, heading: str = "Projects", **options: Any
        ) -> Look:
            context = browser.new_context(
                viewport={"width": width, "height": height}, storage_state=served.kept, **options
            )
            stack.callback(context.close)
            tab = context.new_page()
            tab.set_default_timeout(60_000)
            found = Look(tab, served.address)
            tab.on("pageerror", lambda error: found.faults.append(f"error: {error}"))
            tab.on("console", lambda said: said.type == "error" and found.faults.append(f"console: {said.text}"))
            tab.on("request", lambda sent: _note_foreign(found, sent.url))
            tab.goto(served.address if served.kept else served.entry)
            tab.get_by_role("heading", name=heading).wait_for()
            served.kept = served.kept or context.storage_state()
            looks.append(found)
            return found

        yield look
        for one in looks:
            one.check()


def _note_foreign(look: Look, url: str) -> None:
    if not url.startswith((look.address, "data:", "blob:", "about:")):
        look.faults.append(f"asked another host: {url}")
