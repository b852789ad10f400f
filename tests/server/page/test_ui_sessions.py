"""`runlake ui` lets one browser in, and does what its page asks, and nobody else's."""

import contextlib

import httpx
import pytest
from page_made import FROM_PAGE, browser, make_page, told

from runlake.model import RunPath
from runlake.server.ui import build_ui
from runlake.service.open import open_service
from runlake.version import __version__
from served import Holder, SocketServer, make_app
from waiting import DEADLINE_S

NOBODY = {
    "is_signed_in": False,
    "has_people": False,
    "version": __version__,
    "user": None,
    "is_admin": False,
    "default_entity": None,
    "is_read_only": False,
    "store": None,
}
SESSION = "/api/v1/session"
RUN = RunPath("ann", "p", "a")
RUN_ADDRESS = f"/api/v1/runs/{RUN.entity}/{RUN.project}/{RUN.run_id}"


class Ui:
    """The page over the folder `store`, at a socket."""

    def __init__(self, store, page_folder, **options):
        self.service = open_service(store, environ={"RUNLAKE_ENTITY": "ann"})
        self.ui = build_ui(self.service, page_folder=page_folder, **options)
        self.server = SocketServer(self.ui.app)
        self.url, self.token = self.server.url, self.ui.token
        self.port = self.url.rpartition(":")[2]

    @contextlib.contextmanager
    def sign_in(self):
        with browser(self.url) as client:
            assert client.post(SESSION, json={"token": self.token}).status_code == 200
            yield client

    def close(self):
        self.server.stop()
        self.service.close()


@pytest.fixture
def start(tmp_path):
    page = make_page(tmp_path / "page")
    started = []

    def start_ui(**options):
        started.append(Ui(tmp_path / "store", page, **options))
        return started[-1]

    yield start_ui
    for ui in started:
        ui.close()


@pytest.fixture
def ui(start):
    ui = start()
    ui.service.create_run(RUN)
    return ui


@pytest.fixture(scope="module")
def ui_at_rest(tmp_path_factory):
    """For tests that change nothing."""
    folder = tmp_path_factory.mktemp("rest")
    ui = Ui(folder / "store", make_page(folder / "page"))
    ui.service.create_run(RUN)
    yield ui
    ui.close()


@pytest.fixture(scope="module")
def signed_in(ui_at_rest):
    """The browser that is let in there."""
    with ui_at_rest.sign_in() as client:
        yield client


def test_the_token_is_exchanged_once_for_a_cookie_that_no_script_reads(ui):
    with browser(ui.url) as client:
        assert client.get(SESSION).json() == NOBODY
        assert told(client.get("/api/v1/projects")) == (401, "AuthenticationError")
        answer = client.post(SESSION, json={"token": ui.token})
        shown = {**NOBODY, "is_signed_in": True, "default_entity": "ann", "store": ui.service.url}
        assert (answer.status_code, answer.json()) == (200, shown)
        name, _, rest = answer.headers["Set-Cookie"].partition("=")
        assert name == f"runlake_{ui.port}"
        assert rest.partition("; ")[2] == "Max-Age=2592000; HttpOnly; SameSite=Strict"
        assert client.get(SESSION).json() == shown
        assert [project["name"] for project in client.get("/api/v1/projects").json()] == ["p"]
        assert client.patch(RUN_ADDRESS, json={"info": {"notes": "seen"}}).json()["notes"] == "seen"
        assert client.post(SESSION, json={"token": ui.token}).json() == shown
    with browser(ui.url) as other:
        assert told(other.post(SESSION, json={"token": ui.token})) == (401, "AuthenticationError")
        assert other.get(SESSION).json() == NOBODY


def test_what_is_not_the_token_lets_nobody_in_and_does_not_use_it_up(ui):
    with browser(ui.url) as client:
        for given in ({}, {"token": ""}, {"token": "wrong"}, {"token": "é"}, {"key": "local-1"}):
            content = str(given).replace("'", '"').encode("utf-8", "replace")
            refused = client.post(SESSION, content=content, headers={"Content-Type": "application/json"})
            assert told(refused) == (401, "AuthenticationError"), given
            assert "Set-Cookie" not in refused.headers
    with ui.sign_in() as client:
        assert client.get(SESSION).json()["is_signed_in"] is True


def test_a_session_ends_with_the_process_and_with_signing_out(ui, start):
    with ui.sign_in() as client:
        (cookie,) = client.cookies.jar
        again = start()
        headers = {**FROM_PAGE, "Cookie": f"runlake_{again.port}={cookie.value}"}
        assert httpx.get(f"{again.url}{SESSION}", headers=headers, timeout=DEADLINE_S).json() == NOBODY
        answer = httpx.get(f"{again.url}/api/v1/projects", headers=headers, timeout=DEADLINE_S)
        assert told(answer) == (401, "AuthenticationError")
        left = client.delete(SESSION)
        assert (left.status_code, left.headers["Set-Cookie"].split("; ")[1]) == (204, "Max-Age=0")
        kept = {**FROM_PAGE, "Cookie": f"{cookie.name}={cookie.value}"}
        assert httpx.get(f"{ui.url}{SESSION}", headers=kept, timeout=DEADLINE_S).json() == NOBODY


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "[::2]", "", "0.0.0.0"]
)
def test_a_name_that_another_can_give_this_machine_is_not_answered(ui_at_rest, signed_in, host):
    for path in ("/", "/page/assets/main-1a2b.js", SESSION, "/api/v1/projects", "/api/v1/schema"):
        assert told(signed_in.get(path, headers={"Host": host})) == (403, "ForbiddenError")
    refused = signed_in.post(SESSION, json={"token": ui_at_rest.token}, headers={"Host": host})
    assert told(refused) == (403, "ForbiddenError")


def test_names_of_this_machine_are_compared_without_the_port(start):
    ui = start(allowed_hosts=["Notebook.example"])
    with ui.sign_in() as client:
        for host in ("localhost", "localhost:1", "127.0.0.1:9", "[::1]", "[::1]:80", "notebook.example:443"):
            assert client.get("/api/v1/projects", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "SELF"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {},
    ],
)
def test_a_session_changes_nothing_for_who_does_not_say_that_the_page_asked(ui_at_rest, signed_in, sent):
    (cookie,) = signed_in.cookies.jar
    headers = {"Cookie": f"{cookie.name}={cookie.value}"}
    headers |= {name: value.replace("SELF", ui_at_rest.url) for name, value in sent.items()}
    with httpx.Client(base_url=ui_at_rest.url, headers=headers, timeout=DEADLINE_S) as elsewhere:
        for method, path in (("PATCH", RUN_ADDRESS), ("DELETE", RUN_ADDRESS), ("POST", f"{RUN_ADDRESS}/stop")):
            assert told(elsewhere.request(method, path, json={"info": {"notes": "x"}})) == (403, "ForbiddenError")
    assert ui_at_rest.service.read_run(RUN).notes is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_others_reads_nothing_with_the_session_and_signs_nobody_in(ui, site):
    with browser(ui.url, **{"Sec-Fetch-Site": site}) as client:
        assert told(client.post(SESSION, json={"token": ui.token})) == (403, "ForbiddenError")
    with ui.sign_in() as client:
        foreign = client.get("/api/v1/projects", headers={"Sec-Fetch-Site": site, "Origin": "http://evil.example"})
        assert told(foreign) == (401, "AuthenticationError")
        assert "Access-Control-Allow-Origin" not in foreign.headers
        assert client.get("/api/v1/projects", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_where_browsers_leave_out_the_site_the_origin_says_it(ui):
    with ui.sign_in() as client:
        del client.headers["Sec-Fetch-Site"]
        own = client.patch(RUN_ADDRESS, json={"info": {"notes": "own"}}, headers={"Origin": ui.url})
        assert own.json()["notes"] == "own"


def test_no_browser_asks_for_a_password_beside_the_page(ui_at_rest):
    with browser(ui_at_rest.url) as client:
        assert client.get("/api/v1/projects").headers["WWW-Authenticate"] == 'Bearer realm="runlake"'
        assert client.post(SESSION, json={}).headers["WWW-Authenticate"] == 'Bearer realm="runlake"'


def test_a_page_that_is_read_only_refuses_all_that_is_not_known_to_read(start):
    ui = start(is_read_only=True)
    ui.service.create_run(RUN)
    with ui.sign_in() as client:
        assert client.get(SESSION).json()["is_read_only"] is True
        for method, path in (
            ("PATCH", RUN_ADDRESS),
            ("DELETE", RUN_ADDRESS),
            ("PUT", f"{RUN_ADDRESS}/files/x"),
            ("POST", f"{RUN_ADDRESS}/stop"),
            ("POST", "/api/v1/trash/restore"),
            ("PUT", "/api/v1/projects/ann/q"),
        ):
            refused = client.request(method, path, json={})
            assert told(refused) == (403, "ForbiddenError")
            assert refused.json()["error"]["message"].endswith("started with --read-only")
        assert client.post("/api/v1/projects/ann/p/runs/query", json={}).json()["total_count"] == 1
        assert client.post(f"{RUN_ADDRESS}/history", json={"keys": None}).status_code == 200
        assert client.delete(SESSION).status_code == 204


def test_each_post_that_reads_says_so_and_no_other_does():
    posts = {}
    for route in make_app(Holder()).routes:
        handler, _ = getattr(route, "route_handler_map", {}).get("POST", (None, None))
        if handler is not None:
            posts[handler.handler_name.rpartition(".")[2]] = handler.opt.get("only_reads", False)
    reading = ("read_", "query_", "list_", "sample_", "outline_", "export_")
    assert posts == {name: name.startswith(reading) for name in posts}


def test_what_users_logged_is_never_run_by_a_browser(ui):
    inert = "default-src 'none'; frame-ancestors 'none'; sandbox"
    with ui.sign_in() as client:
        for name in ("a.html", "a.svg", "media/html/table_1_2.html"):
            client.put(f"{RUN_ADDRESS}/files/{name}", content=b"<script>parent.x()</script>").raise_for_status()
            answer = client.get(f"{RUN_ADDRESS}/files/{name}")
            assert answer.content == b"<script>parent.x()</script>"
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["Content-Disposition"] == "attachment"
            assert answer.headers.get_list("Content-Security-Policy") == [inert]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
