"""Who has no key costs nothing: no memory for what they send, no time for their headers, no place that others need."""

import contextlib
import socket
import threading
import time

import httpx
import pytest

MAY_GROW_BYTES = 100 * 2**20
READING = [
    ("POST", "/graphql"),
    ("POST", "/files/bob/own/r/file_stream"),
    ("PATCH", "/api/v1/runs/bob/own/r"),
    ("POST", "/api/v1/projects/bob/own/runs/query"),
    ("POST", "/api/v1/runs/bob/own/r/writers"),
    ("PUT", "/api/v1/runs/bob/own/r/writers/w/0"),
    ("PUT", "/api/v1/runs/bob/own/r/files/f"),
    ("POST", "/api/v1/projects/bob/own/histories"),
]


def connect(besieged):
    return socket.create_connection(("127.0.0.1", besieged.port), timeout=30)


def send_all_that_is_taken(connection, data, until):
    """Send for so long or until nobody listens any more; answers the bytes that were sent."""
    sent_bytes = 0
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            sent_bytes += connection.send(data)
    return sent_bytes


@pytest.mark.parametrize(("method", "path"), READING)
def test_a_body_of_nobody_is_not_kept(besieged, record_property, method, path):
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {60 * 2**20}\r\n\r\n"
    )
    with besieged.watched(record_property, may_grow_bytes=MAY_GROW_BYTES):
        connections = [connect(besieged) for _ in range(20)]
        for connection in connections:
            connection.send(head.encode())
        until = time.monotonic() + 5.0
        threads = [
            threading.Thread(target=send_all_that_is_taken, args=(each, b" " * 2**16, until)) for each in connections
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("header", ["one", "many"])
def test_headers_without_end_are_refused(besieged, record_property, header):
    piece = b"a" * 2**16 if header == "one" else b"a: b\r\n" * 2**13
    with besieged.watched(record_property, may_grow_bytes=MAY_GROW_BYTES), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(besieged)) for _ in range(4)]
        sent_bytes = 0
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + (b"X-Long: " if header == "one" else b""))
            sent_bytes += send_all_that_is_taken(connection, piece, time.monotonic() + 3.0)
        assert sent_bytes < 40 * 2**20


def test_half_requests_keep_nobody_out(besieged, record_property):
    with besieged.watched(record_property, may_grow_bytes=MAY_GROW_BYTES), contextlib.ExitStack() as stack:
        halves = []
        for number in range(900):
            with contextlib.suppress(OSError):
                halves.append(stack.enter_context(connect(besieged)))
                halves[-1].send(b"POST /graphql HTTP/1.1\r\nHost: x\r\n" if number % 2 else b"GET /hea")
        with besieged.client("bob") as bob:
            for _ in range(20):
                assert bob.post("/graphql", json={"query": "{ viewer { username } }"}).status_code == 200
                time.sleep(0.1)
        ended_count = sum(is_ended(each) for each in halves)
        assert ended_count == len(halves), f"{ended_count} of {len(halves)} half requests were ended"


def is_ended(connection):
    """Whether the server lets go of a connection on which nothing comes."""
    connection.settimeout(60.0)
    try:
        while connection.recv(2**16):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_a_request_of_nobody_is_answered_and_not_known(besieged, record_property):
    """As many small ones as they like."""
    until = time.monotonic() + 8.0
    with besieged.watched(record_property, may_grow_bytes=MAY_GROW_BYTES), besieged.client() as nobody:
        while time.monotonic() < until:
            for method, path in READING:
                answer = nobody.request(method, path, content=b"{}", headers={"Content-Type": "application/json"})
                assert answer.status_code in (401, 429) or path == "/graphql", (method, path, answer.text)
                assert answer.status_code < 500
            for key in ("\udcff", "a:b", "Basic YTp\\xff", "Basic " + "A" * 4000, "Bearer é"):
                header = [(b"Authorization", key.encode("utf-8", "surrogateescape"))]
                with contextlib.suppress(httpx.LocalProtocolError):
                    answer = nobody.get("/api/v1/projects", headers=header)
                    assert answer.status_code in (400, 401, 429), answer.text
