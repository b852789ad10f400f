"""What somebody sees when what they look at goes away, comes back, or was never whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

import runlake
from runlake.model import RunPath
from runlake.service.open import open_service

PROJECT = "#/ada/vision"
LOST = "Failed to load resource"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    train(store, "first", loss_rows(50), lr=0.1)
    with serving(store) as served:
        yield served


def run_at(run_id: str) -> RunPath:
    return RunPath("ada", "vision", run_id)


def test_a_lost_connection_is_shown_and_mends_itself_and_what_came_meanwhile_is_there(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look = looking(served)
    look.expects(LOST)
    look.go(PROJECT)
    look.waits_for("1 run")
    look.page.context.set_offline(True)
    look.page.get_by_role("button", name="Keyboard and help").wait_for()
    look.page.locator("[data-search]").fill("first")
    look.waits_for("The server does not answer.")
    assert look.page.locator(".table-body .line").first.inner_text().strip().startswith("first")
    train(store, "second", loss_rows(5))
    look.page.locator("[data-search]").fill("")
    look.page.context.set_offline(False)
    look.page.locator(".strip-warn").wait_for(state="detached")
    look.waits_for("2 runs")
    assert look.page.locator(".problem").count() == 0


def test_charts_that_could_not_be_drawn_are_drawn_when_the_server_is_back(
    looking: Callable[..., Look], served: Served
) -> None:
    look = looking(served)
    look.expects(LOST)
    look.page.route("**/api/v1/projects/ada/vision/tiles", lambda route: route.abort())
    look.go(PROJECT)
    look.waits_for("The server does not answer.")
    look.page.unroute("**/api/v1/projects/ada/vision/tiles")
    look.page.locator(".strip-warn").wait_for(state="detached")
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()


def test_runlake_ui_that_was_started_again_says_how_one_comes_in_and_the_tab_goes_on_where_it_was(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look = looking(served)
    look.expects(LOST)
    look.expects("ERR_")
    look.go(PROJECT)
    look.waits_for("1 run")
    served.stop()
    look.page.locator("[data-search]").fill("other")
    look.waits_for("The server does not answer.")
    port = served.address.rsplit(":", 1)[1].strip("/")
    with serving(store, "--port", port) as again:
        look.page.get_by_role("heading", name="Open the page with its whole address").wait_for()
        other = look.page.context.new_page()
        other.goto(again.entry)
        other.get_by_role("heading", name="Projects").wait_for()
        look.page.evaluate("dispatchEvent(new Event('focus'))")
        look.page.get_by_role("heading", name="Open the page").wait_for(state="detached")
        look.waits_for("No run matches")
        assert look.page.locator("[data-search]").input_value() == "other"


def test_a_run_that_is_deleted_while_it_is_looked_at_says_how_it_comes_back(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    run_id = train(store, "goes", loss_rows(20))
    look = looking(served)
    look.expects(LOST)
    look.go(f"{PROJECT}/runs/{run_id}")
    look.page.get_by_role("heading", name="goes").wait_for()
    with closing(open_service(store)) as service:
        service.delete_run(run_at(run_id))
        look.waits_for(f"runlake undelete ada/vision/{run_id}")
        service.restore_run(run_at(run_id))
    look.page.locator(".run-gone").wait_for(state="detached")
    look.page.get_by_role("heading", name="goes").wait_for()


def test_a_run_that_is_deleted_leaves_the_charts_and_the_table_when_one_asks(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    run_id = train(store, "goes", loss_rows(20))
    look = looking(served)
    look.go(PROJECT)
    look.waits_for("2 runs")
    look.page.locator(".panel canvas[aria-label*='2 lines.']").first.wait_for()
    with closing(open_service(store)) as service:
        service.delete_run(run_at(run_id))
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.waits_for("1 run fewer: show").click()
    look.page.locator(".table-body .line", has_text="goes").wait_for(state="detached")


def test_a_run_that_begins_anew_while_it_is_looked_at_shows_its_new_rows_and_keeps_the_old_ones(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    run_id = train(store, "again", [{"loss": 9.0}] * 40)
    look = looking(served)
    look.go(f"{PROJECT}/runs/{run_id}")
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.page.locator(".panel canvas.chart-top").press("t")
    rows = look.page.locator(".table-twin tbody tr")
    rows.get_by_text("40", exact=True).wait_for()
    quiet = {"silent": True, "seal": "off"}
    with runlake.init(store=store, entity="ada", project="vision", id=run_id, settings=quiet) as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5})
    rows.get_by_text("2", exact=True).wait_for()
    look.go(f"{PROJECT}/runs/{run_id}?tab=overview")
    look.waits_for("Histories of this run")
    look.waits_for("40 rows")


def test_a_run_whose_journal_is_damaged_is_named_and_the_others_are_shown(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    run_id = train(store, "damaged", loss_rows(2_000))
    (part,) = (store / "ada/vision/runs" / run_id / "journal").glob("*.part")
    with part.open("r+b") as file:
        file.seek(part.stat().st_size // 2)
        file.write(os.urandom(2_000))
    look = looking(served)
    look.expects(LOST)
    look.go(PROJECT)
    look.page.locator(".table-body .line", has_text="first").wait_for()
    look.page.locator(".panel canvas[aria-label*='1 line.']").first.wait_for()
    look.waits_for("1 run damaged").click()
    look.waits_for("is not as it was written")
    look.go(f"{PROJECT}/runs/{run_id}")
    look.waits_for("is not as it was written")


def test_a_project_without_runs_shows_the_next_line_of_code(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look = looking(served)
    look.expects(LOST)
    with closing(open_service(store)) as service:
        (run,) = service.list_runs("ada", "vision").runs
        service.delete_run(run_at(run.run_id))
    look.go(PROJECT)
    look.waits_for("No run yet")
    look.waits_for('project="vision"')
    train(store, "came", loss_rows(5))
    look.page.locator(".table-body .line", has_text="came").wait_for()


def test_a_project_that_is_not_there_is_said_to_be_and_shown_as_soon_as_it_is(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look = looking(served)
    look.expects(LOST)
    look.go("#/ada/later")
    look.waits_for("no project ada/later")
    assert look.page.get_by_role("alert").count() == 1
    with runlake.init(store=store, entity="ada", project="later", name="came", settings={"silent": True}) as run:
        run.log({"loss": 1.0})
    look.page.locator(".table-body .line", has_text="came").wait_for()
    look.page.locator(".panel canvas").first.wait_for()
    assert look.page.locator(".problem").count() == 0
