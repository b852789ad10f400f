"""One thing that somebody does in the page, timed in Chromium, in a process of its own.

``python -m benchmarks.page_in_browser_case WHAT FOLDER ROW_COUNT RUN_COUNT`` over the store that ``page_case fill``
made; what has run once is loaded before the clock starts, and the clock is the browser's, from the hand's event to the
end of the frame that shows all of it. WHAT is

- ``first``, ``first-live``: a run is clicked at, and its chart is there;
- ``many``, ``many-warm``, ``zoom``: a project of long runs is clicked at; again; a hundredth of x is dragged over;
- ``wide``, ``wide-scroll``: 24 panels; a frame while they are scrolled;
- ``table``, ``table-scroll``: a project of very many runs is clicked at; a frame while its table is scrolled;
- ``search``: a key is pressed in the search for panels;
- ``follow``: 20 live runs are followed, ROW_COUNT is for how many seconds;
- ``hosts``: requests of all views, to other hosts and in all;
- ``nothing``, ``white-scroll``: the limits beside them.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import store_folder
from benchmarks.browser import Served, browsing, serving, tab
from benchmarks.page_case import ENTITY, KEYS, LIVE, LONG, MANY_KEYS, STARTED_AT_S, WIDE, opened
from benchmarks.run_store import fill_project
from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from runlake.store.store_format import create_store

TABLE = "table"
ROUNDS, COLD_ROUNDS, LIVE_COUNT = 7, 3, 3
POINTS_A_LINE = 200
FOLLOWED_COUNT, ROWS_PER_S, WARM_UP_S = 20, 10, 8.0
SCROLL_PX, SCROLL_MS = 25, 2500
ALL_IN_SIGHT = {"width": 2400, "height": 1700}

Answer = dict[str, float]


@dataclass(frozen=True)
class Case:
    """What a case is handed."""

    browser: Any
    folder: Path
    row_count: int
    run_count: int

    @property
    def store(self) -> Path:
        return store_folder(self.folder)


def project_link(page: Any, project: str) -> Any:
    return page.locator(f".projects-name a[href='#/{ENTITY}/{project}']")


def panels_ms(page: Any, panel_count: int, point_count: int) -> float:
    """When so many panels have so many points each."""
    return float(page.evaluate("([panels, points]) => drawn.panels(panels, points)", [panel_count, point_count]))


def go(page: Any, route: str) -> None:
    """To a route of the page; the clock starts."""
    page.evaluate("route => { drawn.begin(); location.hash = route; }", route)


def click_runs(page: Any, project: str, count: int) -> list[float]:
    """Click at one run after another in the table of a project, until each one's chart is there."""
    found = []
    for number in range(count):
        go(page, f"#/{ENTITY}/{project}?t=table")
        link = page.locator(f".line-name[href='#/{ENTITY}/{project}/runs/r{number:02}']")
        link.click()
        found.append(panels_ms(page, 1, POINTS_A_LINE))
    return found


def first(case: Case) -> Answer:
    count = min(ROUNDS + 1, case.run_count)
    with serving(case.store) as served, tab(case.browser, served) as page:
        return {"ms": statistics.median(click_runs(page, LONG, count)[1:])}


def first_live(case: Case) -> Answer:
    """Each is clicked at for the first time, after all its rows were written; and then from a new tab."""
    layout = FolderStore(case.store)
    create_store(layout)
    run = opened(layout, LIVE, case.row_count, KEYS[:1])
    one = layout.run_dir(run.path)
    for number in range(1, LIVE_COUNT + 1):
        shutil.copytree(one, layout.run_dir(RunPath(ENTITY, LIVE, f"r{number:02}")))
    found = []
    with serving(case.store) as served:
        for _ in range(2):
            with tab(case.browser, served) as page:
                found.append(statistics.median(click_runs(page, LIVE, LIVE_COUNT + 1)[1:]))
    return {"ms": found[0], "again_ms": found[1]}


def open_long(case: Case, page: Any) -> float:
    project_link(page, LONG).click()
    return panels_ms(page, 1, case.run_count * POINTS_A_LINE)


def many(case: Case) -> Answer:
    """Each time with a new server and a new tab; what the disk has, it has in memory."""
    found = []
    for _ in range(COLD_ROUNDS):
        with serving(case.store) as served, tab(case.browser, served) as page:
            found.append(open_long(case, page))
    return {"ms": statistics.median(found)}


def many_warm(case: Case) -> Answer:
    """The same server, a new tab."""
    found = []
    with serving(case.store) as served:
        for _ in range(ROUNDS):
            with tab(case.browser, served) as page:
                found.append(open_long(case, page))
    return {"ms": statistics.median(found[1:])}


def zoom(case: Case) -> Answer:
    """Parts of x that nobody asked for before, each drawn with every row."""
    found = []
    with serving(case.store) as served:
        for number in range(ROUNDS):
            with tab(case.browser, served) as page:
                open_long(case, page)
                page.evaluate(f'location.hash = \'#/{ENTITY}/{LONG}?t=panels&P={{"size":"large"}}\'')
                page.wait_for_function("() => document.querySelector('.panel canvas').clientWidth > 600")
                panels_ms(page, 1, case.run_count * POINTS_A_LINE)
                box = page.locator(".panel canvas").last.bounding_box()
                x, y = box["x"] + box["width"] * (0.3 + 0.05 * number), box["y"] + box["height"] / 2
                page.mouse.move(x, y)
                page.mouse.down()
                page.mouse.move(x + box["width"] / 100 + 2, y)
                page.mouse.up()
                found.append(panels_ms(page, 1, case.run_count * POINTS_A_LINE))
    return {"ms": statistics.median(found[1:])}


def wide(case: Case) -> Answer:
    """All in sight of a large screen; each time a new server and a new tab."""
    found = []
    for _ in range(COLD_ROUNDS):
        with serving(case.store) as served, tab(case.browser, served, **ALL_IN_SIGHT) as page:
            go(page, f'#/{ENTITY}/{WIDE}?t=panels&P={{"size":"small"}}')
            found.append(panels_ms(page, len(KEYS), case.run_count * POINTS_A_LINE // 2))
    return {"ms": statistics.median(found)}


def wide_scroll(case: Case) -> Answer:
    with serving(case.store) as served, tab(case.browser, served) as page:
        go(page, f"#/{ENTITY}/{WIDE}?t=panels")
        panels_ms(page, 1, case.run_count * POINTS_A_LINE // 2)
        return {"ms": scroll_ms(page, ".panel")}


def scroll_ms(page: Any, selector: str | None) -> float:
    """The mean time of a frame, after all was scrolled over once."""
    scroll = "([selector, pixels, ms]) => drawn.scroll(selector, pixels, ms)"
    page.evaluate(scroll, [selector, SCROLL_PX, SCROLL_MS])
    return float(page.evaluate(scroll, [selector, SCROLL_PX, SCROLL_MS]))


@contextlib.contextmanager
def table_served(case: Case) -> Iterator[Served]:
    if not (case.store / ENTITY / TABLE).exists():
        fill_project(case.store, ENTITY, TABLE, case.row_count)
    with serving(case.store) as served:
        yield served


def open_table(page: Any) -> float:
    go(page, f"#/{ENTITY}/{TABLE}?t=table")
    return float(page.evaluate("drawn.rows('.table-body .line', 20)"))


def table(case: Case) -> Answer:
    """The same server, a new tab."""
    found = []
    with table_served(case) as served:
        for _ in range(ROUNDS):
            with tab(case.browser, served) as page:
                found.append(open_table(page))
    return {"ms": statistics.median(found[1:])}


def table_scroll(case: Case) -> Answer:
    with table_served(case) as served, tab(case.browser, served) as page:
        open_table(page)
        return {"ms": scroll_ms(page, ".table-body .line")}


def search(case: Case) -> Answer:
    found = []
    with serving(case.store) as served, tab(case.browser, served) as page:
        go(page, f"#/{ENTITY}/{MANY_KEYS}?t=panels")
        page.get_by_text("100,000 keys").wait_for()
        page.get_by_label("Search panels").focus()
        for letter in ("9", "9", "/", "Backspace", "Backspace", "Backspace"):
            before = page.locator(".panels-found").inner_text()
            page.keyboard.press(letter)
            found.append(page.evaluate("before => drawn.text('.panels-found', before)", before))
    return {"ms": statistics.median(found)}


def nothing(case: Case) -> Answer:
    with serving(case.store) as served, tab(case.browser, served) as page:
        return {"ms": statistics.median(page.evaluate("drawn.nothing()") for _ in range(3 * ROUNDS))}


def white_scroll(case: Case) -> Answer:
    with serving(case.store) as served, tab(case.browser, served) as page:
        return {"ms": scroll_ms(page, None)}


def follow(case: Case) -> Answer:
    """What the server and the tab use of a core, and the tab's memory in MB, at the begin and at the end."""
    command = [sys.executable, "-m", "benchmarks.page_in_browser_case", "write", str(case.folder), "0", "0"]
    writer = subprocess.Popen(command)
    try:
        while not (case.store / ENTITY / LIVE).exists():
            time.sleep(0.1)
        with serving(case.store) as served, tab(case.browser, served) as page:
            go(page, f'#/{ENTITY}/{LIVE}?P={{"isFollowing":true}}')
            panels_ms(page, 2, FOLLOWED_COUNT)
            page.wait_for_timeout(1000 * WARM_UP_S)
            before = sample(case.browser, page, served)
            page.wait_for_timeout(1000 * case.row_count)
            after = sample(case.browser, page, served)
    finally:
        writer.terminate()
        writer.wait()
    lasted_s = after["at_s"] - before["at_s"]
    shares = {name: 100 * (after[name] - before[name]) / lasted_s for name in ("server", "page")}
    return {**shares, "first_mb": before["mb"], "last_mb": after["mb"]}


def sample(browser: Any, page: Any, served: Served) -> Answer:
    """The tab's process is the one that has used most of all of its kind; its memory is what its scripts keep."""
    of_tab, of_all = page.context.new_cdp_session(page), browser.new_browser_cdp_session()
    of_tab.send("HeapProfiler.collectGarbage")
    heap = of_tab.send("Runtime.getHeapUsage")
    processes = of_all.send("SystemInfo.getProcessInfo")["processInfo"]
    of_tab.detach()
    of_all.detach()
    used_s = max(one["cpuTime"] for one in processes if one["type"] == "renderer")
    kept_bytes = sum(heap.get(name, 0) for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize"))
    return {"at_s": time.monotonic(), "server": served.processor_s(), "page": used_s, "mb": kept_bytes / 1e6}


def write(folder: Path) -> None:
    """Log to live runs, until this process is ended."""
    layout = FolderStore(store_folder(folder))
    create_store(layout)
    runs = [open_run(layout, RunPath(ENTITY, LIVE, f"r{number:02}"), {}) for number in range(FOLLOWED_COUNT)]
    begin = time.monotonic()
    step = 0
    while True:
        for number, run in enumerate(runs):
            row = {"loss": 1 / (step + number + 1), "accuracy": step % 100 / 100}
            run.writer.log(row, step=step, timestamp=STARTED_AT_S + step, runtime=float(step))
        step += 1
        time.sleep(max(0.0, begin + step / ROWS_PER_S - time.monotonic()))


def hosts(case: Case) -> Answer:
    run = f"#/{ENTITY}/{LONG}/runs/r00"
    tabs = [f"{run}?tab={tab}" for tab in ("overview", "config", "system", "console", "files", "media")]
    others = [f"#/{ENTITY}/{LONG}{rest}" for rest in ("", "/sweeps", "/artifacts", "/compare?runs=r00,r01")]
    asked: list[str] = []
    with serving(case.store) as served, tab(case.browser, served) as page:
        page.on("request", lambda sent: asked.append(sent.url))
        for route in ("#/", *others, run, *tabs):
            page.goto(served.address + route)
            page.wait_for_timeout(500)
        own = (served.address, "data:", "blob:", "about:")
        return {"foreign": sum(not url.startswith(own) for url in asked), "all": len(asked)}


CASES: dict[str, Callable[[Case], Answer]] = {
    "first": first,
    "first-live": first_live,
    "many": many,
    "many-warm": many_warm,
    "zoom": zoom,
    "wide": wide,
    "wide-scroll": wide_scroll,
    "table": table,
    "table-scroll": table_scroll,
    "search": search,
    "follow": follow,
    "hosts": hosts,
    "nothing": nothing,
    "white-scroll": white_scroll,
}


def main() -> int:
    what, folder, row_count, run_count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    if what == "write":
        write(folder)
    with browsing() as browser:
        answer = CASES[what](Case(browser, folder, row_count, run_count))
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
