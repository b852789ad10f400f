"""Five thousand finished runs of a thousand rows and ten keys: one key of all of them, and one of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.bench import CHECKOUT, Bench, Group, Target, case_environment, run_json


def run_count(bench: Bench) -> int:
    return bench.count(5_000, 200)


def filled_store(bench: Bench) -> Path:
    """A folder with the store, its runs merged; one of them unmerged in another; and the same rows as wide Parquet."""

    def measure() -> Path:
        folder = bench.fresh_folder("across-runs")
        across_runs_case(bench, "fill", folder)
        return folder

    return Path(bench.once(("making and merging", run_count(bench), "runs"), measure))


def across_runs_case(bench: Bench, what: str, folder: Path) -> float:
    """Seconds of one case of ``benchmarks/across_runs_case.py`` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.across_runs_case", what, str(folder), str(run_count(bench))]
    environment = case_environment(bench.ours, folder)
    environment["PYTHONPATH"] += os.pathsep + str(CHECKOUT)
    return float(run_json(command, folder, environment)["seconds"])


def milliseconds(bench: Bench, what: str) -> float:
    """The best of several processes."""

    def measure() -> float:
        folder = filled_store(bench)
        return 1e3 * bench.best_s(lambda: across_runs_case(bench, what, folder))

    return float(bench.once(("across runs:", what), measure))


def target(work: str, at_most: float, ours: str, limit_name: str, limit: str) -> Target:
    return Target(
        work,
        "ms",
        at_most,
        "ratio",
        lambda bench: milliseconds(bench, ours),
        limit_name,
        lambda bench: milliseconds(bench, limit),
    )


GROUP = Group(
    "across_runs",
    "One key of 5,000 merged runs, 1,000 rows x 10 keys each",
    targets=(
        target("mean over the runs of the last value of a key", 2, "mean", "DuckDB, wide Parquet", "mean-sql"),
        target("the same by DuckDB over the merged files", 3, "mean-merged", "DuckDB, wide Parquet", "mean-sql"),
        target("every value of a key as a DataFrame", 2.5, "frame", "pyarrow, wide Parquet", "frame-pyarrow"),
        target("one of the runs as an Arrow table", 8, "run", "the run before it was merged", "run-alone"),
    ),
)
