"""Whose bodies are read, and how many at once: the whole application, given its requests piece by piece."""

import asyncio
import base64
import json

import pytest
from in_process import InProcess

from runlake.errors import BusyError
from runlake.model import RunPath
from runlake.server.config import ServerConfig
from runlake.server.http.bodies import BodyBudget
from runlake.store.disk import TEMPORARY_PREFIX

PATH = RunPath("ann", "digits", "r1")
PIECE = b"x" * 65_536
KIB = 1024
STALLED_COUNT = 60


class Client:
    """One request, whose body the application gets as it takes it; `status` and `content` are the answer."""

    def __init__(self, app, method, path, *, key=None, query="", headers=(), pieces=(), then=None):
        given = [(b"host", b"lake"), *headers]
        if key is not None:
            given.append((b"authorization", b"Basic " + base64.b64encode(f"api:{key}".encode())))
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": given,
            "server": ("lake", 80),
            "client": ("10.0.0.1", 1),
        }
        self._app, self._pieces, self._then = app, iter(pieces), then
        self.taken_bytes, self.status, self.content = 0, None, b""
        self._is_whole, self._is_answered = False, asyncio.Event()

    async def run(self):
        await self._app(self.scope, self._receive, self._send)
        return self

    async def _receive(self):
        if self._is_whole:
            await self._is_answered.wait()
            return {"type": "http.disconnect"}
        piece = next(self._pieces, None)
        if piece is not None:
            self.taken_bytes += len(piece)
            return {"type": "http.request", "body": piece, "more_body": True}
        if self._then is None:
            self._is_whole = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await self._then()

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.content += message["body"]
            if not message.get("more_body"):
                self._is_answered.set()

    @property
    def error(self):
        return json.loads(self.content)["error"]["type"]


async def never():
    await asyncio.Event().wait()


async def gone():
    return {"type": "http.disconnect"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("bodies") / "store", body_timeout_s=0.3, min_body_bytes_per_s=100 * KIB)
    server.service.create_run(PATH)
    yield server
    server.close()


def ask(server, method, path, **options):
    """A request that is given piece by piece."""
    return server.call(Client(server.app, method, path, **options).run)


def addresses(server):
    for route in server.routes():
        path = route.path_format.replace("{name:path}", "a.bin").replace("{name}", "a.bin")
        for name, value in PATH._asdict().items():
            path = path.replace(f"{{{name}}}", value)
        for method in sorted(route.methods - {"OPTIONS"}):
            yield method, path


@pytest.mark.parametrize("query", ["", "token=1.2.3"])
@pytest.mark.parametrize("length", [(b"transfer-encoding", b"chunked"), (b"content-length", b"67108864")])
@pytest.mark.parametrize("key", [None, "local-" + "f" * 40])
def test_nobody_gets_more_than_a_little_read_by_any_route(server, length, key, query):
    limit = server.config.max_anonymous_body_bytes
    walked, wrong = 0, []
    for method, path in addresses(server):
        client = ask(server, method, path, key=key, query=query, headers=[length], pieces=[PIECE] * 100)
        walked += 1
        if client.taken_bytes > limit + len(PIECE) or client.status not in (401, 403):
            wrong.append((method, path, client.taken_bytes, client.status))
    assert wrong == []
    assert walked > 50


def test_a_stranger_is_asked_for_the_key_before_a_byte_is_read(server):
    for method, path in (
        ("POST", f"/files/{PATH}/file_stream"),
        ("PATCH", f"/api/v1/runs/{PATH}"),
        ("POST", "/graphql"),
    ):
        client = ask(server, method, path, headers=[(b"content-length", b"65537")], pieces=[PIECE] * 2)
        assert (client.status, client.error, client.taken_bytes) == (401, "AuthenticationError", 0)


def test_a_small_question_of_graphql_may_come_from_anybody(server):
    question = json.dumps({"query": "{ serverInfo { latestLocalVersionInfo { outOfDate } } }"}).encode()
    client = ask(server, "POST", "/graphql", headers=[(b"content-length", b"%d" % len(question))], pieces=[question])
    assert client.status == 200


def test_a_body_that_stops_is_given_up_and_one_that_goes_on_is_not(server):
    chunked = [(b"transfer-encoding", b"chunked")]
    for path in (f"/files/{PATH}/file_stream", "/graphql"):
        client = ask(server, "POST", path, key=server.keys["ann"], headers=chunked, pieces=[b"{"], then=never)
        assert (client.status, client.error) == (408, "SlowError")
    client = ask(
        server,
        "PUT",
        f"/api/v1/runs/{PATH}/files/slow.bin",
        key=server.keys["ann"],
        headers=chunked,
        pieces=[b"x"],
        then=never,
    )
    assert (client.status, client.error) == (408, "SlowError")
    assert [file.name for file in server.service.list_files(PATH)] == []

    async def late():
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": PIECE, "more_body": next(left)}

    left = iter([True] * 5 + [False])
    client = ask(
        server, "PUT", f"/api/v1/runs/{PATH}/files/late.bin", key=server.keys["ann"], headers=chunked, then=late
    )
    assert (client.status, json.loads(client.content)["size_bytes"]) == (200, 6 * len(PIECE))
    server.service.delete_file(PATH, "late.bin")


def test_a_client_that_goes_away_leaves_nothing_and_is_no_fault_of_the_server(server):
    for path in (f"/api/v1/runs/{PATH}/files/half.bin", f"/files/{PATH}/half.bin"):
        headers = [(b"content-length", b"1000000")]
        client = ask(server, "PUT", path, key=server.keys["ann"], headers=headers, pieces=[PIECE] * 5, then=gone)
        assert (client.status, client.error) == (400, "BadValueError")
    folder = server.service.list_files(PATH)
    assert folder == []
    assert not [file for file in server.root.rglob("*") if file.is_file() and file.name.startswith(TEMPORARY_PREFIX)]


@pytest.mark.slow
def test_uploads_that_wait_for_their_clients_hold_up_nobody(server):
    """More of them than there are threads for handlers, half of each kind."""
    chunked, key = [(b"transfer-encoding", b"chunked")], server.keys["ann"]
    patient = ServerConfig(root="", default_entity="ann").body_timeout_s

    async def work():
        go_on = asyncio.Event()

        async def wait():
            await go_on.wait()
            return {"type": "http.request", "body": b"end", "more_body": False}

        begun = [
            Client(app, "PUT", f"{address}/{number}.bin", key=key, headers=chunked, pieces=[PIECE] * 6, then=wait)
            for number in range(STALLED_COUNT // 2)
            for address in (f"/api/v1/runs/{PATH}/files/native", f"/files/{PATH}/wandb")
        ]
        tasks = [asyncio.create_task(client.run()) for client in begun]
        while any(client.taken_bytes < 6 * len(PIECE) for client in begun):
            await asyncio.sleep(0.01)
        question = json.dumps({"query": "{ viewer { username } }"}).encode()
        asked = [
            Client(
                app,
                "POST",
                "/graphql",
                key=key,
                headers=[(b"content-length", b"%d" % len(question))],
                pieces=[question],
            ),
            Client(app, "GET", "/readyz"),
            Client(app, "PUT", f"/api/v1/runs/{PATH}/files/quick.bin", key=key, headers=chunked, pieces=[b"quick"]),
            Client(app, "GET", f"/api/v1/runs/{PATH}/files/quick.bin", key=key),
            Client(app, "PUT", f"/api/v1/runs/{PATH}/writers/w/0", key=key, headers=chunked, pieces=[]),
        ]
        answered = [(await asyncio.wait_for(client.run(), patient)).status for client in asked]
        go_on.set()
        await asyncio.gather(*tasks)
        return answered, {client.status for client in begun}

    other = InProcess(server.root.parent / "stalled")
    app, key = other.app, other.keys["ann"]
    other.service.create_run(PATH)
    try:
        assert other.call(work) == ([200, 200, 200, 200, 404], {200})
        sizes = {file.size_bytes for file in other.service.list_files(PATH) if file.name != "quick.bin"}
        assert sizes == {6 * len(PIECE) + 3}
    finally:
        other.close()


def test_one_person_never_has_all_the_memory_and_the_next_finds_room():
    async def work():
        budget = BodyBudget(1000, wait_s=0.01)
        await budget.take("ann", 300)
        await budget.take("ann", 200)
        with pytest.raises(BusyError):
            await budget.take("ann", 1)
        await budget.take("bob", 250)
        with pytest.raises(BusyError):
            await budget.take("bob", 1)
        await budget.take("eve", 125)
        budget.give_back("bob", 250)
        await budget.take("eve", 125)
        with pytest.raises(BusyError):
            await budget.take("ann", 1)

    asyncio.run(work())


def test_who_finds_no_room_waits_for_it():
    async def work():
        budget = BodyBudget(1000)
        await budget.take("ann", 500)
        waiting = asyncio.create_task(budget.take("ann", 400))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.give_back("ann", 300)
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.give_back("ann", 150)
        await waiting

    asyncio.run(work())


def test_a_body_that_is_alone_passes_whatever_its_size():
    async def work():
        budget = BodyBudget(100, wait_s=0.01)
        await budget.take("ann", 900)
        with pytest.raises(BusyError):
            await budget.take("bob", 1)
        budget.give_back("ann", 900)
        await budget.take("bob", 900)

    asyncio.run(work())


def test_what_is_in_memory_is_counted_over_all_requests_of_a_person(tmp_path):
    server = InProcess(tmp_path / "store", max_bodies_bytes=4 * 65_536, max_body_bytes=2 * 65_536)
    key = server.keys["ann"]

    async def work():
        go_on = asyncio.Event()

        async def wait():
            await go_on.wait()
            return {"type": "http.request", "body": PIECE, "more_body": False}

        length = [(b"content-length", b"131072")]
        first = Client(server.app, "POST", "/graphql", key=key, headers=length, pieces=[PIECE], then=wait)
        second = Client(server.app, "POST", "/graphql", key=key, headers=length, pieces=[PIECE] * 2)
        tasks = [asyncio.create_task(client.run()) for client in (first, second)]
        while first.taken_bytes == 0:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert (second.taken_bytes, second.status) == (0, None)
        go_on.set()
        await asyncio.gather(*tasks)
        assert (first.status, second.status) == (400, 400)

    server.call(work)
    refused = server.ask("POST", "/graphql", who="ann", content=b"x" * 131_073)
    assert refused.status_code == 413
    counted = server.ask("GET", "/metrics", who="ann").text
    assert 'runlake_refused_total{reason="large_body"} 1.0' in counted
    server.close()
