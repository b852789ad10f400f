"""What is looked at while rows come: it stays where it is, and costs what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

import runlake
from written_run import write_run

PROJECT = "#/ada/vision"
MANY_RUNS = 1_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    train(store, "old", loss_rows(50))
    with serving(store) as served:
        yield served


@pytest.fixture
def live(store: Path, served: Served) -> Iterator[Any]:
    """A run that lives, with 100 rows."""
    settings = {"silent": True, "seal": "off", "console": "off"}
    with runlake.init(store=store, entity="ada", project="vision", name="live", settings=settings) as run:
        for step in range(100):
            run.log({"loss": 1.0 + step / 100}, step=step)
        yield run


def axis(look: Look) -> str:
    """What a chart shows left of its plot, as pixels: the same as long as the axis is."""
    return str(
        look.page.locator(".panel canvas.chart-lines").first.evaluate(
            """canvas => {
              const {data} = canvas.getContext('2d').getImageData(0, 0, 24 * devicePixelRatio, canvas.height);
              return data.reduce((sum, value, i) => (sum * 31 + value * (i % 97 + 1)) % 2147483647, 7);
            }"""
        )
    )


def test_rows_that_come_move_no_axis_until_somebody_says_so(
    looking: Callable[..., Look], served: Served, live: Any
) -> None:
    look = looking(served)
    look.go(f"{PROJECT}/runs/{live.id}")
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.page.wait_for_timeout(500)
    before = axis(look)
    live.log({"loss": 1_000.0}, step=5_000)
    live.log({"loss": 1_000.0}, step=5_001)
    more = look.page.get_by_role("button", name="newer values: show")
    more.wait_for()
    assert axis(look) == before
    more.click()
    more.wait_for(state="detached")
    assert axis(look) != before


def test_a_chart_that_follows_shows_what_comes(looking: Callable[..., Look], served: Served, live: Any) -> None:
    look = looking(served)
    look.go(f"{PROJECT}/runs/{live.id}")
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.page.get_by_role("button", name="Follow").click()
    look.page.wait_for_timeout(500)
    before = axis(look)
    live.log({"loss": 1_000.0}, step=5_000)
    live.log({"loss": 1_000.0}, step=5_001)
    deadline_s = time.monotonic() + 60
    while axis(look) == before:
        assert time.monotonic() < deadline_s
        look.page.wait_for_timeout(200)
    assert look.page.get_by_role("button", name="newer values: show").count() == 0


def test_a_zoom_stays_while_rows_come(looking: Callable[..., Look], served: Served, live: Any) -> None:
    look = looking(served)
    look.go(PROJECT)
    look.page.get_by_role("searchbox", name="Search panels").fill("loss")
    chart = look.page.locator(".panel", has=look.page.locator("h3[title=loss]")).locator("canvas.chart-top")
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    chart.press("+")
    look.page.wait_for_url("**zooms**")
    address = look.page.url
    with look.page.expect_response("**/tiles"):
        live.log({"loss": -50.0}, step=9_000)
        live.log({"loss": -50.0}, step=9_001)
    look.page.wait_for_timeout(1_000)
    assert look.page.url == address


def test_new_runs_are_announced_and_the_table_stays_where_it_is(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    for number in range(60):
        write_run(store, f"ada/vision/r{number:02}", rows=[{"loss": 1.0}], at_s=number)
    look = looking(served, height=500)
    look.go(PROJECT)
    look.waits_for("61 runs")
    table = look.page.locator(".table")
    table.evaluate("table => table.scrollTo({top: 400})")
    look.page.locator(".table-body .line", has_text="r40").first.wait_for()
    place = look.page.locator(".table-body .line", has_text="r40").first.bounding_box()
    train(store, "new one", loss_rows(5))
    news = look.waits_for("1 new run: show")
    assert table.evaluate("table => table.scrollTop") == 400
    assert look.page.locator(".table-body .line", has_text="r40").first.bounding_box() == place
    news.click()
    look.page.locator(".table-body .line", has_text="new one").wait_for()
    assert table.evaluate("table => table.scrollTop") == 0


def test_following_is_explicit_and_brings_new_runs_by_itself(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look = looking(served)
    look.go(PROJECT)
    look.waits_for("1 run")
    look.page.get_by_role("button", name="Follow: new runs come in").click()
    train(store, "new one", loss_rows(5))
    look.page.locator(".table-body .line", has_text="new one").wait_for()
    look.page.get_by_role("button", name="Paused: nothing changes").click()
    train(store, "later one", loss_rows(5))
    look.waits_for("News: show").click()
    look.page.locator(".table-body .line", has_text="later one").wait_for()


def test_a_console_that_is_followed_shows_its_end_and_one_that_is_read_stays(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    with runlake.init(store=store, entity="ada", project="vision", settings={"silent": True}) as run:
        print("\n".join(f"line {number}" for number in range(300)))
        look = looking(served)
        look.go(f"{PROJECT}/runs/{run.id}?tab=console")
        look.waits_for("line 299")
        print("and more")
        look.waits_for("and more")
        lines = look.page.get_by_role("log")
        lines.hover()
        look.page.mouse.wheel(0, -900)
        look.page.get_by_label("Follow").and_(look.page.get_by_role("checkbox", checked=False)).wait_for()
        look.page.wait_for_timeout(300)
        place = lines.evaluate("lines => lines.scrollTop")
        print("and still more")
        look.waits_for("302 lines")
        assert lines.evaluate("lines => lines.scrollTop") == place


def test_over_a_slow_link_something_is_shown_and_nothing_is_asked_twice(
    looking: Callable[..., Look], served: Served
) -> None:
    look = looking(served)
    network = look.page.context.new_cdp_session(look.page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 800, "downloadThroughput": 60_000, "uploadThroughput": 30_000}
    network.send("Network.emulateNetworkConditions", slow)
    asked: list[str] = []

    def note(request: Any) -> None:
        if "/api/v1/" in request.url and not request.url.endswith("/events"):
            asked.append(f"{request.method} {request.url} {request.post_data or ''}")

    look.page.on("request", note)
    look.go(PROJECT)
    look.page.get_by_role("navigation", name="Where you are").get_by_text("vision").wait_for()
    look.waits_for("Loading…")
    look.page.locator(".table-body .line", has_text="old").wait_for()
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.page.wait_for_timeout(2_000)
    # Columns that come late, and a stream that begins, may each ask for the values of the runs that are here.
    assert sorted(one for one in set(asked) if asked.count(one) > (2 if '"run_ids"' in one else 1)) == []


def test_a_thousand_runs_are_drawn_and_selected_and_the_address_stays_short(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    for number in range(MANY_RUNS - 1):
        write_run(store, f"ada/vision/r{number:04}", rows=[{"loss": number + step} for step in range(3)], at_s=number)
    look = looking(served)
    look.go(PROJECT)
    look.waits_for("1,000 runs")
    look.page.locator(
        f".panel canvas[aria-label*='{MANY_RUNS - 1:,} lines'], .panel canvas[aria-label*='{MANY_RUNS - 1} lines']"
    ).first.wait_for()
    look.page.get_by_role("checkbox", name="Select all").click()
    look.waits_for("1,000 runs selected")
    look.page.get_by_role("button", name="Only these in charts").click()
    look.page.wait_for_url("**so=1**")
    assert len(look.page.url) < 300
    look.page.reload()
    look.waits_for("1,000 runs selected")
    look.page.locator(
        f".panel canvas[aria-label*='{MANY_RUNS - 1:,} lines'], .panel canvas[aria-label*='{MANY_RUNS - 1} lines']"
    ).first.wait_for()
