"""A server over a store, and the official client before it: each script in a process and a folder of its own."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import runlake
from runlake.server.people.people import open_people
from runlake.service.cluster.move import move_store
from runlake.service.cluster.open import open_cluster
from runlake.service.local.service import LocalService
from waiting import DEADLINE_S

USER = "ada"
KEY = "local-" + "0123456789" * 4
CHECKOUT = Path(__file__).parents[3]
PYTHON = CHECKOUT / ".venv" / "wandb" / "bin" / "python"


def find_python():
    """The Python in which the official client is installed, and nothing of ours."""
    assert PYTHON.exists(), f"{PYTHON} is not there; make it with: make .venv/wandb/wandb.done"
    return PYTHON


class FolderPlace:
    """Where a server's store is: in a folder."""

    download_statuses = frozenset({200, 206})

    def __init__(self, folder):
        self.folder = folder
        self.options, self.variables = ["--dir", str(folder)], {}

    def close(self):
        """Nothing stays open."""

    def people(self):
        return open_people(self.folder)

    def service(self):
        """What is stored, as our own verbs have it."""
        return LocalService(self.folder, default_entity=USER, user=USER)


class ClusterPlace:
    """In PostgreSQL and a bucket, into which a folder was moved; several workers serve it."""

    download_statuses = frozenset({307})

    def __init__(self, folder, database_url, bucket_url, variables, cache_dir):
        self.variables = {**variables, "RUNLAKE_DATABASE": database_url, "RUNLAKE_BUCKET": bucket_url}
        # Under another name than the server's own: whoever is on one host with the server is not sent there.
        self.variables["RUNLAKE_BUCKET_FOR_CLIENTS"] = variables["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
        self.options = ["--workers", "2", "--cache-dir", str(cache_dir)]
        self._opened, self._service = ((database_url, bucket_url), cache_dir), None
        os.environ.update(variables)  # for what reads the store in this process
        list(move_store(folder, database_url, bucket_url, cache_dir=cache_dir))

    @property
    def folder(self):
        pytest.skip("this store has no folder")

    def people(self):
        return open_people(Path(), self._opened[0][0])

    def service(self):
        if self._service is None:
            urls, cache_dir = self._opened
            self._service = open_cluster(*urls, default_entity=USER, user=USER, cache_dir=cache_dir)
        return self._service

    def close(self):
        if self._service is not None:
            self._service.close()


@contextlib.contextmanager
def serve(place, *options, log):
    """The address of a server over a store, or the folder of one, whose admin is ada, with the key `KEY`."""
    place = FolderPlace(place) if isinstance(place, Path) else place
    with contextlib.closing(place.people()) as people:
        people.add_user(USER, is_admin=True, email="ada@lab.org", key=KEY)
    command = [sys.executable, "-m", "runlake", "serve", *place.options, "--port", "0", *options]
    with log.open("w") as errors:
        environment = {**os.environ, **place.variables}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        first_line = process.stdout.readline()
        assert " is served at " in first_line, log.read_text()
        yield first_line.split()[-1]
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(DEADLINE_S)


@dataclass
class Done:
    """What came of a script."""

    code: int
    printed: str
    complaints: str
    folder: Path

    def answers(self):
        """What the script handed back: one JSON document a line of its standard output that begins with ``=>``."""
        lines = (line for line in self.printed.splitlines() if line.startswith("=> "))
        found = {}
        for line in lines:
            name, _, text = line[3:].partition(" ")
            found[name] = json.loads(text)
        return found


@dataclass
class Seat:
    """Where a user of the official client sits: knows the server and a key, and keeps nothing from script to script."""

    home: Path
    place: FolderPlace | ClusterPlace
    url: str
    key: str = KEY
    python: Path = field(default_factory=find_python)
    _count: int = 0

    @property
    def store(self):
        """The folder of the store."""
        return self.place.folder

    @property
    def log(self):
        """The log of the server, a JSON object a line."""
        return self.home.with_name("server.log")

    def download_statuses(self, beginning):
        """With which HTTP statuses downloads were answered so far whose paths begin so: 307 leads to the bucket."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines())
        asked = (line for line in lines if line.get("method") == "GET" and line["path"].startswith(beginning))
        return {line["status"] for line in asked}

    def service(self):
        """What stands in the store, as our own verbs have it."""
        return self.place.service()

    @property
    def api(self):
        """What stands in the store, as our own reader has it."""
        return runlake.Api(service=self.service())

    def folder(self):
        """A new empty folder."""
        self._count += 1
        made = self.home / f"{self._count:03d}"
        made.mkdir(parents=True)
        return made

    def environment(self, home, **more):
        """The variables of a process: where the server is, and no folder outside of `home`."""
        variables = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_CACHE_DIR": str(home / "cache"),
            "WANDB_CONFIG_DIR": str(home / "config"),
            "WANDB_DATA_DIR": str(home / "data"),
            "WANDB_DIR": str(home),
            "WANDB_HTTP_TIMEOUT": str(round(DEADLINE_S)),
            "WANDB_INIT_TIMEOUT": str(round(DEADLINE_S)),
        }
        return {**variables, **more}

    def start(self, script, *arguments, folder=None, home=None, command=None, **variables):
        """The process of a script, or of a `command` that comes with the client, with pipes to read from."""
        folder = folder or self.folder()
        home = home or folder.parent / f"{folder.name}-home"
        home.mkdir(exist_ok=True)
        program = [str(self.python), str(script)] if command is None else [str(self.python.parent / command)]
        return subprocess.Popen(
            [*program, *map(str, arguments)],
            cwd=folder,
            env=self.environment(home, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, script, *arguments, folder=None, code=0, timeout_s=300, **variables):
        """Run a script to its end, which must be the exit code `code`."""
        folder = folder or self.folder()
        process = self.start(script, *arguments, folder=folder, **variables)
        printed, complaints = process.communicate(timeout=timeout_s)
        assert process.returncode == code, f"exit code {process.returncode}\n{printed}\n{complaints}"
        return Done(process.returncode, printed, complaints, folder)

    def run_code(self, text, *arguments, name="script.py", **options):
        """Run a script that is given as text; it lies in no folder that it works in."""
        folder = self.folder()
        script = folder.parent / f"{folder.name}-script" / name
        script.parent.mkdir()
        script.write_text(text, encoding="utf-8")
        return self.run(script, *arguments, folder=folder, **options)
