"""A finished run as a table, beside the same numbers in Parquet."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from benchmarks.bench import (
    CHECKOUT,
    Bench,
    Comparison,
    Group,
    Subject,
    Target,
    case_environment,
    run_json,
    wait_for_sealing,
)

PEER_ROW_COUNT = 100_000


def row_count(bench: Bench) -> int:
    return bench.count(1_000_000, 100_000)


def unsealed_store(bench: Bench) -> Path:
    """A store with a large and a small finished run, all their rows in the journal."""

    def measure() -> Path:
        folder = bench.fresh_folder("unsealed")
        for run_id, rows in (("large", row_count(bench)), ("small", 100)):
            bench.case("fill", bench.ours, folder, rows, RUNLAKE_SEAL="off", RUNLAKE_RUN_ID=run_id)
        return folder

    return Path(bench.once(("writing", row_count(bench), "rows"), measure))


def sealed_store(bench: Bench) -> Path:
    """The same store with the runs sealed, and the Parquet files beside it."""

    def measure() -> Path:
        source = unsealed_store(bench)
        folder = bench.folder / "sealed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        read_case(bench, "prepare", "runlake", folder)
        return folder

    return Path(bench.once(("sealing", row_count(bench), "rows"), measure))


def read_case(bench: Bench, what: str, source: str, folder: Path) -> float:
    """Seconds of one case of ``benchmarks/read_case.py`` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.read_case", what, source, str(folder), str(row_count(bench))]
    environment = case_environment(bench.ours, folder)
    environment["PYTHONPATH"] += os.pathsep + str(CHECKOUT)
    return float(run_json(command, folder, environment)["seconds"])


def pair_ms(bench: Bench, what: str, store: Callable[[Bench], Path]) -> dict[str, float]:
    """Best of several fresh processes each, in ms; ours and Parquet's by turns, so that both meet the same machine."""

    def measure() -> dict[str, float]:
        folders = {"runlake": store(bench), "parquet": sealed_store(bench)}
        best = dict.fromkeys(folders, math.inf)
        for _ in range(bench.count(5, 3)):
            for source, folder in folders.items():
                best[source] = min(best[source], 1e3 * read_case(bench, what, source, folder))
        return best

    result: dict[str, float] = bench.once(("reading", what, "from the", store.__name__.replace("_", " ")), measure)
    return result


def target(
    work: str,
    what: str,
    at_most: float,
    bounds: Literal["value", "ratio"] = "ratio",
    store: Callable[[Bench], Path] = sealed_store,
) -> Target:
    """A row whose limit is pyarrow on Parquet of the same numbers."""
    return Target(
        work,
        "ms",
        at_most,
        bounds,
        lambda bench: pair_ms(bench, what, store)["runlake"],
        "tuned Parquet",
        lambda bench: pair_ms(bench, what, store)["parquet"],
    )


def read_by(case: str) -> Callable[[Bench, Subject], float | None]:
    """Seconds to a DataFrame by any tracker that can read what it wrote."""

    def measure(bench: Bench, subject: Subject) -> float | None:
        if not subject.reads:
            return None
        folder, rows = filled(bench, subject), bench.count(PEER_ROW_COUNT, 5_000)

        def read_s() -> float:
            return float(bench.case(case, subject, folder, rows)["seconds"])

        return float(bench.once((case, subject.name), lambda: bench.best_s(read_s)))

    return measure


def filled(bench: Bench, subject: Subject) -> Path:
    """A store of the tracker with one finished run."""

    def measure() -> Path:
        folder = bench.fresh_folder(f"filled-{subject.name}")
        bench.case("fill", subject, folder, bench.count(PEER_ROW_COUNT, 5_000))
        wait_for_sealing(folder)
        return folder

    return Path(bench.once(("filling", subject.name), measure))


GROUP = Group(
    "reading",
    "Reading a finished run of 1M rows by 10 keys",
    targets=(
        target("all rows → Arrow", "arrow", 1.5),
        target("all rows → pandas", "pandas", 2),
        target("all rows → Arrow, unsealed", "arrow", 10, store=unsealed_store),
        target("one key of ten → Arrow", "key", 2),
        target("500 samples of one key, warm (Parquet: every n-th row)", "samples", 5, "value"),
    ),
    comparisons=(
        Comparison("100k rows by 10 keys → pandas", "s", read_by("read")),
        Comparison("one key of ten, 100k rows → pandas", "s", read_by("read_key")),
    ),
)
