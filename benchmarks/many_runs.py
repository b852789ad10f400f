"""A project of a hundred thousand runs, each with 30 numbers in its config and 30 in its summary."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.bench import CHECKOUT, Bench, Group, Target, case_environment, run_json


def run_count(bench: Bench) -> int:
    return bench.count(100_000, 3_000)


def filled_store(bench: Bench) -> Path:
    """A folder with the store, known to a catalog, and the same table as Parquet."""

    def measure() -> Path:
        folder = bench.fresh_folder("many-runs")
        many_runs_case(bench, "fill", folder)
        return folder

    return Path(bench.once(("making", run_count(bench), "runs"), measure))


def many_runs_case(bench: Bench, what: str, folder: Path) -> float:
    """Seconds of one case of ``benchmarks/many_runs_case.py`` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.many_runs_case", what, str(folder), str(run_count(bench))]
    environment = case_environment(bench.ours, folder)
    environment["PYTHONPATH"] += os.pathsep + str(CHECKOUT)
    return float(run_json(command, folder, environment)["seconds"])


def seconds(bench: Bench, what: str) -> float:
    """The best of several processes; a rebuild, which takes long, once."""

    def measure() -> float:
        folder = filled_store(bench)
        return min(many_runs_case(bench, what, folder) for _ in range(1 if what in ("rebuild", "files") else 3))

    return float(bench.once(("many runs:", what), measure))


def target(work: str, unit: str, at_most: float, ours: str, limit_name: str, limit: str) -> Target:
    scale = 1e3 if unit == "ms" else 1.0
    return Target(
        work,
        unit,
        at_most,
        "value",
        lambda bench: seconds(bench, ours) * scale,
        limit_name,
        lambda bench: seconds(bench, limit) * scale,
    )


GROUP = Group(
    "many_runs",
    "A project of 100k runs, 30 config and 30 summary keys",
    targets=(
        target("listing again, nothing changed", "ms", 150, "unchanged", "listing the run folders", "listdir"),
        target("listing after 100 edits by another process", "ms", 250, "changed", "reading those 100 runs", "edited"),
        target("filter, order, 50 best as runs; warm", "ms", 20, "page", "numpy over the columns", "numpy"),
        target("the same, first thing in a process", "ms", 1000, "first", "numpy over the columns", "numpy"),
        target(
            "all as a DataFrame, first thing in a process", "ms", 1000, "frame", "zstd Parquet by pyarrow", "parquet"
        ),
        target("10 columns of the 200 best, as bytes; warm", "ms", 30, "columns", "numpy over the columns", "numpy"),
        target("groups and facets of all, as bytes; warm", "ms", 250, "groups", "numpy over the columns", "groupby"),
        target("the same store without its catalog: listing", "s", 60, "rebuild", "reading the files, bare", "files"),
    ),
)
