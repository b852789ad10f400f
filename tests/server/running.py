"""A real server in a process of its own, over a socket: started, killed, started again."""

import os
import signal
import socket
import subprocess
import sys

import httpx

import warm
from runlake.server.config import ServerConfig
from runlake.server.people.people import open_people
from waiting import DEADLINE_S, wait_until

KEY = "local-" + "0123456789" * 4


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class ServerProcess:
    """Serves the store at `root`. The user `ann` is an admin with the key `KEY`."""

    def __init__(self, root, *, workers=1, port=None):
        self.root, self.workers = root, workers
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        root.mkdir(parents=True, exist_ok=True)
        people = open_people(root)
        if not people.list_users():
            people.add_user("ann", is_admin=True, key=KEY)
        people.close()
        self.process = None

    def start(self):
        config = ServerConfig(root=str(self.root), default_entity="ann", workers=self.workers)
        command = [sys.executable, "-m", "uvicorn", "--factory", "runlake.server.app:create_app"]
        command += ["--port", str(self.port), "--workers", str(self.workers), "--log-level", "warning"]
        self.process = warm.Popen(
            command, env={**os.environ, **config.to_environment()}, start_new_session=True, stdin=subprocess.DEVNULL
        )
        wait_until(self._answers, "the server answers")
        return self

    def _answers(self):
        assert self.process.poll() is None, "the server ended at once"
        try:
            return httpx.get(f"{self.url}/healthz", timeout=DEADLINE_S).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self):
        """SIGKILL for all its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM, as an operator does; answers the exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def client(self, **headers):
        return httpx.Client(base_url=self.url, auth=("api", KEY), headers=headers, timeout=DEADLINE_S)
