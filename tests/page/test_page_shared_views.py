"""A view is an address and a file: of a newer page, of another tab, and below any prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefix_proxy import PREFIX, prefix_proxy
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

from served import SocketServer

PROJECT = "#/ada/vision"
CONFLICT = "This view was changed meanwhile"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    for number, name in enumerate(("first", "second", "third")):
        train(tmp_path / "store", name, loss_rows(20), lr=number)
    with serving(tmp_path / "store") as served:
        yield served


def search(look: Look, text: str) -> None:
    look.page.locator("[data-search]").fill(text)
    look.page.wait_for_url(f"**q={text}**")


def test_what_an_address_of_a_newer_page_says_is_told_and_kept(looking: Callable[..., Look], served: Served) -> None:
    look = looking(served)
    look.go(f"{PROJECT}?q=first&zz=of+tomorrow&t=cube&P=%7B%22all%22%3A7%2C%22later%22%3A1%7D")
    strip = look.page.locator(".strip-warn")
    strip.wait_for()
    said = strip.inner_text()
    assert "zz" in said
    assert "“t”" in said
    assert "charts’ “all”" in said
    look.waits_for("1 run match")
    look.page.locator(".panel canvas").first.wait_for()
    search(look, "second")
    assert "zz=of+tomorrow" in look.page.url
    assert "later" in look.page.url


def test_an_address_that_cannot_be_read_at_all_shows_the_page_as_usual(
    looking: Callable[..., Look], served: Served
) -> None:
    look = looking(served)
    look.go(f"{PROJECT}?f=((and&o=&P=%7B&s=%E0%A4&%=%&=&c=@@@&w=NaN")
    look.page.locator(".strip-warn").wait_for()
    look.waits_for("3 runs")
    look.go("#/ada/vision/nowhere")
    look.waits_for("There is nothing at this address")
    look.go("#/%E0%A4%A/x")
    look.page.locator("main .problem").first.wait_for()
    look.expects("Failed to load resource")


def test_of_two_tabs_that_edit_one_view_the_second_is_asked(looking: Callable[..., Look], served: Served) -> None:
    one = looking(served)
    one.go(PROJECT)
    search(one, "first")
    one.page.get_by_role("button", name="View: saved views").click()
    one.page.get_by_label("Name of the new view").fill("Our own")
    one.page.keyboard.press("Enter")
    one.page.wait_for_url("**v=ourown**")
    other = looking(served)
    other.page.goto(one.page.url)
    other.page.get_by_role("button", name="Our own: saved views").wait_for()
    search(one, "second")
    one.page.get_by_role("button", name="Save", exact=True).click()
    one.waits_for("Saved the view")
    search(other, "third")
    other.page.get_by_role("button", name="Save", exact=True).click()
    other.page.get_by_role("alertdialog").get_by_text(CONFLICT).wait_for()
    other.page.get_by_role("button", name="Take theirs").click()
    other.page.wait_for_url("**q=second**")
    search(other, "third")
    search(one, "first")
    one.page.get_by_role("button", name="Save", exact=True).click()
    one.page.get_by_role("button", name="Save", exact=True).wait_for(state="detached")
    other.page.get_by_role("button", name="Save", exact=True).click()
    other.page.get_by_role("alertdialog").get_by_text(CONFLICT).wait_for()
    other.page.get_by_role("button", name="Save mine").click()
    other.page.get_by_role("alertdialog").wait_for(state="detached")
    third = looking(served)
    third.go(PROJECT)
    third.page.get_by_role("button", name="View: saved views").click()
    third.page.get_by_role("button", name="Our own", exact=True).click()
    third.page.wait_for_url("**q=third**")


def test_the_page_works_below_the_prefix_of_a_proxy(looking: Callable[..., Look], served: Served) -> None:
    proxy = SocketServer(prefix_proxy(served.address.rstrip("/")))
    below = Served(served.process, f"{proxy.url}{PREFIX}/#{served.entry.partition('#')[2]}")
    look = looking(below)
    look.page.route("**/events", lambda route: route.abort())  # this proxy passes on whole answers only
    look.expects("Failed to load resource")
    look.go(PROJECT)
    look.waits_for("3 runs")
    look.page.locator(".panel canvas[aria-label*='3 lines.']").first.wait_for()
    look.page.get_by_role("link", name="second", exact=True).click()
    look.page.get_by_role("heading", name="second").wait_for()
    look.page.get_by_role("tab", name="Console").click()
    look.waits_for("trained")
    look.page.reload()
    look.waits_for("trained")
    assert look.page.url.startswith(f"{proxy.url}{PREFIX}/#/ada/vision/runs/")
    look.page.goto("about:blank")
    proxy.stop()
