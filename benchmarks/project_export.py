"""All rows of a project of a thousand runs as one Parquet file."""

from __future__ import annotations

import math
from pathlib import Path

from benchmarks.bench import Bench, Group, Target

KEY_COUNT = 10


def run_count(bench: Bench) -> int:
    return bench.count(1_000, 40)


def row_count(bench: Bench) -> int:
    """Rows of each run."""
    return bench.count(10_000, 2_000)


def filled_store(bench: Bench) -> Path:
    """A store of sealed runs, and each of them as a Parquet file of its own beside it."""

    def measure() -> Path:
        folder = bench.fresh_folder("project")
        bench.own_case("project_export_case", folder, "fill", folder, run_count(bench), row_count(bench))
        return folder

    return Path(bench.once(("filling", run_count(bench), "runs of", row_count(bench), "rows"), measure))


def export(bench: Bench, what: str, runs: int) -> dict[str, float]:
    """Seconds and peak MB of the first `runs` runs: best of several processes."""
    folder = filled_store(bench)
    answer = bench.own_case("project_export_case", folder, what, folder, runs, row_count(bench))
    return {name: float(answer[name]) for name in ("seconds", "peak_mb")}


def best(bench: Bench) -> dict[str, dict[str, float]]:
    """Of ours, of the files by hand, and of a tenth of the runs: least seconds and peak MB, by turns."""

    def measure() -> dict[str, dict[str, float]]:
        work = {"all": ("export", 1), "hand": ("hand", 1), "tenth": ("export", 10)}
        found = {name: {"seconds": math.inf, "peak_mb": math.inf} for name in work}
        for _ in range(bench.count(3, 1)):
            for name, (what, divisor) in work.items():
                answer = export(bench, what, run_count(bench) // divisor)
                found[name] = {key: min(value, answer[key]) for key, value in found[name].items()}
        return found

    result: dict[str, dict[str, float]] = bench.once(("exporting", run_count(bench), "runs"), measure)
    return result


def million_values_ms(name: str, bench: Bench) -> float:
    return best(bench)[name]["seconds"] * 1e9 / (run_count(bench) * row_count(bench) * KEY_COUNT)


GROUP = Group(
    "project_export",
    "A project of 1,000 runs, each 10k rows by 10 keys, as one Parquet file",
    targets=(
        Target(
            "a million values",
            "ms",
            50,
            "value",
            lambda bench: million_values_ms("all", bench),
            "Parquet files by hand",
            lambda bench: million_values_ms("hand", bench),
        ),
        Target(
            "peak memory",
            "MB",
            1.1,
            "ratio",
            lambda bench: best(bench)["all"]["peak_mb"],
            "100 of the runs",
            lambda bench: best(bench)["tenth"]["peak_mb"],
        ),
    ),
)
