"""Keys, users, teams and shared projects over HTTP: who may see and change what."""

import httpx
import pytest
from page_made import browser, told

from runlake.model import RunPath
from runlake.server.app import build_app
from runlake.server.config import ServerConfig
from served import SocketServer
from waiting import DEADLINE_S

PEOPLE = "/api/v1/people"
SESSION = "/api/v1/session"


class Team:
    """A server with the admin ann; lab is the team of bob, its admin, and vic, a viewer; eve is in none."""

    def __init__(self, root):
        root.mkdir()
        self.built = build_app(ServerConfig(root=str(root), default_entity="ann"))
        self.people, self.service = self.built.context.people, self.built.context.service
        self.keys = {
            name: self.people.add_user(name, is_admin=name == "ann").key for name in ("ann", "bob", "eve", "vic")
        }
        self.people.add_team("lab", {"bob": "admin", "vic": "viewer"})
        self.server = SocketServer(self.built.app)

    def ask(self, who, method, path, json=None):
        """One request of a program with the key of `who`: its status and document."""
        auth = None if who is None else ("api", self.keys[who])
        answer = httpx.request(method, f"{self.server.url}{PEOPLE}{path}", auth=auth, json=json, timeout=DEADLINE_S)
        document = answer.json() if answer.content else None
        if answer.is_error:
            return answer.status_code, document["error"]["type"]
        return answer.status_code, document

    def close(self):
        self.server.stop()
        self.built.context.close()


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "store")
    yield team
    team.close()


@pytest.fixture(scope="module")
def team_at_rest(tmp_path_factory):
    """For tests that change nothing."""
    team = Team(tmp_path_factory.mktemp("rest") / "store")
    yield team
    team.close()


def without_times(document):
    return [{key: value for key, value in each.items() if key != "created_at"} for each in document]


def test_everybody_sees_who_they_are_and_their_own_keys(team_at_rest):
    status, me = team_at_rest.ask("vic", "GET", "/me")
    assert (status, without_times([me])) == (
        200,
        [{"user": "vic", "is_admin": False, "email": None, "teams": {"lab": "viewer"}}],
    )
    (known,) = team_at_rest.people.list_keys("vic")
    assert team_at_rest.ask("vic", "GET", "/keys") == (
        200,
        [
            {
                "key_id": known.key_id,
                "user": "vic",
                "description": "first key",
                "created_at": known.created_at,
                "is_current": True,
            }
        ],
    )


def test_a_new_key_is_shown_once_signs_in_and_ends_when_it_is_revoked(team):
    status, made = team.ask("eve", "POST", "/keys", {"description": "laptop"})
    assert (status, sorted(made), made["user"]) == (201, ["key", "key_id", "user"], "eve")
    listed = team.ask("eve", "GET", "/keys")[1]
    assert [(key["description"], key["is_current"]) for key in listed] == [("first key", True), ("laptop", False)]
    assert made["key"] not in str(listed)
    team.keys["eve's laptop"] = made["key"]
    assert team.ask("eve's laptop", "GET", "/me")[1]["user"] == "eve"
    assert team.ask("eve", "DELETE", f"/keys/{made['key_id']}") == (204, None)
    assert team.ask("eve's laptop", "GET", "/me") == (401, "AuthenticationError")
    assert team.ask("eve", "DELETE", f"/keys/{made['key_id']}") == (404, "NotFoundError")


@pytest.mark.slow
def test_keys_of_others_are_there_for_admins_only(team):
    (bobs,) = team.people.list_keys("bob")
    assert team.ask("eve", "GET", "/keys?user=bob") == (403, "ForbiddenError")
    assert team.ask("eve", "POST", "/keys", {"user": "bob"}) == (403, "ForbiddenError")
    assert team.ask("eve", "DELETE", f"/keys/{bobs.key_id}") == (404, "NotFoundError")
    assert [key["key_id"] for key in team.ask("ann", "GET", "/keys?user=bob")[1]] == [bobs.key_id]
    assert team.ask("ann", "POST", "/keys", {"user": "bob", "description": "lost"})[1]["user"] == "bob"
    assert team.ask("ann", "DELETE", f"/keys/{bobs.key_id}") == (204, None)
    assert team.ask("bob", "GET", "/me") == (401, "AuthenticationError")
    assert team.ask("ann", "GET", "/keys?user=nobody") == (404, "NotFoundError")


def test_an_admin_adds_and_removes_users_but_not_themselves(team):
    status, added = team.ask("ann", "POST", "/users", {"name": "joe", "email": "joe@example.com", "is_admin": True})
    assert (status, added["user"]) == (201, "joe")
    team.keys["joe"] = added["key"]
    users = team.ask("joe", "GET", "/users")[1]
    assert [user["user"] for user in users] == ["ann", "bob", "eve", "joe", "vic"]
    assert without_times(users)[3] == {"user": "joe", "is_admin": True, "email": "joe@example.com", "teams": {}}
    assert team.ask("ann", "POST", "/users", {"name": "JOE"}) == (409, "ConflictError")
    assert team.ask("ann", "POST", "/users", {"name": "a/b"}) == (400, "BadValueError")
    assert team.ask("joe", "DELETE", "/users/joe") == (409, "ConflictError")
    assert team.ask("joe", "DELETE", "/users/ann") == (204, None)
    assert team.ask("ann", "GET", "/me") == (401, "AuthenticationError")
    assert [person.username for person in team.people.list_users() if person.is_admin] == ["joe"]


def test_teams_are_made_by_admins_and_peopled_by_their_own(team):
    assert team.ask("ann", "POST", "/teams", {"name": "duo", "members": {"eve": "member"}})[0] == 201
    assert [each["team"] for each in team.ask("ann", "GET", "/teams")[1]] == ["duo", "lab"]
    assert [each["team"] for each in team.ask("bob", "GET", "/teams")[1]] == ["lab"]
    status, lab = team.ask("bob", "PUT", "/teams/lab/members/eve", {"role": "member"})
    assert (status, lab["members"]) == (200, {"bob": "admin", "eve": "member", "vic": "viewer"})
    assert team.ask("eve", "PUT", "/teams/lab/members/eve", {"role": "admin"}) == (403, "ForbiddenError")
    assert team.ask("eve", "DELETE", "/teams/lab/members/vic") == (403, "ForbiddenError")
    assert team.ask("bob", "PUT", "/teams/duo/members/bob", {"role": "admin"}) == (404, "NotFoundError")
    assert team.ask("bob", "DELETE", "/teams/duo/members/bob") == (404, "NotFoundError")
    assert team.ask("bob", "PUT", "/teams/lab/members/ghost", {"role": "member"}) == (404, "NotFoundError")
    assert team.ask("bob", "PUT", "/teams/lab/members/eve", {"role": "owner"}) == (400, "BadValueError")
    assert team.ask("vic", "DELETE", "/teams/lab/members/vic") == (204, None)
    assert team.people.find_team("lab").members == {"bob": "admin", "eve": "member"}
    assert team.ask("ann", "DELETE", "/teams/lab") == (204, None)
    assert team.ask("bob", "GET", "/teams") == (200, [])


def test_a_project_is_shared_by_whose_it_is(team):
    team.service.create_run(RunPath("lab", "plans", "a"))
    share = {"entity": "lab", "project": "plans", "access": "read"}
    assert team.ask("bob", "PUT", "/shares/lab/plans", {"access": "read"}) == (200, share)
    assert team.ask("eve", "GET", "/shares") == (200, [share])
    assert team.ask("vic", "PUT", "/shares/lab/plans", {"access": "write"}) == (403, "ForbiddenError")
    assert team.ask("eve", "PUT", "/shares/lab/plans", {"access": "write"}) == (403, "ForbiddenError")
    assert team.ask("eve", "PUT", "/shares/eve/own", {"access": "write"})[0] == 200
    assert team.ask("ann", "PUT", "/shares/lab/plans", {"access": "private"})[0] == 200
    assert team.people.directory().shares == {("eve", "own"): "write"}
    assert team.ask("bob", "PUT", f"/shares/bob/{'x' * 200}", {"access": "read"}) == (400, "BadValueError")


ONLY_ADMINS = [
    ("GET", "/users", None),
    ("POST", "/users", {"name": "mallory", "is_admin": True}),
    ("DELETE", "/users/vic", None),
    ("POST", "/teams", {"name": "ours"}),
    ("DELETE", "/teams/lab", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ONLY_ADMINS)
def test_what_is_for_admins_is_refused_to_others_and_changes_nothing(team_at_rest, method, path, body):
    before = team_at_rest.people.directory()
    for who in ("bob", "vic", "eve"):
        assert team_at_rest.ask(who, method, path, body) == (403, "ForbiddenError")
    assert team_at_rest.ask(None, method, path, body) == (401, "AuthenticationError")
    assert team_at_rest.people.directory() == before


def test_nobody_sees_nothing_of_people(team_at_rest):
    for path in ("/me", "/keys", "/users", "/teams", "/shares"):
        assert team_at_rest.ask(None, "GET", path) == (401, "AuthenticationError")


def test_an_answer_with_a_key_is_kept_nowhere_and_a_foreign_page_changes_nothing(team):
    with browser(team.server.url) as client:
        client.post(SESSION, json={"key": team.keys["eve"]})
        made = client.post(f"{PEOPLE}/keys", json={"description": "page"})
        assert (made.status_code, made.headers["Cache-Control"]) == (201, "private, no-store")
        (current,) = [key for key in client.get(f"{PEOPLE}/keys").json() if key["is_current"]]
        assert current["description"] == "first key"
        evil = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        before = team.people.directory()
        for method, path in (("POST", "/keys"), ("PUT", "/shares/eve/own"), ("DELETE", f"/keys/{current['key_id']}")):
            body = {"access": "write"} if method == "PUT" else {}
            refused = client.request(method, f"{PEOPLE}{path}", json=body, headers=evil)
            assert told(refused) == (403, "ForbiddenError")
        assert team.people.directory() is before
        assert client.delete(f"{PEOPLE}/keys/{current['key_id']}").status_code == 204
        assert told(client.get(f"{PEOPLE}/me")) == (401, "AuthenticationError")


@pytest.mark.parametrize("wish", [{"description": "x" * 1001}, {"description": "a\0b"}, {"key": "local-mine"}])
def test_a_key_that_cannot_be_is_refused(team_at_rest, wish):
    assert team_at_rest.ask("eve", "POST", "/keys", wish) == (400, "BadValueError")
    assert len(team_at_rest.people.list_keys("eve")) == 1
