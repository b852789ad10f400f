"""What a project's page begins with is on its way before the click, is asked once, and ends where it is not wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("ahead") / "store"
    for name in ("one", "two"):
        train(store, name, loss_rows(400), lr=0.1)
    with serving(store) as served:
        yield served


@pytest.fixture
def look(looking: Callable[..., Look], served: Served) -> Look:
    return looking(served)


def asked_of(look: Look) -> Counter[str]:
    """What is asked of the project from now on, by method and the end of the path."""
    asked: Counter[str] = Counter()

    def note(request: Any) -> None:
        _, is_project, rest = request.url.partition("/projects/ada/vision/")
        if is_project:
            asked[f"{request.method} {rest.partition('?')[0]}"] += 1

    look.page.on("request", note)
    return asked


def test_a_hand_at_a_project_has_its_keys_and_columns_asked_for_and_the_click_does_not_ask_again(look: Look) -> None:
    look.page.locator(".projects-newest a").wait_for()
    asked = asked_of(look)
    link = look.page.get_by_role("link", name="ada / vision")
    with look.page.expect_response("**/vision/keys*"), look.page.expect_response("**/vision/runs/columns"):
        link.hover()
    assert asked == {"GET keys": 1, "GET runs/columns": 1}
    link.click()
    look.page.locator(".line-name", has_text="one").wait_for()
    look.page.get_by_label("train/loss", exact=True).get_by_text("2 runs").wait_for()
    assert (asked["GET keys"], asked["GET runs/columns"]) == (1, 1)


def test_a_table_is_asked_for_once_with_all_its_columns_and_names_are_not_asked_beside_it(look: Look) -> None:
    look.page.locator(".projects-newest a").wait_for()
    asked, heads = asked_of(look), look.page.get_by_role("columnheader")
    look.go("#/ada/vision?t=table&l=paused")
    look.page.locator(".line-name", has_text="two").wait_for()
    heads.get_by_text("train/loss").wait_for()
    assert asked["POST runs/columns"] == 1


def test_a_menu_and_the_list_of_keys_close_when_the_address_is_another(look: Look) -> None:
    look.go("#/ada/vision?t=panels")
    look.page.get_by_role("button", name="Menu of train/loss").click()
    look.page.get_by_role("button", name="Full screen").wait_for()
    look.page.evaluate("location.hash = '#/ada/vision'")
    look.page.get_by_role("button", name="Full screen").wait_for(state="hidden")
    look.page.get_by_role("button", name="View: saved views").click()
    look.page.get_by_role("dialog").wait_for()
    look.page.evaluate("location.hash = '#/ada/vision?t=table'")
    look.page.get_by_role("dialog").wait_for(state="detached")
    look.page.get_by_role("button", name="Keyboard and help").click()
    look.page.get_by_role("dialog", name="Keyboard").wait_for()
    look.page.go_back()
    look.page.get_by_role("dialog", name="Keyboard").wait_for(state="detached")
