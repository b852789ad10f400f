"""What a process pays before it logs anything, and before it has read anything."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import (
    PROJECT,
    Bench,
    Comparison,
    Group,
    Subject,
    Target,
    case_command,
    case_environment,
    run_json,
    wait_for_sealing,
    wall_seconds,
)


def empty_run_s(bench: Bench, subject: Subject) -> float:
    """Median of whole processes: import, init, finish, in a store that is there already."""

    def measure() -> float:
        folder = bench.fresh_folder(f"startup-{subject.name}")
        command, environment = case_command("startup", subject, folder), case_environment(subject, folder)
        wall_seconds(command, folder, environment)
        seconds = []
        for _ in range(bench.count(10, 3)):
            wait_for_sealing(folder)
            seconds.append(wall_seconds(command, folder, environment))
        wait_for_sealing(folder)
        return statistics.median(seconds)

    return float(bench.once(("empty run:", subject.name), measure))


def python_s(code: str) -> Callable[[Bench], float]:
    """Median of whole processes that run one line of Python."""

    def measure(bench: Bench) -> float:
        folder = bench.fresh_folder("python")
        environment = case_environment(bench.ours, folder)
        command = [sys.executable, "-c", code]
        wall_seconds(command, folder, environment)
        return statistics.median(wall_seconds(command, folder, environment) for _ in range(bench.count(10, 3)))

    return lambda bench: float(bench.once(("python -c", repr(code)), lambda: measure(bench)))


bare_s = python_s("pass")
import_s = python_s("import runlake")

RUN = "first"
ROW_COUNT = 1_000
LOADED = "import numpy, pandas, pyarrow, pyarrow.parquet"
FIRST_READ = f"""
import json, time
{LOADED}
begin = time.perf_counter()
import runlake
frame = runlake.Api().run("{PROJECT}/{RUN}").history(keys=["metric_3"])
print(json.dumps({{"seconds": time.perf_counter() - begin, "row_count": len(frame)}}))
"""


def small_store(bench: Bench, subject: Subject) -> Path:
    """The folder of a store with one finished run of a thousand rows."""

    def measure() -> Path:
        folder = bench.fresh_folder(f"first-read-{subject.name}")
        bench.case("fill", subject, folder, ROW_COUNT, RUNLAKE_RUN_ID=RUN)
        wait_for_sealing(folder)
        return folder

    return Path(bench.once(("filling", subject.name, ROW_COUNT, "rows"), measure))


def median_s(bench: Bench, subject: Subject, name: str, command: list[str]) -> float:
    """Median of whole processes that read the small store, the first of which is not counted."""

    def measure() -> float:
        folder = small_store(bench, subject)
        environment = case_environment(subject, folder)
        wall_seconds(command, folder, environment)
        return statistics.median(wall_seconds(command, folder, environment) for _ in range(bench.count(10, 3)))

    return float(bench.once((name, subject.name), measure))


def first_read_s(bench: Bench) -> float:
    """Median of fresh processes that have loaded what is not ours: a run is opened by its path, one key of it read."""

    def measure() -> float:
        folder = small_store(bench, bench.ours)
        environment = case_environment(bench.ours, folder)
        answers = [run_json([sys.executable, "-c", FIRST_READ], folder, environment) for _ in range(bench.count(11, 4))]
        return statistics.median(answer["seconds"] for answer in answers[1:])

    return float(bench.once(("first read:", bench.ours.name), measure))


def loaded_s(bench: Bench) -> float:
    return median_s(bench, bench.ours, "numpy, pandas, pyarrow:", [sys.executable, "-c", LOADED])


def ls_s(bench: Bench) -> float:
    return median_s(bench, bench.ours, "ls:", [sys.executable, "-m", "runlake", "ls", PROJECT])


def read_process_s(bench: Bench, subject: Subject) -> float | None:
    """A whole process to a DataFrame of one key; None where the tracker has no reader for local data."""
    if not subject.reads:
        return None
    folder = small_store(bench, subject)
    return median_s(bench, subject, "whole read:", case_command("read_key", subject, folder, ROW_COUNT))


GROUP = Group(
    "startup",
    "Starting",
    targets=(
        Target(
            "whole process: import, init, finish of an empty run",
            "s",
            0.25,
            "value",
            lambda bench: empty_run_s(bench, bench.ours),
            "bare Python process",
            bare_s,
        ),
        Target(
            "import runlake, beyond bare Python",
            "ms",
            50,
            "value",
            lambda bench: (import_s(bench) - bare_s(bench)) * 1e3,
            "bare Python process",
            lambda bench: bare_s(bench) * 1e3,
        ),
        Target(
            "import, Api() and 500 samples of one key, beyond numpy, pandas and pyarrow",
            "ms",
            30,
            "value",
            lambda bench: first_read_s(bench) * 1e3,
            "process with numpy, pandas and pyarrow",
            lambda bench: loaded_s(bench) * 1e3,
        ),
        Target(
            "whole process: runlake ls of a project with one run",
            "s",
            0.25,
            "value",
            ls_s,
            "bare Python process",
            bare_s,
        ),
    ),
    comparisons=(
        Comparison("whole process of an empty run", "s", empty_run_s),
        Comparison("whole process: one key of 1,000 rows → pandas", "s", read_process_s),
    ),
)
