"""One page of one tracker, opened in Chromium, in a process of its own.

``python -m benchmarks.page_beside_case TRACKER PYTHON FOLDER RUN_COUNT``: the tracker's own server shows the runs that
``peer_scripts/page_fill.py`` made in FOLDER, and its page is opened at the address where their chart is, each time in a
new tab with an empty cache. The clock is the browser's, from the navigation to the last thing that was drawn or put in
its document before 0.7 seconds of quiet, with an element there that is a chart; 0.2 of Trackio's page, which draws all
anew each second. What a worker draws on a canvas of its own is not seen, so of TensorBoard it is when its last answer
came.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.bench import HERE, BenchmarkError
from benchmarks.browser import browsing

QUIET = HERE / "quiet.js"
QUIET_MS, SHORT_QUIET_MS, PATIENCE_MS, START_S = 700, 200, 60_000, 60
ROUNDS = 4


@dataclass(frozen=True)
class Page:
    """How a tracker's server is started at a port, where its chart of all runs is, and what of the page is a chart.

    Words may hold ``{bin}``, ``{python}``, ``{folder}`` and ``{port}``; `route` is asked for what stands behind the
    server's address.
    """

    command: tuple[str, ...]
    route: Callable[[str, Path, int], str]
    chart: str
    quiet_ms: int = QUIET_MS
    is_by_answers: bool = False


def runlake_route(_: str, folder: Path, __: int) -> str:
    """The panels of the project, whoever it was that logged."""
    (project,) = (folder / "store").glob("*/benchmark")
    return f"#/{project.parent.name}/benchmark?t=panels"


def mlflow_route(address: str, _: Path, run_count: int) -> str:
    """Of one run its page of metrics, of several the charts beside the list of runs."""
    if run_count > 1:
        return "#/experiments/1/runs?compareRunsMode=CHART"
    asked = json.dumps({"experiment_ids": ["1"]}).encode()
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/runs/search", asked, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        run_id = json.load(answer)["runs"][0]["info"]["run_id"]
    return f"#/experiments/1/runs/{run_id}/model-metrics"


def aim_route(_: str, folder: Path, run_count: int) -> str:
    """Of one run its page of metrics."""
    if run_count > 1:
        raise BenchmarkError("its page of several runs begins empty: a hand must choose metrics first")
    (run,) = (folder / ".aim" / "meta" / "chunks").iterdir()
    return f"runs/{run.name}/metrics"


PAGES = {
    "runlake": Page(
        ("{python}", "-m", "runlake", "ui", "{folder}/store", "--no-open", "--port", "{port}"),
        runlake_route,
        ".panel .chart-lines",
    ),
    "tensorboardx": Page(
        ("{bin}/tensorboard", "--logdir", "{folder}/runs", "--host", "127.0.0.1", "--port", "{port}"),
        lambda *_: "#timeseries",
        "line-chart canvas, line-chart svg path",
        is_by_answers=True,
    ),
    "mlflow": Page(
        (
            *("{bin}/mlflow", "server", "--backend-store-uri", "sqlite:///{folder}/mlflow.db"),
            *("--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
        ),
        mlflow_route,
        ".js-plotly-plot .main-svg:has(.scatterlayer .trace path)",
    ),
    "trackio": Page(
        (
            *("{python}", "-c"),
            "import trackio; trackio.show(project='benchmark', open_browser=False, block_thread=True)",
        ),
        lambda *_: "?project=benchmark",
        "canvas.marks",
        quiet_ms=SHORT_QUIET_MS,
    ),
    "aim": Page(
        ("{bin}/aim", "up", "--repo", "{folder}", "--host", "127.0.0.1", "--port", "{port}"),
        aim_route,
        "svg.Visualization",
    ),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(page: Page, python: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """The server's address, and the first line that it printed: where our own lets in."""
    port = free_port()
    named = {"bin": python.parent, "python": python, "folder": folder, "port": port}
    command = [word.format(**named) if "{" in word else word for word in page.command]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "RUNLAKE_SILENT": "true"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_S
        while not answers(address):
            if process.poll() is not None or time.monotonic() > end:
                raise BenchmarkError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.2)
        yield address, log.read_text(errors="replace").partition("\n")[0]
    finally:
        # Some servers leave their workers behind when they are ended.
        workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        process.wait()
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def opened(browser: Any, url: str, page: Page, kept: Any) -> dict[str, float]:
    """One look at the page from a new tab."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=kept)
    context.add_init_script(path=QUIET)
    tab = context.new_page()
    asked: list[str] = []
    sent_bytes: list[float] = []
    tab.on("request", lambda request: asked.append(request.url))
    devtools = context.new_cdp_session(tab)
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda event: sent_bytes.append(event["encodedDataLength"]))
    try:
        tab.goto(url, wait_until="commit")
        ask = "words => window.quiet.chart(...words)"
        ms = tab.evaluate(ask, [page.chart, page.quiet_ms, PATIENCE_MS, page.is_by_answers])
    finally:
        context.close()
    own = urlsplit(url).netloc
    foreign = {urlsplit(each).netloc for each in asked if each.startswith("http")} - {own}
    return {"ms": float(ms), "kb": sum(sent_bytes) / 1e3, "foreign": sum(urlsplit(u).netloc in foreign for u in asked)}


def main() -> int:
    name, python, folder, run_count = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    page = PAGES[name]
    with serving(page, python, folder) as (address, first_line), browsing() as browser:
        kept = None
        if "#token=" in first_line:
            context = browser.new_context()
            context.new_page().goto(first_line)
            context.pages[0].get_by_role("heading", name="Projects").wait_for()
            kept = context.storage_state()
            context.close()
        url = f"{address}/{page.route(address, folder, run_count)}"
        looks = [opened(browser, url, page, kept) for _ in range(ROUNDS)]
    print(json.dumps({what: statistics.median(look[what] for look in looks[1:]) for what in looks[0]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
