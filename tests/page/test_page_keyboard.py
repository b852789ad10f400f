"""The page without a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.page.conftest import Look, serving
from tests.page.stores import loss_rows, train

PROJECT = "#/ada/vision"
NAMES = ("first", "second", "third")


@pytest.fixture
def look(looking: Callable[..., Look], tmp_path: Path) -> Iterator[Look]:
    for name in NAMES:
        train(tmp_path / "store", name, loss_rows(20))
    with serving(tmp_path / "store") as served:
        look = looking(served)
        look.go(PROJECT)
        look.page.locator(".table-body .line", has_text="third").wait_for()
        yield look


def cursor(look: Look) -> Any:
    return look.page.locator(".line-cursor")


def test_j_and_k_move_x_selects_enter_opens_and_the_way_back_leads_to_the_same_view(look: Look) -> None:
    look.page.keyboard.press("j")
    cursor(look).filter(has_text="second").wait_for()
    look.page.keyboard.press("x")
    look.waits_for("1 run selected")
    look.page.keyboard.press("j")
    look.page.keyboard.press("x")
    look.waits_for("2 runs selected")
    look.page.keyboard.press("k")
    look.page.keyboard.press("k")
    cursor(look).filter(has_text="third").wait_for()
    look.page.keyboard.press("Enter")
    look.page.get_by_role("heading", name="third").wait_for()
    look.page.go_back()
    look.waits_for("2 runs selected")


def test_a_slash_searches_and_what_is_written_there_is_no_command(look: Look) -> None:
    look.page.keyboard.press("/")
    look.page.keyboard.type("xfirstu")
    assert look.page.locator("[data-search]").input_value() == "xfirstu"
    look.waits_for("No run matches")
    assert look.page.get_by_text("selected").count() == 0
    look.page.keyboard.press("Escape")
    look.page.locator(".table-body .line", has_text="third").wait_for()
    look.page.keyboard.press("x")
    look.waits_for("1 run selected")


def test_runs_are_renamed_and_deleted_and_u_takes_each_back(look: Look) -> None:
    look.page.keyboard.press("e")
    look.page.locator('input:focus[aria-label="The run\'s name"]').wait_for()
    look.page.keyboard.press("ControlOrMeta+a")
    look.page.keyboard.type("other name")
    look.page.keyboard.press("Enter")
    look.page.get_by_role("link", name="other name", exact=True).wait_for()
    look.waits_for("Renamed a run")
    look.page.keyboard.press("u")
    look.page.get_by_role("link", name="third", exact=True).wait_for()
    look.page.keyboard.press("x")
    look.page.keyboard.press("Delete")
    look.waits_for("Deleted 1 run")
    look.waits_for("2 runs")
    look.page.keyboard.press("u")
    look.waits_for("3 runs")
    look.page.keyboard.press("u")
    look.waits_for("There is nothing to undo.")


def test_a_question_mark_lists_the_keys_and_escape_closes_what_floats(look: Look) -> None:
    look.page.keyboard.press("?")
    look.page.get_by_role("dialog").get_by_role("heading", name="Keyboard").wait_for()
    look.page.keyboard.press("Escape")
    look.page.get_by_role("dialog").wait_for(state="detached")


def test_all_of_the_page_is_reached_by_tab_and_the_focus_is_seen(look: Look) -> None:
    seen = set()
    for _ in range(60):
        look.page.keyboard.press("Tab")
        part, is_seen, element = look.page.evaluate(
            """() => {
              const focused = document.activeElement;
              const shown = focused.querySelector(".line-cursor") ?? focused;  // the table shows the line that it is at
              const {outlineStyle, boxShadow} = getComputedStyle(shown);
              const {width} = getComputedStyle(focused, "::before");  // the divider becomes broader
              const part = focused.closest(".top-bar, .toolbar, .pane-table, .pane-panels");
              const isSeen = outlineStyle !== "none" || boxShadow !== "none" || width === "3px";
              return [part?.className ?? "", isSeen || focused === document.body, focused.outerHTML.slice(0, 200)];
            }"""
        )
        seen.add(part)
        assert is_seen, element
    assert {"top-bar", "toolbar", "pane-table", "pane-panels"} <= seen
