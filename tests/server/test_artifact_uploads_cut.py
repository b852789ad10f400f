"""An upload of a file of an artifact that is cut off at any byte leaves nothing, and is sent again."""

import contextlib
import socket
from urllib.parse import urlsplit

import pytest
from artifact_client import ArtifactClient
from running import ServerProcess

from runlake.artifact_model import CollectionPath
from runlake.service.local.service import LocalService
from waiting import wait_until

CONTENT = bytes(range(256)) * 2
STEP_BYTES = 13


@pytest.fixture
def server(tmp_path):
    server = ServerProcess(tmp_path / "store").start()
    yield server
    server.kill()


@pytest.mark.slow
def test_an_upload_that_is_cut_off_at_any_byte_leaves_nothing(server):
    with server.client() as http:

        def send(method, address, *, is_signed=False, **options):
            return http.request(method, address, **options)

        client = ArtifactClient(send)
        begun = client.begin({"a": CONTENT})
        url = client.uploads(begun["id"], {"a": CONTENT})["a"]["uploadUrl"]
        parts = urlsplit(url)
        head = (
            f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
        )
        request = head.encode() + CONTENT
        for cut in range(1, len(request), STEP_BYTES):
            with socket.create_connection((parts.hostname, parts.port)) as connection:
                connection.sendall(request[:cut])
        folder = server.root / "artifacts" / "content"
        wait_until(lambda: not [file for file in folder.rglob("*") if file.is_file()], "all was cleared away")
        assert client.uploads(begun["id"], {"a": CONTENT})["a"]["uploadUrl"] is not None
        client.put(url, CONTENT)
        client.put_manifest(begun["id"], {"a": CONTENT})
        client.commit(begun["id"])
    with contextlib.closing(LocalService(server.root, default_entity="ann", user="ann")) as service:
        path = CollectionPath("ann", "arts", "data").at("latest")
        with service.open_content(path, "a") as file:
            assert file.read() == CONTENT
