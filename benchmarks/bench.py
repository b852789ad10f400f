"""The words of the benchmarks: what a row is, and what its measure functions are handed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent
CHECKOUT = HERE.parent
CASE = HERE / "peer_scripts" / "case.py"
PROJECT = "benchmark"
PARQUET_NAME = "tuned.parquet"
PATIENCE_S = 10.0


class BenchmarkError(Exception):
    """A measurement could not be made; the message ends with what its process printed."""


@dataclass(frozen=True)
class Subject:
    """A tracker and the interpreter that has it installed.

    `call_row_count` is how many single log() calls are timed, fewer where one takes milliseconds. `reads` is False
    where no reader for local data exists.
    """

    name: str
    title: str
    python: Path
    call_row_count: int = 20_000
    reads: bool = True
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """One promise: what runlake takes, a limit measured in the same run, and how near it must come.

    `at_most` bounds the value when `bounds` is "value", and value ÷ limit when it is "ratio".
    """

    work: str
    unit: str
    at_most: float
    bounds: Literal["value", "ratio"]
    measure: Callable[[Bench], float]
    limit_name: str
    limit: Callable[[Bench], float]


@dataclass(frozen=True)
class Comparison:
    """The same work done by every tracker. `measure` answers None where a tracker has no way to do it."""

    work: str
    unit: str
    measure: Callable[[Bench, Subject], float | None]


@dataclass(frozen=True)
class Group:
    """Rows that belong together: one file of benchmarks, one section of the report."""

    name: str
    title: str
    targets: tuple[Target, ...] = ()
    comparisons: tuple[Comparison, ...] = ()


@dataclass
class Bench:
    """One run of the benchmarks: a folder to work in, the trackers, and what has been measured so far.

    `followed_s` is how long live runs are looked at.
    """

    folder: Path
    quick: bool
    ours: Subject
    peers: tuple[Subject, ...] = ()
    followed_s: int = 30
    _measured: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def once(self, key: tuple[Any, ...], measure: Callable[[], Any]) -> Any:
        """What `measure` answers; rows that share a measurement share its answer."""
        if key not in self._measured:
            print("  " + " ".join(map(str, key)), file=sys.stderr, flush=True)
            self._measured[key] = measure()
        return self._measured[key]

    def count(self, full: int, quick: int) -> int:
        """A number of rows or of repetitions."""
        return quick if self.quick else full

    def best_s(self, run_s: Callable[[], float]) -> float:
        """The smallest of three answers, fewer when they add up to more seconds than anybody wants to wait."""
        seconds: list[float] = []
        while len(seconds) < self.count(3, 1) and sum(seconds) < PATIENCE_S:
            seconds.append(run_s())
        return min(seconds)

    def fresh_folder(self, name: str) -> Path:
        """An empty folder of this name; one of an earlier measurement is removed."""
        path = self.folder / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
        return path

    def case(self, name: str, subject: Subject, folder: Path, *numbers: int, **environment: str) -> dict[str, Any]:
        """The answer of one case of ``peer_scripts/case.py`` in a fresh process."""
        command = case_command(name, subject, folder, *numbers)
        return run_json(command, folder, case_environment(subject, folder) | environment)

    def own_case(self, module: str, folder: Path, *words: object) -> dict[str, Any]:
        """The answer of ``python -m benchmarks.<module>``, which measures runlake and limits, in a fresh process."""
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
        return run_json(command, folder, own_environment(self, folder))


def own_environment(bench: Bench, folder: Path) -> dict[str, str]:
    """What a process of ours needs to find runlake and the benchmarks of this checkout."""
    environment = case_environment(bench.ours, folder)
    return environment | {"PYTHONPATH": environment["PYTHONPATH"] + os.pathsep + str(CHECKOUT)}


def store_folder(folder: Path) -> Path:
    """Where our own cases keep their store, inside the folder of a case."""
    return folder / "store"


def case_command(name: str, subject: Subject, folder: Path, *numbers: int) -> list[str]:
    """How a case is started."""
    return [str(subject.python), str(CASE), name, subject.name, str(folder), *map(str, numbers)]


def case_environment(subject: Subject, folder: Path) -> dict[str, str]:
    """The parent's environment, the checkout's runlake, a home that is not the user's, and what the tracker needs.

    Python's own variables stay behind: without bytecode files every import would be a compilation.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "RUNLAKE_", "WANDB_"))}
    named = {key: value.format(folder=folder) for key, value in subject.environment.items()}
    return plain | {"HOME": str(home), "PYTHONPATH": str(CHECKOUT / "src")} | named


def run_json(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The last line that a process prints, read as JSON."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def wall_seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """How long a whole process takes, from its start to its end."""
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return seconds


def wait_for_sealing(folder: Path) -> None:
    """Until no process is at work in this folder: sealing goes on after finish() and would disturb what follows."""
    import psutil

    def busy() -> bool:
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if any(str(folder) in word for word in words):
                return True
        return False

    while busy():
        time.sleep(0.05)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
