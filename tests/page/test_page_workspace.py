"""What somebody does with the runs of a project in the page, and what others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

TABLE = "#/ada/vision?t=table"
BY_NAME = f"{TABLE}&o=%2Bname"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Four runs: two with adam, two with sgd."""
    for number, optimizer in enumerate(("adam", "adam", "sgd", "sgd")):
        train(tmp_path / "store", f"run {number}", loss_rows(5, scale=number + 1), lr=0.1 * number, optimizer=optimizer)
    return tmp_path / "store"


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    with serving(store) as served:
        yield served


@pytest.fixture
def table(looking: Callable[..., Look], served: Served) -> Look:
    look = looking(served)
    look.go(BY_NAME)
    wait_for_count(look, "4 runs")
    return look


def wait_for_count(look: Look, text: str) -> None:
    """Wait until the foot of the table says so."""
    look.page.locator(".table-foot [role=status]").get_by_text(text, exact=True).wait_for()


def names(look: Look) -> list[str]:
    return look.page.locator(".table-body .line-name").all_inner_texts()


def press(look: Look, *keys: str) -> None:
    for key in keys:
        look.page.keyboard.press(key)


def wait_for_told(look: Look, text: str) -> Any:
    told = look.page.locator(".toast", has_text=text)
    told.wait_for()
    return told


def wait_for_address(look: Look, part: str) -> None:
    look.page.wait_for_function("part => location.hash.includes(part)", arg=part)


def test_a_run_is_renamed_where_it_stands_and_the_name_is_taken_back(table: Look, looking: Any, served: Served) -> None:
    press(table, "j", "e")
    table.page.get_by_label("The run's name").fill("better")
    press(table, "Enter")
    wait_for_told(table, "Renamed a run")
    other = looking(served)
    other.go(TABLE)
    other.page.get_by_text("better", exact=True).wait_for()
    press(table, "u")
    wait_for_told(table, "Undone: Renamed a run")
    assert names(table) == ["run 0", "run 1", "run 2", "run 3"]


def test_runs_are_deleted_and_come_back_out_of_the_trash(table: Look) -> None:
    press(table, "x", "j", "x", "Delete")
    wait_for_count(table, "2 runs")
    assert names(table) == ["run 2", "run 3"]
    wait_for_told(table, "Deleted 2 runs").get_by_role("button", name="Undo").click()
    wait_for_count(table, "4 runs")
    assert names(table) == ["run 0", "run 1", "run 2", "run 3"]


def test_all_that_match_are_tagged_at_once(table: Look) -> None:
    table.page.get_by_label("Select all that match").click()
    table.page.get_by_role("button", name="Tag the selected runs").click()
    table.page.get_by_role("combobox", name="Tag to add").fill("paper")
    press(table, "Enter")
    wait_for_told(table, "Tagged 4 runs")
    wait_for_address(table, "s=*")
    search = table.page.get_by_placeholder("Search, or config.lr > 0.01")
    search.fill('tags = "paper" and config.optimizer = "sgd"')
    search.press("Enter")
    wait_for_count(table, "2 runs match")


def test_heads_order_by_one_column_and_by_several(table: Look) -> None:
    table.page.locator(".head-button", has_text="optimizer").click()
    table.page.locator(".head-button", has_text="Name").click(modifiers=["Shift"])
    table.page.locator(".head-button", has_text="Name").click(modifiers=["Shift"])
    wait_for_address(table, "o=%2Bconfig.optimizer,-name")
    table.page.locator(".table-body .line-name").get_by_text("run 1").wait_for()
    table.page.wait_for_function("document.querySelector('.table-body .line-name').textContent === 'run 1'")
    assert names(table) == ["run 1", "run 0", "run 3", "run 2"]


def test_runs_stand_in_groups_that_open(table: Look) -> None:
    table.go(f"{BY_NAME}&g=config.optimizer")
    wait_for_count(table, "4 runs in 2 groups")
    table.page.get_by_role("button", name="sgd 2 runs").click()
    table.page.get_by_text("run 2", exact=True).wait_for()
    lines = table.page.locator(".table-body .line").all_inner_texts()
    assert [line.split("\n")[0] for line in lines] == ["adam", "sgd", "run 2", "run 3"]


def test_others_show_how_they_differ_from_the_baseline(table: Look) -> None:
    table.page.locator(".head-button", has_text="lr").wait_for()
    press(table, "j", "b")
    table.page.locator(".table-pinned").get_by_text("baseline").wait_for()
    differences = table.page.locator(".table-body .line").nth(3).locator(".difference").all_inner_texts()
    assert "+0.2" in differences


def test_a_new_run_is_announced_and_moves_nothing_until_it_is_asked_for(table: Look, store: Path) -> None:
    train(store, "another", loss_rows(3))
    news = table.page.get_by_role("button", name="1 new run: show")
    news.wait_for()
    assert names(table) == ["run 0", "run 1", "run 2", "run 3"]
    news.click()
    wait_for_count(table, "5 runs")
    assert names(table) == ["another", "run 0", "run 1", "run 2", "run 3"]


def test_a_run_that_begins_before_the_news_do_is_announced_with_them(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look, held = looking(served), []
    look.page.route("**/events*", lambda route: held.append(route))
    look.go(BY_NAME)
    wait_for_count(look, "4 runs")
    train(store, "another", loss_rows(3))
    held[0].continue_()
    look.page.get_by_role("button", name="1 new run: show").wait_for()
    assert names(look) == ["run 0", "run 1", "run 2", "run 3"]


def test_a_run_that_begins_while_the_table_is_asked_for_is_announced(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look, held = looking(served), []
    is_holding = True

    def answer_of_before(route: Any) -> None:
        if is_holding and '"config.lr"' in (route.request.post_data or ""):
            held.append((route, route.fetch()))
        else:
            route.continue_()

    look.page.route("**/runs/columns", answer_of_before)
    look.go(BY_NAME)
    while not held:
        look.page.wait_for_timeout(10)
    train(store, "another", loss_rows(3))
    is_holding = False
    for route, response in held:
        route.fulfill(response=response)
    look.page.get_by_role("button", name="1 new run: show").wait_for()


def test_a_run_that_begins_before_the_columns_are_known_is_announced(
    looking: Callable[..., Look], served: Served, store: Path
) -> None:
    look, held = looking(served), []
    is_holding = True

    def answer_late(route: Any) -> None:
        if is_holding and route.request.method == "GET":
            held.append(route)
        else:
            route.continue_()

    look.page.route("**/runs/columns", answer_late)
    look.go(BY_NAME)
    wait_for_count(look, "4 runs")
    train(store, "another", loss_rows(3))
    is_holding = False
    for route in held:
        route.continue_()
    look.page.get_by_role("button", name="1 new run: show").wait_for()
    assert names(look) == ["run 0", "run 1", "run 2", "run 3"]


def test_who_follows_sees_new_runs_come_in(table: Look, store: Path) -> None:
    table.page.get_by_role("button", name="Follow: new runs come in").click()
    wait_for_address(table, "l=follow")
    train(store, "another", loss_rows(3))
    wait_for_count(table, "5 runs")


def test_a_view_that_two_tabs_change_is_lost_by_neither(table: Look, looking: Any, served: Served) -> None:
    table.page.get_by_role("button", name="View: saved views").click()
    table.page.get_by_label("Name of the new view").fill("Ours")
    press(table, "Enter")
    table.page.locator(".view-title", has_text="Ours").wait_for()
    wait_for_address(table, "v=ours")
    other = looking(served)
    other.page.goto(table.page.url)
    other.page.locator(".view-title", has_text="Ours").wait_for()
    for look, head in ((other, "State"), (table, "Created")):
        look.page.locator(".head-button", has_text=head).click()
        look.page.locator("button[title='Save the view as it is now']").click()
        if look is other:
            wait_for_told(other, "Saved the view")
    conflict = table.page.get_by_role("alertdialog")
    conflict.get_by_text("This view was changed meanwhile").wait_for()
    conflict.get_by_role("button", name="Take theirs").click()
    wait_for_address(table, "o=%2Bstate")


def test_an_address_of_a_newer_page_is_kept_and_told(table: Look) -> None:
    table.go(f"{TABLE}&hologram=3d&w=wide")
    strip = table.page.locator(".strip-warn")
    strip.wait_for()
    assert "“w” of this address is not understood" in strip.inner_text()
    assert "parts that this page does not know (hologram)" in strip.inner_text()
    press(table, "j", "x")
    wait_for_address(table, "s=")
    assert "hologram=3d" in unquote_plus(table.page.url)


def test_a_filter_that_the_server_refuses_says_what_to_do(table: Look) -> None:
    table.expects("400")
    table.go(f"{TABLE}&f=stat+=+1")
    problem = table.page.locator(".pane-table .problem")
    problem.get_by_text("there is no field 'stat'; did you mean state").wait_for()


def test_a_page_that_is_for_reading_only_offers_no_change(looking: Any, store: Path) -> None:
    with serving(store, "--read-only") as served:
        look = looking(served)
        look.go(TABLE)
        wait_for_count(look, "4 runs")
        press(look, "x", "e", "Delete")
        look.page.get_by_text("1 run selected").wait_for()
        assert look.page.get_by_role("button", name="Delete").count() == 0
        assert look.page.locator(".cell-edited").count() == 0
        assert len(names(look)) == 4


def test_a_connection_that_is_lost_is_told_and_mends_itself(table: Look) -> None:
    table.expects("ERR_INTERNET_DISCONNECTED")
    table.page.context.set_offline(True)
    table.page.locator(".head-button", has_text="Name").click()
    lost = table.page.get_by_text("The server does not answer. What you see is what it sent last")
    lost.wait_for()
    assert names(table) == ["run 0", "run 1", "run 2", "run 3"]
    table.page.context.set_offline(False)
    lost.wait_for(state="detached")
    table.page.wait_for_function("document.querySelector('.table-body .line-name').textContent === 'run 3'")


def test_a_page_whose_server_was_started_again_says_how_to_come_in(looking: Any, store: Path) -> None:
    with serving(store) as served:
        look = looking(served)
        look.expects("ERR_")
        look.expects("401")
        look.go(BY_NAME)
        wait_for_count(look, "4 runs")
        port = served.address.rstrip("/").rpartition(":")[2]
    look.page.locator(".head-button", has_text="State").click()
    look.page.get_by_text("The server does not answer").wait_for()
    with serving(store, "--port", port):
        look.page.get_by_role("heading", name="Open the page with its whole address").wait_for()
