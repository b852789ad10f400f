"""A server over a folder, for as long as something is measured, and the official client before it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.bench import CHECKOUT, HERE, Bench, BenchmarkError, own_environment, run_json
from runlake.server.people.people import open_people

KEY = "local-" + "0123456789" * 4
OFFICIAL = CHECKOUT / ".venv" / "wandb" / "bin" / "python"


@contextlib.contextmanager
def serving(bench: Bench, folder: Path, worker_count: int = 2) -> Iterator[str]:
    """The address of `runlake serve` over ``folder/store``; its admin is ada."""
    store = folder / "store"
    store.mkdir(exist_ok=True)
    with contextlib.closing(open_people(store)) as people:
        if not people.list_users():
            people.add_user("ada", is_admin=True, key=KEY)
    command = [sys.executable, "-m", "runlake", "serve", "--dir", str(store), "--port", "0"]
    command += ["--workers", str(worker_count)]
    with server_process(command, own_environment(bench, folder), folder) as first_line:
        yield first_line.split()[-1]


@contextlib.contextmanager
def throwing_away(bench: Bench, folder: Path) -> Iterator[str]:
    """The address of a server that keeps nothing."""
    command = [sys.executable, "-m", "benchmarks.throw_away"]
    with server_process(command, own_environment(bench, folder), folder) as first_line:
        yield first_line


@contextlib.contextmanager
def server_process(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The first line that a process prints, as long as it runs."""
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
        assert process.stdout is not None
        try:
            first_line = process.stdout.readline().strip()
            if not first_line:
                raise BenchmarkError(f"{' '.join(command)} did not start:\n{(folder / 'server.log').read_text()}")
            yield first_line
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()


def official(folder: Path, url: str, *words: object) -> dict[str, Any]:
    """What the official client answers to one of the tasks of ``peer_scripts/official.py``."""
    if not OFFICIAL.exists():
        raise BenchmarkError("the official client is not installed; run: make .venv/wandb/wandb.done")
    home = folder / "official"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    names = ("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    environment = dict.fromkeys(names, str(home)) | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    environment |= {"WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "WANDB_ERROR_REPORTING": "false"}
    environment["WANDB_SILENT"] = "true"
    command = [str(OFFICIAL), str(HERE / "peer_scripts" / "official.py"), *map(str, words)]
    return run_json(command, home, environment)


def server_processes(url: str) -> set[psutil.Process]:
    """All processes of the server at this address."""
    port = int(url.rpartition(":")[2])
    connections = psutil.net_connections("tcp")
    listening = {c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid}
    # All of them hold the one socket, and which of them is named is chance; each server leads a session of its own.
    leaders = {psutil.Process(os.getsid(pid)) for pid in listening}
    return {one for leader in leaders for one in (leader, *leader.children(recursive=True))}


def resident_bytes(url: str) -> int:
    """The memory of all processes of the server at this address."""
    return sum(process.memory_info().rss for process in server_processes(url))


def served_seconds(url: str, route: str) -> tuple[float, int]:
    """How long the server was at requests of one route, by its own count, and how many they were."""
    text = httpx.get(f"{url}/metrics", auth=("api", KEY)).text
    found = {
        name: sum(
            float(number)
            for labels, number in re.findall(rf"runlake_request_seconds_{name}{{([^}}]*)}} (\S+)", text)
            if f'route="{route}"' in labels
        )
        for name in ("sum", "count")
    }
    return found["sum"], int(found["count"])
