"""A server as operators start it, attacked by clients of every kind, and looked at from outside meanwhile."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from running import free_port

from runlake.server.people.people import open_people
from waiting import DEADLINE_S, wait_until

MAX_RSS_BYTES = 600 * 2**20
"""What a worker may grow to, whatever is asked of it."""

MAY_SAY = {501, 503, 507}
"""Answers that are no fault of the server: it does not have this, it has no time, it has no room."""


class Besieged:
    """Serves the store at `root` to ann, who is an admin, bob and carl, with the keys in `keys`."""

    def __init__(self, root, *, workers=1, variables=None):
        root.mkdir(parents=True, mode=0o700)
        self.root, self.workers = root, workers
        people = open_people(root)
        self.keys = {name: people.add_user(name, is_admin=name == "ann").key for name in ("ann", "bob", "carl")}
        people.close()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = root.parent / f"{root.name}.log"
        command = [sys.executable, "-m", "runlake", "serve", "--dir", str(root), "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--workers", str(workers), "--log-format", "json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **(variables or {})},
                start_new_session=True,
            )
        wait_until(self._answers, "the server answers")

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=DEADLINE_S).status_code == 200
        except httpx.HTTPError:
            return False

    def client(self, who=None, **options):
        """A client of a person, or of nobody."""
        options = {"timeout": DEADLINE_S, **options}
        return httpx.Client(base_url=self.url, auth=None if who is None else ("api", self.keys[who]), **options)

    def worker_rss_bytes(self):
        """Of the largest of its processes."""
        parent = psutil.Process(self.process.pid)
        return max(each.memory_info().rss for each in (parent, *parent.children(recursive=True)))

    def failures(self):
        """Lines of the log that tell of a fault of the server."""
        failed = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:  # what the command says, or Python at its end
                failed += [line] if "Traceback" in line else []
                continue
            status = said.get("status", 0)
            if said.get("level") == "error" or (status >= 500 and status not in MAY_SAY):
                failed.append(line[:2000])
        return failed

    @contextmanager
    def watched(self, record_property, *, may_grow_bytes=None):
        """An attack. Behind it the server has answered all the time, kept its size, and had no fault.

        With `may_grow_bytes` it may be larger than before by so much only.
        """
        before_bytes = self.worker_rss_bytes()
        command = [sys.executable, str(Path(__file__).with_name("watch.py")), self.url, str(self.process.pid)]
        watch = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watch.stdout.readline()  # it has begun
        try:
            yield
        finally:
            seen = json.loads(watch.communicate(timeout=DEADLINE_S)[0])
        record_property("seen", {**seen, "before_bytes": before_bytes})
        assert seen["answer_count"] > 0
        assert seen["unanswered_count"] == 0
        assert seen["max_rss_bytes"] <= MAX_RSS_BYTES
        if may_grow_bytes is not None:
            assert seen["max_rss_bytes"] - before_bytes <= may_grow_bytes
        assert self.failures() == []

    def stop(self):
        """An end as an operator brings it about: it must come, whatever happened before."""
        self.process.terminate()
        try:
            assert self.process.wait(DEADLINE_S) == 0
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
