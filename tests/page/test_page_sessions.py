"""Who may look, and for how long: keys that are revoked, servers that start again, a page that may change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from running import KEY, ServerProcess
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

from runlake.server.people.people import open_people

PROJECT = "#/ada/vision"
LOST = "Failed to load resource"
BOBS_KEY = "local-" + "b" * 40


class Team:
    """A server that runs, whose user bob is an admin and has a key that can be revoked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.server: Any = ServerProcess(root)
        with closing(open_people(root)) as people:
            self.bobs_key_id = people.add_user("bob", is_admin=True, key=BOBS_KEY).key_id
        self.server.start()
        self.served = Served(self.server.process, f"{self.server.url}/")


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    train(tmp_path / "store", "trained", loss_rows(50))
    team = Team(tmp_path / "store")
    yield team
    team.server.kill()


def sign_in(look: Look, key: str) -> None:
    look.page.get_by_label("Your key of this server").fill(key)
    look.page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_with_a_key_and_is_told_when_it_is_none(looking: Callable[..., Look], team: Team) -> None:
    look = looking(team.served, heading="Sign in")
    look.expects(LOST)
    sign_in(look, "local-" + "0" * 40)
    look.page.get_by_role("alert").get_by_text("not valid").wait_for()
    sign_in(look, KEY)
    look.page.get_by_role("heading", name="Projects").wait_for()
    look.go(PROJECT)
    look.waits_for("1 run")
    look.page.get_by_role("button", name="Signed in as ann").click()
    look.page.get_by_role("button", name="Sign out").click()
    look.page.get_by_role("heading", name="Sign in").wait_for()
    assert KEY not in look.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")


def test_who_has_a_key_that_is_revoked_is_asked_for_another_and_goes_on_where_they_were(
    looking: Callable[..., Look], team: Team
) -> None:
    look = looking(team.served, heading="Sign in")
    look.expects(LOST)
    sign_in(look, BOBS_KEY)
    look.page.get_by_role("heading", name="Projects").wait_for()
    look.go(f"{PROJECT}?q=train")
    look.waits_for("1 run match")
    with closing(open_people(team.root)) as people:
        people.revoke_key(team.bobs_key_id)
    field = look.page.get_by_role("heading", name="Sign in")
    # The server may know the key for a moment more, and the field is gone as soon as it does not.
    for text in ("trai", "train", "traine", "trained"):
        look.page.evaluate(
            """text => {
              const field = document.querySelector("[data-search]");
              if (field) {
                field.value = text;
                field.dispatchEvent(new Event("input", {bubbles: true}));
              }
            }""",
            text,
        )
        look.page.wait_for_timeout(700)
    field.wait_for()
    sign_in(look, KEY)
    look.waits_for("1 run match")
    assert "q=" in look.page.url


def test_a_server_that_goes_away_and_comes_back_is_told_and_shown_again_without_a_new_key(
    looking: Callable[..., Look], team: Team
) -> None:
    look = looking(team.served, heading="Sign in")
    look.expects(LOST)
    look.expects("ERR_")
    sign_in(look, KEY)
    look.page.get_by_role("heading", name="Projects").wait_for()
    look.go(PROJECT)
    look.waits_for("1 run")
    team.server.kill()
    look.page.locator("[data-search]").fill("t")
    look.waits_for("The server does not answer.")
    assert "trained" in look.page.locator(".table-body .line").first.inner_text()
    look.page.locator("[data-search]").fill("")
    train(team.root, "meanwhile", loss_rows(5))
    team.server.start()
    look.page.locator(".strip-warn").wait_for(state="detached")
    look.waits_for("2 runs")
    look.page.locator(".table-body .line", has_text="meanwhile").wait_for()
    assert look.page.locator(".problem").count() == 0


def test_a_page_that_is_read_only_says_so_and_offers_no_change(looking: Callable[..., Look], tmp_path: Path) -> None:
    run_id = train(tmp_path / "store", "kept", loss_rows(50))
    with serving(tmp_path / "store", "--read-only") as served:
        look = looking(served)
        look.waits_for("read-only")
        look.go(PROJECT)
        look.page.get_by_role("checkbox", name="Select kept").click()
        look.waits_for("1 run selected")
        offered = look.page.get_by_role("button").all_inner_texts()
        names = look.page.get_by_role("button").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        look.page.keyboard.press("Delete")
        look.page.keyboard.press("e")
        look.go(f"{PROJECT}/runs/{run_id}")
        look.page.get_by_role("heading", name="kept").wait_for()
        offered += look.page.get_by_role("button").all_inner_texts()
        changing = ("delete", "rename", "tag", "stop", "save")
        said = [text for text in [*offered, *names] if text and text.strip().lower().startswith(changing)]
        assert said == []
        refused = look.page.evaluate(
            """id => fetch("./api/v1/projects/ada/vision/runs/delete", {method: "POST",
            headers: {"Content-Type": "application/json"}, 
            body: JSON.stringify({run_ids: [id]})}).then(answer => answer.status)""",
            run_id,
        )
        look.expects(LOST)
        assert refused == 403
