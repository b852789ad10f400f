"""What the wire tells of people, and to whom: over a real directory of people and the guard."""

import dataclasses

import pytest
from asking import Desk

from runlake.server.people.guard import GuardedService
from runlake.server.people.people import open_people
from runlake.server.people.standing import Standing

SECRETS = ("r1", "secret", "0.125", "hush.txt", "whisper")

ASK = """query {
  viewer {
    id entity username admin apiKeys { edges { node { id name description } } } teams { edges { node { name } } }
  }
  mine: project(name: "plans", entityName: "lab") {
    id runCount(filters: "{}")
    run(name: "r1") {
      displayName config summaryMetrics history events
      sampledHistory(specs: ["{\\"keys\\": [\\"loss\\"]}"]) files { edges { node { name url } } }
      logLines(last: 5) { edges { node { line } } } historyKeys historyTail fileCount commit
      parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData }
    }
    runs { edges { node { id name config summaryMetrics history project { name runCount } } } }
  }
  model(name: "plans", entityName: "lab") { bucket(name: "r1", missingOk: true) { id name historyTail config } }
  models(entityName: "lab") { edges { node { name runCount } } }
  entity(name: "lab") { id name isTeam members { username email role } project(name: "plans") { runCount } }
  users(query: "") { edges { node { username email apiKeys { edges { node { id } } } } } }
  user(userName: "bea") { username email }
}"""


@pytest.fixture
def people(tmp_path):
    people = open_people(tmp_path)
    for name, is_admin in {"ann": False, "bea": False, "cyd": False, "root": True}.items():
        people.add_user(name, is_admin=is_admin, email=f"{name}@lab.org")
    people.add_team("lab", {"ann": "admin", "bea": "viewer"})
    yield people
    people.close()


@pytest.fixture
def desk(tmp_path, people):
    desk = Desk(tmp_path / "store", people=people)
    desk.write(
        "lab/plans/r1",
        rows=[{"loss": 0.125}],
        config={"key": "secret"},
        files={"hush.txt": b"x"},
        console=[{"line": 0, "text": "whisper"}],
    )
    return desk


def ask_as(desk, people, name, document=ASK):
    """The answer, as one person (None for nobody) is given it."""
    person = people.find_user(name) if name else None
    context = dataclasses.replace(
        desk.context, person=person, service=GuardedService(desk.service, people, Standing(person))
    )
    return desk.engine.execute(document, None, None, context)


@pytest.mark.parametrize("name", ["ann", "bea", "root"])
def test_the_team_and_admins_see_everything(desk, people, name):
    answer = ask_as(desk, people, name)
    assert "errors" not in answer
    data = answer["data"]
    assert data["mine"]["runCount"] == 1
    assert data["mine"]["run"]["files"]["edges"][0]["node"]["name"] == "hush.txt"
    assert data["models"]["edges"] == [{"node": {"name": "plans", "runCount": 1}}]
    assert data["entity"].pop("id")
    assert data["entity"] == {
        "name": "lab",
        "isTeam": True,
        "members": [
            {"username": "ann", "email": "ann@lab.org", "role": "admin"},
            {"username": "bea", "email": "bea@lab.org", "role": "viewer"},
        ],
        "project": {"runCount": 1},
    }
    seen = {edge["node"]["username"]: edge["node"]["apiKeys"]["edges"] for edge in data["users"]["edges"]}
    assert set(seen) == ({"ann", "bea", "cyd", "root"} if name == "root" else {"ann", "bea"})
    assert {user for user, keys in seen.items() if keys} == (set(seen) if name == "root" else {name})
    assert data["user"] == {"username": "bea", "email": "bea@lab.org"}


@pytest.mark.parametrize("name", ["cyd", None])
def test_others_are_told_nothing_and_cannot_tell_it_from_what_is_not_there(desk, people, name):
    answer = ask_as(desk, people, name)
    missing = ask_as(desk, people, name, ASK.replace('"lab"', '"none"').replace('"bea"', '"nobody"'))
    assert answer == missing
    assert "errors" not in answer
    data = answer["data"]
    assert data.pop("viewer", None) is None or name == "cyd"
    assert [edge["node"]["username"] for edge in data.pop("users")["edges"]] == ([name] if name else [])
    assert data == {
        "mine": None,
        "model": {"bucket": None},
        "models": {"edges": []},
        "entity": None,
        "user": None,
    }
    assert not any(secret in str(answer) for secret in SECRETS)


def test_a_shared_project_is_seen_without_the_team_behind_it(desk, people):
    people.share_project("lab", "plans", "read")
    data = ask_as(desk, people, "cyd")["data"]
    assert data["mine"]["runCount"] == 1
    assert data["entity"]["isTeam"] is False
    assert data["entity"]["members"] == []
    assert data["user"] is None


def test_histories_that_are_kept_are_for_those_who_may_read_them(desk, people):
    document = '{ project(name: "plans", entityName: "lab") { run(name: "r1") { history } } }'
    assert len(ask_as(desk, people, "ann", document)["data"]["project"]["run"]["history"]) == 1
    assert ask_as(desk, people, "cyd", document) == {"data": {"project": {"run": None}}}
