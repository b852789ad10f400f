"""What logging adds to the memory of the training process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace

from benchmarks.bench import Bench, BenchmarkError, Comparison, Group, Subject, Target, case_command, case_environment


def resident_mb(bench: Bench, subject: Subject, rows: int, helpers: bool) -> list[float]:
    """Resident MB of a process that has logged 1 %, 10 % and 100 % of `rows`, with its helper processes or without.

    Looked at from outside, so that nothing but the tracker is loaded.
    """
    import psutil

    folder = bench.fresh_folder(f"memory-{subject.name}")
    command = case_command("hold", subject, folder, rows)
    environment = case_environment(subject, folder) | {"RUNLAKE_SEAL": "off"}
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    sizes = []
    with child:
        for line in child.stdout:
            if "row_count" not in json.loads(line):
                break
            process = psutil.Process(child.pid)
            family = [process, *(process.children(recursive=True) if helpers else [])]
            sizes.append(sum(member.memory_info().rss for member in family) / 1e6)
            child.stdin.write("\n")
            child.stdin.flush()
    if child.returncode or not sizes:
        raise BenchmarkError(f"{' '.join(command[1:])} ended with {child.returncode} after {len(sizes)} looks")
    return sizes


def ours_mb(bench: Bench) -> list[float]:
    rows = bench.count(10_000_000, 200_000)
    key = ("memory while logging", rows, "rows")
    return list(bench.once(key, lambda: resident_mb(bench, bench.ours, rows, helpers=False)))


def bare_mb(bench: Bench) -> float:
    """A process that makes the same rows and keeps nothing."""
    rows = 100_000
    nothing = replace(bench.ours, name="nothing")
    sizes = bench.once(("memory of bare Python",), lambda: resident_mb(bench, nothing, rows, helpers=False))
    return float(sizes[-1])


def added_at(look: int) -> Callable[[Bench], float]:
    return lambda bench: ours_mb(bench)[look] - bare_mb(bench)


def added_by(bench: Bench, subject: Subject) -> float:
    """MB over bare Python after as many rows as the tracker writes in some seconds, helper processes included."""
    rows = bench.count(subject.call_row_count, 1_000)
    key = ("memory:", subject.name)
    sizes = bench.once(key, lambda: resident_mb(bench, subject, rows, helpers=True))
    return float(sizes[-1]) - bare_mb(bench)


GROUP = Group(
    "memory",
    "Memory of the training process",
    targets=(
        Target("added after 100k rows", "MB", 40, "value", added_at(0), "bare Python", bare_mb),
        Target("added after 1M rows", "MB", 40, "value", added_at(1), "bare Python", bare_mb),
        Target("added after 10M rows", "MB", 40, "value", added_at(2), "bare Python", bare_mb),
        Target("growth from 100k to 10M rows", "MB", 1.1, "ratio", added_at(2), "after 100k rows", added_at(0)),
    ),
    comparisons=(Comparison("added by logging, helper processes included", "MB", added_by),),
)
