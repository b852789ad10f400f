"""What a process pays before it logs anything."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from benchmarks.bench import (
    Bench,
    Comparison,
    Group,
    Subject,
    Target,
    case_command,
    case_environment,
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
    ),
    comparisons=(Comparison("whole process of an empty run", "s", empty_run_s),),
)
