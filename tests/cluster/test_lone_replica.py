"""A replica with one worker is one process, and has in it what serving takes."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from waiting import DEADLINE_S

LISTENS = {"kind": "tcp4"}


def process_at(url):
    port = urlsplit(url).port
    (found,) = {
        process
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections(**LISTENS)
        if (connection.status, connection.laddr.port) == (psutil.CONN_LISTEN, port)
    }
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is asked of Linux")
def test_neither_the_command_line_nor_what_it_needs_is_in_its_memory(serve_replica, postgres_server):
    database = postgres_server.url_of(postgres_server.make_database())
    with serve_replica(database, "--port", "0") as (url, _):
        assert httpx.get(f"{url}/readyz", timeout=DEADLINE_S).status_code == 200
        process = process_at(url)
        loaded = {mapped.path for mapped in process.memory_maps()}

        assert process.children() == []
        assert any("obstore" in path for path in loaded)
        assert [path for path in loaded if "pydantic" in path] == []


def test_that_it_cannot_serve_is_told_as_any_command_does():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "runlake.cli.serving_process", str(listening.fileno())]
        environment = {name: value for name, value in os.environ.items() if name != "RUNLAKE_SERVER_CONFIG"}
        how = {"env": environment, "pass_fds": [listening.fileno()], "capture_output": True, "text": True}
        ended = subprocess.run(command, check=False, **how)

    said = "RUNLAKE_SERVER_CONFIG is not set; start the server with: runlake serve"
    assert (ended.returncode, ended.stdout, said in ended.stderr) == (2, "", True)
