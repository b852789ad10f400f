"""A project of a thousand runs as a folder that can be proved: a file of each run, with its digest."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from benchmarks import project_export
from benchmarks.bench import Bench, Group, Target
from benchmarks.project_export import KEY_COUNT, row_count, run_count


def long_row_count(bench: Bench) -> int:
    return bench.count(4_000_000, 100_000)


def long_store(bench: Bench) -> Path:
    """A store with one run of very many rows."""

    def measure() -> Path:
        folder = bench.fresh_folder("long-run")
        (folder / "by-hand").mkdir()
        bench.own_case("bulk_case", folder, "fill-long", folder, 1, long_row_count(bench))
        return folder

    return Path(bench.once(("one run of", long_row_count(bench), "rows"), measure))


def exported_count(bench: Bench, what: str) -> int:
    """How many runs are exported: of CSV a tenth, since pyarrow takes a minute and a half for all."""
    return run_count(bench) // (10 if what.startswith("csv") else 1)


def best(bench: Bench, what: str) -> dict[str, float]:
    """The least seconds, seconds of the processor and peak MB of several processes."""

    def measure() -> dict[str, float]:
        folder = project_export.filled_store(bench)
        found = {name: math.inf for name in ("seconds", "cpu_seconds", "peak_mb")}
        for _ in range(bench.count(3, 1)):
            answer = bench.own_case("bulk_case", folder, what, folder, exported_count(bench, what), row_count(bench))
            found = {name: min(value, answer[name]) for name, value in found.items()}
        return found

    result: dict[str, float] = bench.once(("bulk:", what), measure)
    return result


def million_values_ms(bench: Bench, what: str, clock: str = "seconds") -> float:
    return best(bench, what)[clock] * 1e9 / (exported_count(bench, what) * row_count(bench) * KEY_COUNT)


def long_peak_mb(bench: Bench) -> float:
    def measure() -> float:
        folder, rows = long_store(bench), long_row_count(bench)
        return float(bench.own_case("bulk_case", folder, "long", folder, 1, rows)["peak_mb"])

    return float(bench.once(("bulk: the long run",), measure))


def row(
    work: str, at_most: float, bounds: Literal["value", "ratio"], what: str, limit: str, clock: str = "seconds"
) -> Target:
    return Target(
        work,
        "ms",
        at_most,
        bounds,
        lambda bench: million_values_ms(bench, what, clock),
        "pyarrow, the same files",
        lambda bench: million_values_ms(bench, limit, clock),
    )


def plain_ms(bench: Bench, what: str) -> float:
    return best(bench, what)["seconds"] * 1e3


GROUP = Group(
    "bulk",
    "A project of 1,000 runs, each 10k rows by 10 keys, as a folder that can be proved",
    targets=(
        row("a million values as Parquet", 33, "value", "parquet", "parquet-by-hand"),
        row("the same", 1, "ratio", "parquet", "parquet-by-hand"),
        row("the same, processor time", 66, "value", "parquet", "parquet-by-hand", "cpu_seconds"),
        row("a million values as CSV", 200, "value", "csv", "csv-by-hand"),
        Target(
            "nothing is new",
            "ms",
            1000,
            "value",
            lambda bench: plain_ms(bench, "since"),
            "a listing of all runs",
            lambda bench: plain_ms(bench, "listing"),
        ),
        Target(
            "peak memory",
            "MB",
            1000,
            "value",
            lambda bench: best(bench, "parquet")["peak_mb"],
            "one run of 4M rows by 10 keys",
            long_peak_mb,
        ),
    ),
)
