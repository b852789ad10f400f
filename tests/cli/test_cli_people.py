"""`runlake user`, `key`, `team` and `project`."""

import json
import os
import re
from pathlib import Path

import pytest

from runlake.server.people.people import open_people

CHOSEN = "local-" + "0123456789abcdef" * 2 + "01234567"


@pytest.fixture
def people():
    people = open_people(Path(os.environ["RUNLAKE_DIR"]))
    yield people
    people.close()


def test_the_key_of_a_new_user_is_all_that_stands_on_stdout(runlake, people):
    ended = runlake("user", "add", "bob", "--email", "bob@example.com")
    key = ended.out.strip()
    assert ended.code == 0
    assert re.fullmatch(r"local-[0-9a-f]{40}", key)
    assert re.fullmatch(r"the key of bob, with the id [0-9a-f]{16}; it is not shown again:\n", ended.err)
    assert people.sign_in(key).person.email == "bob@example.com"


def test_a_server_that_runs_sees_every_change_at_once(runlake, people):
    runlake("user", "add", "bob", "--key", CHOSEN)
    assert people.sign_in(CHOSEN).person.username == "bob"
    key_id = people.list_keys("bob")[0].key_id
    assert runlake("key", "revoke", key_id) == (0, "", f"revoked the key {key_id} of bob\n")
    assert people.sign_in(CHOSEN) is None
    assert runlake("user", "rm", "bob") == (0, "", "removed the user bob; their keys are not valid any more\n")
    assert people.list_users() == []


def test_a_chosen_key_may_come_from_stdin(runlake, people):
    assert runlake("user", "add", "robot", "--key", "-", typed=CHOSEN + "\n").out == CHOSEN + "\n"
    assert people.sign_in(CHOSEN).person.username == "robot"


def test_a_chosen_key_that_is_too_short_is_refused_without_repeating_it(runlake, people):
    ended = runlake("user", "add", "bob", "--key", "local-secret")
    assert (ended.code, ended.out) == (2, "")
    assert "secret" not in ended.err
    assert people.list_users() == []


def test_the_store_may_be_named_before_or_behind_the_verb(runlake, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    runlake("--dir", elsewhere, "user", "add", "ann")
    runlake("user", "add", "bob", "--dir", elsewhere)
    names = [user["user"] for user in json.loads(runlake("user", "list", "--json", "--dir", elsewhere).out)["users"]]
    assert names == ["ann", "bob"]
    assert json.loads(runlake("user", "list", "--json").out) == {"users": []}


def test_teams_are_made_and_changed(runlake, people):
    for name in ("ann", "bob", "eve"):
        runlake("user", "add", name)
    added = runlake("team", "add", "vision", "--member", "ann:admin", "--member", "bob")
    assert added == (0, "", "made the team vision of ann:admin, bob\n")
    runlake("team", "join", "vision", "eve", "--role", "viewer")
    runlake("team", "leave", "vision", "bob")
    assert people.find_team("vision").members == {"ann": "admin", "eve": "viewer"}
    assert json.loads(runlake("team", "list", "--json").out)["teams"][0]["members"] == {"ann": "admin", "eve": "viewer"}
    listed = runlake("team", "list").out.splitlines()
    assert [line.rstrip()[:30] for line in listed] == [
        "TEAM    MEMBERS               ",
        "vision  ann:admin, eve:viewer ",
    ]
    assert runlake("team", "rm", "vision").code == 0
    assert people.list_teams() == []


def test_projects_are_shared_and_taken_back(runlake, people):
    assert runlake("project", "share", "ann/mnist", "--access", "read") == (0, "", "ann/mnist can be read by all\n")
    assert people.shared_access("ann", "mnist") == "read"
    assert runlake("project", "list").out == "PROJECT    ACCESS\nann/mnist  read\n"
    runlake("project", "share", "ann/mnist", "--access", "private")
    assert people.list_shares() == []


def test_lists_are_tables_for_people(runlake):
    runlake("user", "add", "ann", "--admin")
    runlake("key", "create", "ann", "--description", "laptop")
    users, keys = runlake("user", "list").out.splitlines(), runlake("key", "list", "ann").out.splitlines()
    assert users[0].split() == ["USER", "SERVER", "EMAIL", "TEAMS", "SINCE"]
    assert users[1].split()[:2] == ["ann", "admin"]
    assert [line.split()[1:3] for line in keys[1:]] == [["ann", "first"], ["ann", "laptop"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["user", "add", "ann"], 5, "runlake: the name 'ann' is taken: there is a user 'ann'\n"),
        (["user", "rm", "eve"], 3, "runlake: there is no user 'eve'; see: runlake user list\n"),
        (["key", "create", "eve"], 3, "runlake: there is no user 'eve'; see: runlake user list\n"),
        (["key", "revoke", "ab"], 3, "runlake: there is no key with the id 'ab'; see: runlake key list\n"),
        (["team", "rm", "ann"], 3, "runlake: there is no team 'ann'; see: runlake team list\n"),
        (["user", "add", "graphql"], 2, "runlake: the name 'graphql' is a part of the server's own addresses; "),
        (["team", "add", "t", "--member", "ann:boss"], 2, "the role 'boss' is none of admin, member, viewer"),
        (["project", "share", "mnist", "--access", "read"], 2, "runlake: 'mnist' is no path of a project"),
        (["project", "share", "ann/mnist", "--access", "all"], 2, "'all' is not one of 'private', 'read', 'write'"),
        (["user"], 2, "runlake: Missing command; see: runlake user --help\n"),
    ],
)
def test_mistakes_are_one_line_and_a_code(runlake, arguments, code, said):
    runlake("user", "add", "ann")
    ended = runlake(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert said in ended.err


def test_people_of_a_store_in_a_database_are_kept_there(runlake, people, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLAKE_DATABASE", f"sqlite:///{tmp_path / 'cluster.sqlite'}")
    runlake("user", "add", "bob", "--key", CHOSEN)
    assert people.list_users() == []
    assert json.loads(runlake("user", "list", "--json").out)["users"][0]["user"] == "bob"
    folder = os.environ["RUNLAKE_DIR"]
    assert json.loads(runlake("user", "list", "--json", "--dir", folder).out)["users"] == []
    assert json.loads(runlake("--dir", folder, "user", "list", "--json").out)["users"] == []
