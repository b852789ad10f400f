"""DuckDB with its own extensions as a reader of a mirror, in a process of the environment where it has them."""

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from peer_seats import peer_python

HERE = Path(__file__).parent


class DuckDb:
    """Asks one process, which stays attached as long as the block runs."""

    def __init__(self, process):
        self._process = process

    def ask(self, query):
        self._process.stdin.write(json.dumps(query) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self):
        found = json.loads(self._process.stdout.readline())
        if "error" in found:
            raise DuckDbError(found["error"])
        return [tuple(row) for row in found["rows"]]


class DuckDbError(Exception):
    """What DuckDB says of a query."""


@contextlib.contextmanager
def attached(database_url, schema, s3_server, *options, key="reads"):
    """A reader that has the mirror as ``lake``."""
    with tempfile.TemporaryDirectory() as home:
        python = peer_python("ducklake")
        endpoint = s3_server.endpoint.partition("://")[2]
        command = [python, HERE / "ask_ducklake.py", database_url, schema, key, f"{key}-secret", endpoint, *options]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        variables = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1"}
        with subprocess.Popen([*map(str, command)], env=variables, **pipes) as process:
            reader = DuckDb(process)
            reader.answer()
            yield reader
            process.stdin.close()
            process.wait()
