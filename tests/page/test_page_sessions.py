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


def revoke_bobs_key(team: Team) -> str:
    """Give bob another one."""
    with closing(open_people(team.root)) as people:
        people.revoke_key(team.bobs_key_id)
        return people.create_key("bob").key


def begin_as_bob(looking: Callable[..., Look], team: Team) -> Look:
    look = looking(team.served, heading="Sign in")
    look.expects(LOST)
    sign_in(look, BOBS_KEY)
    look.page.get_by_role("heading", name="Projects").wait_for()
    return look


def rename_chosen(look: Look) -> None:
    """Search, select, begin to write another name; the key is revoked before it is sent."""
    look.go(f"{PROJECT}?q=train")
    look.waits_for("1 run match")
    look.page.get_by_role("checkbox", name="Select trained").click()
    look.waits_for("1 run selected")
    look.page.locator(".table-body .line").first.hover()
    look.page.keyboard.press("e")
    look.page.get_by_label("The run's name").fill("renamed by bob")


def names(look: Look) -> list[str]:
    answer = look.page.evaluate(
        """() => fetch("./api/v1/projects/ada/vision/runs/columns", {method: "POST",
        headers: {"Content-Type": "application/json"}, body: JSON.stringify({columns: ["name"]})})
        .then(answer => answer.json())"""
    )
    return list(answer["columns"]["name"])


def test_who_has_a_key_that_is_revoked_is_asked_for_another_and_loses_nothing_of_what_they_were_at(
    looking: Callable[..., Look], team: Team
) -> None:
    look = begin_as_bob(looking, team)
    rename_chosen(look)
    key = revoke_bobs_key(team)
    look.page.get_by_role("heading", name="Sign in again").wait_for()
    look.waits_for("saved when bob signs in again")
    look.page.keyboard.press("Escape")
    look.page.get_by_role("heading", name="Sign in again").wait_for()
    assert not look.page.locator(".table-body").is_visible()
    sign_in(look, BOBS_KEY)
    look.page.get_by_role("alert").get_by_text("not valid").wait_for()
    sign_in(look, key)
    look.page.locator(".table-body .line", has_text="renamed by bob").wait_for()
    look.waits_for("Renamed a run")
    assert look.page.locator("[data-search]").input_value() == "train"
    assert look.page.get_by_text("1 run selected").is_visible()
    assert look.page.locator(".problem").count() == 0
    assert names(look) == ["renamed by bob"]


def test_what_was_written_by_one_is_not_saved_for_another_who_signs_in_then(
    looking: Callable[..., Look], team: Team
) -> None:
    look = begin_as_bob(looking, team)
    rename_chosen(look)
    revoke_bobs_key(team)
    look.page.get_by_role("heading", name="Sign in again").wait_for()
    sign_in(look, KEY)
    look.page.get_by_role("button", name="Signed in as ann").wait_for()
    look.page.locator(".table-body .line", has_text="trained").wait_for()
    assert names(look) == ["trained"]


def test_a_query_that_is_asked_when_the_time_of_a_session_is_over_is_answered_after_signing_in(
    looking: Callable[..., Look], team: Team
) -> None:
    look = begin_as_bob(looking, team)
    look.go(f"{PROJECT}/sql")
    query = look.page.get_by_label("Query")
    query.fill("SELECT name || '!' AS said FROM runs")
    look.page.context.clear_cookies()
    query.press("Control+Enter")
    look.page.get_by_role("heading", name="Sign in again").wait_for()
    sign_in(look, BOBS_KEY)
    look.waits_for("trained!")
    assert query.input_value() == "SELECT name || '!' AS said FROM runs"


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
