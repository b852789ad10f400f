"""What every request passes: who it is, how much it may ask for, what is told of it, and what browsers are told."""

import asyncio
import json
import logging
import sqlite3
import threading
from types import SimpleNamespace

import httpx
import pytest
from litestar import Litestar, Request, get, post, put
from litestar.params import FromPath

from runlake.errors import StoreError
from runlake.server.config import ServerConfig
from runlake.server.http.health import folder_checks, health_routes
from runlake.server.http.limits import RateLimit
from runlake.server.http.logs import JsonLines, TextLines, hide_secrets, person_of
from runlake.server.http.metrics import Metrics
from runlake.server.http.problems import problem_response
from runlake.server.middleware import add_middleware
from runlake.server.people.people import open_people


@get("/runs/{name:str}")
async def read_run(name: FromPath[str], request: Request) -> dict[str, str | None]:
    return {"name": name, "person": person_of(request.scope)}


@post("/runs")
async def write_run(request: Request) -> dict[str, int]:
    return {"size_bytes": len(await request.body())}


@put(["/files/ann/p/r/a.bin", "/api/v1/runs/ann/p/r/files/a.bin", "/api/v1/runs/ann/p/files/writers/w/1"])
async def put_file(request: Request) -> dict[str, int]:
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
    return {"size_bytes": size_bytes}


@get("/broken")
async def break_down() -> None:
    raise KeyError("local-" + "d" * 40)


@get("/damaged")
async def read_damaged() -> None:
    raise StoreError("the segment is damaged")


@pytest.fixture
def make_server(tmp_path):
    """A whole server in process: `ask(method, url, **options)` is one request."""
    made = []

    def make(**settings):
        config = ServerConfig(root=str(tmp_path), default_entity="ann", **settings)
        people, metrics, draining = open_people(tmp_path), Metrics(), threading.Event()
        made.append(people)
        routes = [read_run, write_run, put_file, break_down, read_damaged]
        app = Litestar(
            [
                *routes,
                *health_routes(checks=folder_checks(tmp_path), people=people, metrics=metrics, draining=draining),
            ],
            exception_handlers={Exception: problem_response},
            openapi_config=None,
            request_max_body_size=None,
        )
        layered = add_middleware(app, config=config, people=people, metrics=metrics)

        def ask(method, url, **options):
            async def send():
                transport = httpx.ASGITransport(layered)
                async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                    return await client.request(method, url, **options)

            return asyncio.run(send())

        return SimpleNamespace(ask=ask, people=people, draining=draining)

    yield make
    for people in made:
        people.close()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def log():
    """The lines that the server logs, as documents; `text` is everything."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler, logger = Keep(), logging.getLogger("runlake.server")
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    yield SimpleNamespace(
        lines=lines, documents=lambda: [json.loads(line) for line in lines], text=lambda: "\n".join(lines)
    )
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_route_knows_who_asks(server):
    key = server.people.add_user("ann").key
    assert server.ask("GET", "/runs/a", headers={"Authorization": f"Bearer {key}"}).json()["person"] == "ann"
    assert server.ask("GET", "/runs/a", auth=("api", key)).json()["person"] == "ann"
    assert server.ask("GET", "/runs/a").json()["person"] is None


def test_people_that_cannot_be_read_now_are_a_fault_and_not_a_wrong_key(server, tmp_path):
    key = server.people.add_user("ann").key
    server.people.sign_in(key)
    with sqlite3.connect(tmp_path / "server.sqlite") as connection:
        connection.execute("ALTER TABLE keys RENAME TO hidden")
    connection.close()
    answer = server.ask("GET", "/runs/a", auth=("api", key))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert server.ask("GET", "/readyz").json() == {
        "status": "not ready",
        "draining": False,
        "people": False,
        "store": True,
        "writable": True,
    }


def test_each_request_is_one_line_that_says_who_asked_what_and_how_it_ended(server, log):
    key = server.people.add_user("ann").key
    answer = server.ask("POST", "/runs?token=a.b.c", auth=("api", key), content=b"12345")
    (line,) = log.documents()
    assert line.pop("duration_ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "route": "/runs",
        "path": "/runs",
        "status": 201,
        "person": "ann",
        "client": "127.0.0.1",
        "received_bytes": 5,
        "sent_bytes": len(answer.content),
    }


def test_the_route_is_a_template_so_that_runs_do_not_multiply_it(server, log):
    server.ask("GET", "/runs/a")
    server.ask("GET", "/nothing/here")
    assert [line["route"] for line in log.documents()] == ["/runs/{name}", "other"]


def test_no_key_and_no_token_is_in_the_log(server, log):
    added = server.people.add_user("ann")
    secret = added.key.removeprefix("local-")
    for headers in ({"Authorization": f"Bearer {added.key}"}, {"Authorization": f"Basic {added.key}"}, {}):
        for url in (f"/runs/a?token=1.2.{secret}", f"/broken?key={added.key}", "/nothing?api_key=" + secret):
            server.ask("GET", url, headers=headers)
    assert len(log.lines) == 9
    assert secret not in log.text()
    assert "d" * 40 not in log.text()


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_a_key_in_somebody_elses_message_is_hidden(form):
    key = "local-" + "a" * 40
    record = logging.LogRecord("library", logging.WARNING, "x.py", 1, "sent %s?token=%s", (key, "1.2.3&x=1"), None)
    text = form.format(record)
    assert "aaaa" not in text
    assert "1.2.3" not in text
    assert "x=1" in text


def test_words_that_are_no_secrets_stay():
    text = "local-experiment of localhost, token bucket"
    assert hide_secrets(text) == text


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_a_path_cannot_write_a_line_of_its_own(form):
    record = logging.LogRecord("runlake.server", logging.INFO, "x.py", 1, "request", None, None)
    record.fields = {"path": "/a\n2026 info request status=200\x1b[2J"}
    assert form.format(record).isprintable()


def test_a_mistake_is_logged_with_its_traceback_and_answered_without(server, log):
    answer = server.ask("GET", "/broken")
    assert answer.status_code == 500
    assert "KeyError in the server" in answer.json()["error"]["message"]
    (line,) = log.documents()
    assert line["level"] == "error"
    assert "in break_down" in line["traceback"]
    assert line["request_id"] == answer.headers["x-request-id"]


def test_a_fault_of_the_store_is_logged_as_an_error(server, log):
    assert server.ask("GET", "/damaged").status_code == 503
    assert [line["level"] for line in log.documents()] == ["error"]


def test_bodies_that_are_too_large_are_refused_whether_they_say_so_or_not(make_server):
    server = make_server(max_body_bytes=10, max_file_bytes=20)

    async def chunks():
        for _ in range(3):
            yield b"12345"

    key = ("api", server.people.add_user("ann").key)
    told = server.ask("POST", "/runs", content=b"x" * 11, auth=key)
    untold = server.ask("POST", "/runs", content=chunks(), auth=key)
    for answer in (told, untold):
        assert answer.status_code == 413
        assert answer.json()["error"] == {
            "type": "TooLargeError",
            "message": "the request is larger than 10 bytes, which is all that this server takes at once",
        }
    assert server.ask("POST", "/runs", content=b"x" * 10, auth=key).status_code == 201
    for url in ("/files/ann/p/r/a.bin", "/api/v1/runs/ann/p/r/files/a.bin"):
        assert server.ask("PUT", url, content=b"x" * 20, auth=key).json() == {"size_bytes": 20}
        assert server.ask("PUT", url, content=b"x" * 21, auth=key).status_code == 413
    journal = "/api/v1/runs/ann/p/files/writers/w/1"
    assert server.ask("PUT", journal, content=b"x" * 11, auth=key).status_code == 413


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not(make_server):
    server = make_server(requests_per_s=0.1, burst_requests=3)
    keys = {name: server.people.add_user(name).key for name in ("ann", "bob")}
    answers = [server.ask("GET", "/runs/a", auth=("api", keys["ann"])) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].headers["retry-after"] == "10"
    assert answers[3].json()["error"]["type"] == "BusyError"
    assert server.ask("GET", "/runs/a", auth=("api", keys["bob"])).status_code == 200
    assert server.ask("GET", "/runs/a").status_code == 200
    assert server.ask("GET", "/healthz").status_code == 200


def test_requests_come_back_with_time():
    now = 0.0
    passed = []

    async def app(scope, receive, send):
        passed.append(now)

    async def send(message):
        pass

    limit = RateLimit(app, requests_per_s=2.0, burst_requests=2, clock=lambda: now)
    for now in (0.0, 0.0, 0.0, 0.4, 0.5, 0.6, 10.0, 10.0, 10.0):  # noqa: B007 - the clock reads it
        asyncio.run(limit({"type": "http", "path": "/x", "client": ("1.2.3.4", 1)}, None, send))
    assert passed == [0.0, 0.0, 0.5, 10.0, 10.0]


def test_every_answer_tells_browsers_to_be_careful(server):
    for url in ("/runs/a", "/nothing", "/broken"):
        headers = server.ask("GET", url).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "sandbox" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers


def test_over_tls_browsers_are_told_to_stay_with_it(make_server):
    assert "max-age" in make_server(is_tls=True).ask("GET", "/healthz").headers["strict-transport-security"]


def test_options_with_an_origin_are_answered_for_any_address(server):
    answer = server.ask("OPTIONS", "/runs/a/file", headers={"Origin": "https://page.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert server.ask("GET", "/runs/a", headers={"Origin": "https://x"}).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in server.ask("GET", "/runs/a").headers


def test_a_server_may_name_the_pages_that_may_ask(make_server):
    server = make_server(allowed_origins=("https://page.example",))
    asked = {
        origin: server.ask("GET", "/runs/a", headers={"Origin": origin})
        for origin in ("https://page.example", "https://evil.example")
    }
    assert [answer.headers.get("access-control-allow-origin") for answer in asked.values()] == [
        "https://page.example",
        None,
    ]
    assert {answer.headers["vary"] for answer in asked.values()} == {"Origin"}


def test_health_is_for_all_and_the_numbers_are_for_admins(server):
    admin, ann = server.people.add_user("root", is_admin=True).key, server.people.add_user("ann").key
    assert server.ask("GET", "/healthz").json() == {"status": "ok"}
    assert server.ask("GET", "/readyz").json() == {
        "status": "ready",
        "draining": False,
        "people": True,
        "store": True,
        "writable": True,
    }
    assert server.ask("GET", "/metrics").status_code == 401
    assert server.ask("GET", "/metrics", auth=("api", ann)).status_code == 403
    text = server.ask("GET", "/metrics", auth=("api", admin)).text
    assert 'runlake_requests_total{method="GET",route="/metrics",status="403"} 1.0' in text
    assert 'runlake_request_seconds_count{method="GET",route="/readyz"} 1.0' in text


def test_a_worker_that_is_about_to_end_is_not_ready_and_still_healthy(server):
    server.draining.set()
    assert server.ask("GET", "/readyz").status_code == 503
    assert server.ask("GET", "/healthz").status_code == 200


def test_the_configuration_reaches_the_workers_as_it_was():
    config = ServerConfig(root="/srv/store", default_entity="ann", base_url="https://x", workers=3)
    assert ServerConfig.from_environment(config.to_environment()) == config
