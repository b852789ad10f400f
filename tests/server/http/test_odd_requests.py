"""Requests that no client sends by itself: what they are answered, and what caches are told of every answer."""

import json
import logging
from pathlib import Path

import pytest
from in_process import InProcess

from runlake.model import RunPath
from runlake.server.http.logs import JsonLines
from runlake.server.people.people import People
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run

PATH = RunPath("ann", "digits", "r1")
MANY_DIGITS = "9" * 5_000
CONTENT = b"0123456789"
PROBLEMS = logging.getLogger("runlake.server")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("odd") / "store")
    writer = open_run(FolderStore(Path(server.config.root)), PATH, {}).writer
    writer.end({"exit_code": 0, "runtime": 1.0})
    server.ask("PUT", f"/api/v1/runs/{PATH}/files/a.bin", who="ann", content=CONTENT)
    yield server
    server.close()


@pytest.fixture
def logged():
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(JsonLines())
    PROBLEMS.addHandler(handler)
    yield lines
    PROBLEMS.removeHandler(handler)


def signed_url(server, method):
    """The URL that W&B's client is given for the file, without the name of the server."""
    field = {"GET": "directUrl", "PUT": "uploadUrl"}[method]
    asked = (
        '{ project(name: "digits", entityName: "ann") { run(name: "r1") { files(names: ["a.bin"])'
        " { edges { node { %s } } } } } }"
    )
    answer = server.ask("POST", "/graphql", who="ann", json={"query": asked % field}).json()
    url = answer["data"]["project"]["run"]["files"]["edges"][0]["node"][field]
    return url.removeprefix("http://lake")


@pytest.mark.parametrize(
    "value",
    [b"Basic YTp\xff", b"Basic \xff\xfe", b"Basic =", b"Basic", b"Bearer \xff", b"\xff", b"", b"Basic " + b"A" * 5_000],
)
def test_a_key_that_can_be_none_is_answered_as_no_key(server, value):
    answer = server.ask("GET", "/api/v1/projects", headers={"Authorization": value})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "AuthenticationError")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        (f"bytes=0-{MANY_DIGITS}", 206, CONTENT),
        (f"bytes=-{MANY_DIGITS}", 206, CONTENT),
        (f"bytes={MANY_DIGITS}-", 416, b""),
        (f"bytes={MANY_DIGITS}-{MANY_DIGITS}", 416, b""),
        (f"bytes={MANY_DIGITS}-1", 200, CONTENT),
        ("bytes=" + "0" * 5_000 + "3-4", 206, b"34"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=-0", 416, b""),
        ("bytes=0-1,3-4", 200, CONTENT),
        ("bytes=x-", 200, CONTENT),
        ("", 200, CONTENT),
    ],
)
@pytest.mark.parametrize("address", [f"/api/v1/runs/{PATH}/files/a.bin", f"/files/{PATH}/a.bin"])
def test_a_range_of_any_length_is_answered_as_http_has_it(server, address, asked, status, content):
    answer = server.ask("GET", address, who="ann", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, content)


def test_a_url_that_permits_reading_permits_to_ask_for_the_headers_alone(server):
    url = signed_url(server, "GET")
    whole, head = server.ask("GET", url), server.ask("HEAD", url, headers={"Range": "bytes=0-1"})
    assert (whole.status_code, head.status_code, whole.content, head.content) == (200, 200, CONTENT, b"")
    same = ("content-length", "etag", "content-type", "accept-ranges", "cache-control")
    assert {name: head.headers[name] for name in same} == {name: whole.headers[name] for name in same}
    assert server.ask("HEAD", url, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
    assert server.ask("HEAD", signed_url(server, "PUT")).status_code == 403


@pytest.mark.slow
def test_no_answer_may_be_kept_by_others_than_the_one_who_asked(server):
    kept = {}
    endless = "/api/v1/projects/{entity}/{project}/events"
    for route in server.routes():
        if route.path_format == "/" or route.path_format.startswith("/page"):
            continue  # the page itself, the same for everybody
        for method in sorted(route.methods - {"OPTIONS"}):
            for who in (None, "ann") if method != "DELETE" and route.path_format != endless else (None,):
                path = route.path_format
                for name, value in {**PATH._asdict(), "name": "a.bin"}.items():
                    path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
                answer = server.ask(method, path, who=who, json={} if method in ("POST", "PUT", "PATCH") else None)
                kept[method, path, who] = answer.headers.get_list("cache-control")
    assert len(kept) > 80
    assert {tuple(found) for found in kept.values()} == {("private, no-store",), ("private, no-cache",)}
    asked = {path for (_, path, _), found in kept.items() if found == ["private, no-cache"]}
    assert asked == {f"/api/v1/runs/{PATH}/files/a.bin", f"/files/{PATH}/a.bin"}
    assert signed_url(server, "GET")
    for refused in ("/nowhere", f"/files/{PATH}/a.bin?token=1.2.3"):
        assert server.ask("GET", refused).headers["cache-control"] == "private, no-store"


def test_a_mistake_before_any_route_is_answered_and_logged_as_one_in_a_route(server, logged, monkeypatch):
    def fail(self, key):
        raise KeyError("local-" + "d" * 40)

    monkeypatch.setattr(People, "sign_in", fail)
    answer = server.ask("GET", "/api/v1/projects", who="ann", headers={"Origin": "https://page.example"})
    assert answer.status_code == 500
    assert answer.json()["error"] == {
        "type": "KeyError",
        "message": "an unexpected KeyError in the server; its log says more",
    }
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["access-control-allow-origin"] == "*"
    (line,) = logged
    assert (line["status"], line["level"], line["request_id"]) == (500, "error", answer.headers["x-request-id"])
    assert "in fail" in line["traceback"]
    assert "dddd" not in json.dumps(line)
