"""Keys, teams and users in a browser: at a server, and over a folder, where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running import KEY, ServerProcess
from tests.page.conftest import Look, serving
from tests.page.stores import loss_rows, train

from runlake.server.people.people import People, open_people


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path / "store")
    yield server.start()
    server.stop()


@pytest.fixture
def people(server: ServerProcess) -> Iterator[People]:
    """The people of the server, as its own machine sees them."""
    people = open_people(server.root)
    yield people
    people.close()


@pytest.fixture
def tab(browser: Any, server: ServerProcess) -> Iterator[Any]:
    """The page of people, as the admin ann sees it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.goto(f"{server.url}/#/people")
    tab.get_by_label("Your key of this server").fill(KEY)
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Your keys").wait_for()
    yield tab
    context.close()


def test_a_key_is_made_shown_once_and_revoked(tab: Any, people: People) -> None:
    tab.get_by_label("Description").fill("<b>laptop</b>")
    tab.get_by_role("button", name="Create a key").click()
    tab.get_by_role("heading", name="Your new key").wait_for()
    shown = tab.locator(".new-key pre").all_inner_texts()
    found = people.sign_in(shown[0])
    assert found is not None
    assert found.person.username == "ann"
    base = tab.url.partition("/#")[0]
    variables = f"export WANDB_BASE_URL={base}\nexport WANDB_API_KEY={shown[0]}"
    assert shown[1:] == [variables, f"runlake login {base}"]
    tab.get_by_role("button", name="I have it").click()
    assert shown[0] not in tab.content()
    tab.get_by_role("button", name="Revoke the key <b>laptop</b>").click()
    tab.get_by_role("button", name="Revoke", exact=True).click()
    tab.get_by_text("Revoked the key <b>laptop</b>").wait_for()
    assert people.sign_in(shown[0]) is None


def test_an_admin_adds_a_user_puts_them_into_a_team_and_shares_a_project(tab: Any, people: People) -> None:
    users = tab.locator("section", has=tab.get_by_role("heading", name="Users")).last
    users.get_by_label("Name").fill("bob")
    users.get_by_role("button", name="Add a user").click()
    tab.get_by_role("heading", name="The new key of bob").wait_for()
    tab.get_by_label("Name").first.fill("lab")
    tab.get_by_role("button", name="Make a team").click()
    tab.get_by_role("heading", name="lab").wait_for()
    tab.get_by_label("User", exact=True).fill("bob")
    tab.get_by_role("button", name="Take in").click()
    tab.get_by_text("bob is member of lab").wait_for()
    tab.get_by_label("Project", exact=True).fill("lab/plans")
    tab.get_by_role("button", name="Share", exact=True).click()
    tab.get_by_text("lab/plans: all may read").wait_for()
    assert people.find_team("lab").members == {"ann": "admin", "bob": "member"}
    assert people.directory().shares == {("lab", "plans"): "read"}
    tab.get_by_label("User", exact=True).fill("ghost")
    tab.get_by_role("button", name="Take in").click()
    tab.get_by_text("there is no user 'ghost'").wait_for()


def test_on_a_narrow_screen_a_key_can_be_revoked_and_nothing_is_scrolled_sideways(tab: Any) -> None:
    tab.set_viewport_size({"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    revoke = tab.get_by_role("button", name="Revoke the key first key").bounding_box()
    assert revoke["x"] + revoke["width"] <= 390


def test_over_a_folder_the_page_says_that_nobody_signs_in(looking: Callable[..., Look], tmp_path: Path) -> None:
    train(tmp_path / "store", "falls", loss_rows(3))
    with serving(tmp_path / "store") as served:
        look = looking(served)
        look.go("#/people")
        look.page.get_by_role("heading", name="Nobody has to sign in here").wait_for()
