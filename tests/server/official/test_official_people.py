"""An admin looks after people with the official client; nobody else may."""

import contextlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BOBS_KEY = "local-" + "b" * 40

works, refused = pytest.mark.works, pytest.mark.refused


@pytest.fixture(scope="module")
def tour(seat):
    with contextlib.closing(seat.place.people()) as people:
        people.add_user("bob", key=BOBS_KEY)
    return seat.run(HERE / "people_tour.py", BOBS_KEY=BOBS_KEY).answers()


@works("Api.create_user", note="for admins; they have no key until `runlake key create`")
def test_users_are_made(tour):
    assert tour["create_user"] == ["cleo", "cleo@lab.org", False, []]
    assert tour["create_admin"] is True


@works("User.generate_api_key", "User.delete_api_key", "User.api_keys", note="for admins")
def test_keys_are_made_and_revoked(tour):
    assert tour["generate_key"] == ["local-", 46, "ada", False, 2]
    assert tour["delete_key"] == [True, False]


@works("Api.create_team", "Team.invite", "Member.delete", note="for admins; whoever is invited is in at once")
@works("Api.team", "Team.members")
def test_teams_are_made_and_their_members_changed(tour):
    assert tour["create_team"] == ["vision", [["ada", True]]]
    said, members = tour["invite"]
    assert said == [True, True, False, False]
    assert members == [["ada", True], ["bob", True], ["cleo", False]]
    assert tour["remove_member"] == [True, ["ada", "bob"]]


@refused("Team.create_service_account", note="answers None")
def test_a_team_has_no_service_accounts(tour):
    assert tour["service_account"] is None


def test_members_of_a_team_read_its_projects(tour):
    assert tour["team_project"] == [["bob", "vision"], 1]


def test_a_user_is_a_team_of_one(tour):
    assert tour["team_of_one"] == [["ada", "vision"], [["ada", True]]]


def test_who_is_no_admin_makes_nobody_and_sees_only_their_own(tour):
    (create_user, _, run, runs, create_run), key, _ = tour["bob_may_not"]
    assert "only an admin of the server may make users" in create_user
    assert run.startswith("CommError: Could not find run")
    assert runs == "ValueError: Could not find project many"
    assert "no project ada/many, or none that you may read" in create_run
    assert key is None
