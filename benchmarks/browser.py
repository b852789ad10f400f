"""Chromium on `runlake ui`, for as long as something is measured or pictured."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import runlake
from benchmarks.bench import HERE, BenchmarkError

PAGE = Path(runlake.__file__).parent / "page" / "index.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
DRAWN = HERE / "drawn.js"
PATIENCE_MS = 60_000


def chromium() -> str:
    """The program; BenchmarkError says what is missing, of it or of what it needs."""
    if importlib.util.find_spec("playwright") is None:
        raise BenchmarkError("playwright is not installed here; run: make .venv/browser.done")
    if not PAGE.is_file():
        raise BenchmarkError("the page is not built here; run: make page")
    for name in NAMES:
        if program := shutil.which(name):
            return program
    raise BenchmarkError("there is no Chromium here; on Debian: apt-get install chromium")


@dataclass
class Served:
    """A `runlake ui` that runs, and what the browser keeps that came in by its address."""

    process: psutil.Process
    address: str
    entry: str
    kept: Any = None

    def processor_s(self) -> float:
        """What the server has used of processors so far."""
        processes = (self.process, *self.process.children(recursive=True))
        return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextlib.contextmanager
def serving(store: Path) -> Iterator[Served]:
    """`runlake ui` over a store, until the end."""
    command = [sys.executable, "-m", "runlake", "ui", str(store), "--no-open", "--port", "0"]
    environment = {**os.environ, "RUNLAKE_SILENT": "true"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        entry = process.stdout.readline().strip()
        if not entry.startswith("http"):
            raise BenchmarkError(f"{' '.join(command)} did not start")
        try:
            yield Served(psutil.Process(process.pid), entry.partition("#")[0], entry)
        finally:
            process.terminate()


@contextlib.contextmanager
def browsing() -> Iterator[Any]:
    """Chromium without a screen, as playwright knows it."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers do not give.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def tab(browser: Any, served: Served, *, width: int = 1440, height: int = 900, **options: Any) -> Iterator[Any]:
    """A new tab on the list of projects, signed in, with nothing kept from others."""
    context = browser.new_context(viewport={"width": width, "height": height}, storage_state=served.kept, **options)
    context.add_init_script(path=DRAWN)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(served.address if served.kept else served.entry)
    page.get_by_role("heading", name="Projects").wait_for()
    served.kept = served.kept or context.storage_state()
    try:
        yield page
    finally:
        context.close()
