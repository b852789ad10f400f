"""Clients on slow lines, and clients that do not read: everybody else goes on."""

import contextlib
import socket
import time
from base64 import b64encode

import pytest
from training import begin, chunk, row

from waiting import DEADLINE_S

SLOW_COUNT = 120
ROUNDS = 30


def slow(besieged, method, path, who="bob", content_bytes=10**6):
    """The head of a request whose body does not come."""
    auth = b64encode(f"api:{besieged.keys[who]}".encode()).decode()
    connection = socket.create_connection(("127.0.0.1", besieged.port), timeout=30)
    connection.sendall(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {auth}\r\n"
        f"Content-Length: {content_bytes}\r\n\r\nx".encode()
    )
    return connection


KINDS = {
    "uploads": lambda besieged, number: slow(besieged, "PUT", f"/api/v1/runs/bob/own/r/files/f{number}"),
    "appends": lambda besieged, number: slow(besieged, "PUT", "/api/v1/runs/bob/own/r/writers/w/0"),
    "documents": lambda besieged, number: slow(besieged, "POST", "/graphql"),
    "streams": lambda besieged, number: slow(besieged, "POST", "/files/bob/own/r/file_stream"),
    "openings": lambda besieged, number: slow(besieged, "POST", "/api/v1/runs/bob/own/r/writers"),
    "tails": lambda besieged, number: slow(besieged, "GET", "/api/v1/runs/bob/own/r/tail", content_bytes=0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_stop_nobody(besieged, record_property, kind):
    with besieged.client("bob") as bob:
        begin(bob, "r", project="own", entity="bob")
    with besieged.watched(record_property), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(KINDS[kind](besieged, number)) for number in range(SLOW_COUNT)]
        with besieged.client("carl") as carl:
            begin(carl, "r", project="own", entity="carl")
            for number in range(ROUNDS):
                answers = {
                    "append": carl.post("/files/carl/own/r/file_stream", json=chunk(number, [row(number)])),
                    "upload": carl.put(f"/api/v1/runs/carl/own/r/files/f{number}", content=b"x" * 1000),
                    "document": carl.post("/graphql", json={"query": "{ viewer { username } }"}),
                    "listing": carl.get("/api/v1/projects/carl/own/runs"),
                    "rows": carl.get("/api/v1/runs/carl/own/r/history"),
                    "ready": carl.get("/readyz"),
                }
                statuses = {name: answer.status_code for name, answer in answers.items()}
                assert statuses == dict.fromkeys(answers, 200) | {"upload": 201} or statuses == dict.fromkeys(
                    answers, 200
                )
        assert len(connections) == SLOW_COUNT


def test_who_does_not_read_is_let_go(besieged, record_property):
    """An answer that nobody takes is not kept for ever."""
    content_bytes = 64 * 2**20
    with besieged.client("bob") as bob:
        begin(bob, "r", project="own", entity="bob")
        bob.put("/api/v1/runs/bob/own/r/files/large", content=b"x" * content_bytes).raise_for_status()
    with besieged.watched(record_property), contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(slow(besieged, "GET", "/api/v1/runs/bob/own/r/files/large", content_bytes=0))
            for _ in range(60)
        ]
        began = time.monotonic()
        with besieged.client("carl") as carl:
            while time.monotonic() - began < 10:
                assert carl.get("/readyz").status_code == 200
                assert carl.post("/graphql", json={"query": "{ viewer { username } }"}).status_code == 200
                time.sleep(0.1)
        assert began + DEADLINE_S > time.monotonic()
        assert len(connections) == 60
