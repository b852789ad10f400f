"""The page at a team's server: a key signs in, a cookie stays that is not the key, and it ends with the key."""

import httpx
import pytest
from page_made import FROM_PAGE, browser, told

from runlake.model import RunPath
from runlake.server.app import build_app
from runlake.server.config import ServerConfig
from runlake.server.http.sessions import LIFE_S, Sessions
from runlake.server.http.signing import Signer
from runlake.version import __version__
from served import SocketServer
from waiting import DEADLINE_S

SESSION = "/api/v1/session"
NOBODY = {
    "is_signed_in": False,
    "has_people": True,
    "version": __version__,
    "user": None,
    "is_admin": False,
    "default_entity": None,
    "is_read_only": False,
    "store": None,
}


class Team:
    """A server over `root`, with the people ann, who is an admin, and bob."""

    def __init__(self, root, **settings):
        root.mkdir(exist_ok=True)
        self.built = build_app(ServerConfig(root=str(root), default_entity="ann", **settings))
        self.people, self.service = self.built.context.people, self.built.context.service
        self.keys = {}
        if not self.people.list_users():
            self.keys["ann"] = self.people.add_user("ann", is_admin=True).key
            self.keys["bob"] = self.people.add_user("bob").key
        self.server = SocketServer(self.built.app)
        self.url = self.server.url

    def close(self):
        self.server.stop()
        self.built.context.close()


@pytest.fixture
def start(tmp_path):
    started = []

    def start_team(**settings):
        started.append(Team(tmp_path / "store", **settings))
        return started[-1]

    yield start_team
    for team in started:
        team.close()


@pytest.fixture
def team(start):
    return start()


@pytest.fixture(scope="module")
def team_at_rest(tmp_path_factory):
    """For tests that nobody signs in in."""
    team = Team(tmp_path_factory.mktemp("rest") / "store")
    yield team
    team.close()


def cookie_of(client):
    (cookie,) = client.cookies.jar
    return cookie.value


def test_a_key_begins_a_session_with_the_rights_of_its_user(team):
    team.service.create_run(RunPath("ann", "hers", "a"))
    team.service.create_run(RunPath("bob", "his", "b"))
    with browser(team.url) as client:
        assert client.get(SESSION).json() == NOBODY
        answer = client.post(SESSION, json={"key": f" {team.keys['bob']}\n"})
        bob = {**NOBODY, "is_signed_in": True, "user": "bob", "default_entity": "bob", "store": team.url}
        assert (answer.status_code, answer.json()) == (200, bob)
        assert answer.headers["Set-Cookie"].partition("; ")[2] == f"Max-Age={LIFE_S}; HttpOnly; SameSite=Strict"
        assert team.keys["bob"] not in answer.headers["Set-Cookie"]
        assert client.get(SESSION).json() == bob
        assert [project["name"] for project in client.get("/api/v1/projects").json()] == ["his"]
        assert told(client.get("/api/v1/runs/ann/hers/a")) == (404, "NotFoundError")
        edited = client.patch("/api/v1/runs/bob/his/b", json={"info": {"notes": "mine"}})
        assert edited.json()["notes"] == "mine"
        assert client.delete(SESSION).status_code == 204
        assert client.get(SESSION).json() == NOBODY


@pytest.mark.parametrize("given", [{}, {"key": ""}, {"key": "local-" + "0" * 40}, {"token": "t"}])
def test_what_is_no_key_signs_nobody_in(team_at_rest, given):
    with browser(team_at_rest.url) as client:
        refused = client.post(SESSION, json=given)
        assert told(refused) == (401, "AuthenticationError")
        assert "Set-Cookie" not in refused.headers
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="runlake"'
        assert client.get(SESSION).json() == NOBODY
    assert told(httpx.post(f"{team_at_rest.url}{SESSION}", json={"key": "x" * 70_000}, timeout=DEADLINE_S))[0] == 401


@pytest.mark.slow
def test_a_session_outlives_the_server_and_ends_with_its_key_at_once(team, start):
    with browser(team.url) as client:
        client.post(SESSION, json={"key": team.keys["bob"]})
        value = cookie_of(client)
        again = start()
        headers = {**FROM_PAGE, "Cookie": f"runlake_{again.url.rpartition(':')[2]}={value}"}
        with httpx.Client(base_url=again.url, headers=headers, timeout=DEADLINE_S) as later:
            assert later.get(SESSION).json()["user"] == "bob"
            (key,) = team.people.list_keys("bob")
            team.people.revoke_key(key.key_id)
            assert later.get(SESSION).json() == NOBODY
            assert told(later.get("/api/v1/projects")) == (401, "AuthenticationError")
        assert told(client.get("/api/v1/projects")) == (401, "AuthenticationError")


def test_a_session_is_good_until_its_moment_and_for_nothing_else(team):
    now = [1_000.0]
    signer = Signer(team.people.signing_secret())
    sessions = Sessions(signer, team.people, clock=lambda: now[0])
    bob = team.people.sign_in(team.keys["bob"])

    def found(value, path="/api/v1/projects"):
        headers = [(b"cookie", b"runlake_1=" + value.encode()), (b"sec-fetch-site", b"same-origin")]
        return sessions.find({"type": "http", "method": "GET", "path": path, "headers": headers, "server": ("", 1)})

    value = sessions.begin(bob)
    assert found(value) == bob
    assert found(f"{value[:-5]}{'A' if value[-5] != 'A' else 'B'}{value[-4:]}") is None
    assert found(signer.sign("GET", "/api/v1/projects", 9e9, subject=f"{bob.key_id}.{bob.person.id}")) is None
    assert found(value, path="/graphql") is None
    assert found(value, path="/files/bob/p/r/x") is None
    now[0] += LIFE_S - 1
    assert found(value) == bob
    now[0] += 1
    assert found(value) is None


def test_a_cookie_is_no_key_elsewhere_and_no_session_for_pages_of_others(team):
    team.service.create_run(RunPath("bob", "his", "b"))
    with browser(team.url) as client:
        client.post(SESSION, json={"key": team.keys["bob"]})
        cookie = {"Cookie": f"runlake_{team.url.rpartition(':')[2]}={cookie_of(client)}"}
    with httpx.Client(base_url=team.url, headers=cookie, timeout=DEADLINE_S) as elsewhere:
        viewer = {"query": "query Viewer { viewer { username } }"}
        assert elsewhere.post("/graphql", json=viewer, headers=FROM_PAGE).json()["data"]["viewer"] is None
        assert told(elsewhere.get("/metrics", headers=FROM_PAGE)) == (401, "AuthenticationError")
        evil = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        foreign = elsewhere.get("/api/v1/projects", headers=evil)
        assert told(foreign) == (401, "AuthenticationError")
        assert "Access-Control-Allow-Credentials" not in foreign.headers
        address = "/api/v1/runs/bob/his/b"
        for headers in (evil, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {}):
            refused = elsewhere.patch(address, json={"info": {"notes": "x"}}, headers=headers)
            assert told(refused) == (403, "ForbiddenError")
        assert elsewhere.patch(address, json={}, headers={"Origin": team.url}).status_code == 200
        bobs = ("api", team.keys["bob"])
        assert elsewhere.patch(address, json={}, headers=evil, auth=bobs).status_code == 200
    with browser(team.url, **evil) as client:
        assert told(client.post(SESSION, json={"key": team.keys["bob"]})) == (403, "ForbiddenError")


def test_over_tls_the_cookie_never_leaves_it(start):
    team = start(is_tls=True, base_url="https://lake.example")
    with browser(team.url) as client:
        answer = client.post(SESSION, json={"key": team.keys["ann"]})
        assert answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")
        assert (answer.json()["store"], answer.json()["is_admin"]) == ("https://lake.example", True)
