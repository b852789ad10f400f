"""SQL over five thousand merged runs of a thousand rows and ten keys, beside DuckDB over Parquet files made by hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks.across_runs import filled_store, run_count
from benchmarks.bench import Bench, Group, Target, store_folder
from benchmarks.serving import serving


def sql_case(bench: Bench, what: str, place: str, at: str = "auto") -> float:
    """Milliseconds of one case of ``benchmarks/sql_case.py``: the best of several processes."""
    folder = bench.fresh_folder("sql")
    return 1e3 * bench.best_s(
        lambda: float(bench.own_case("sql_case", folder, what, place, at, run_count(bench))["seconds"])
    )


def folder_ms(bench: Bench, what: str) -> float:
    """Over the folder."""

    def measure() -> float:
        return sql_case(bench, what, str(store_folder(filled_store(bench))))

    return float(bench.once(("sql", what), measure))


def by_hand_ms(bench: Bench, what: str) -> float:
    """DuckDB over the wide Parquet files."""

    def measure() -> float:
        return sql_case(bench, f"by-hand-{what}", str(Path(filled_store(bench)) / "wide"))

    return float(bench.once(("sql by hand", what), measure))


def served_ms(bench: Bench, what: str, at: str) -> float:
    """Over a server on this machine, computed there or here."""

    def measure() -> float:
        with serving(bench, filled_store(bench)) as url:
            return sql_case(bench, what, url, at)

    return float(bench.once(("sql served", what, at), measure))


HAND = "DuckDB, wide Parquet"

GROUP = Group(
    "sql",
    "SQL over 5,000 merged runs, 1,000 rows x 10 keys each",
    targets=(
        Target(
            "mean over the runs of the last value of a key, of history",
            "ms",
            2,
            "ratio",
            lambda bench: folder_ms(bench, "mean"),
            HAND,
            lambda bench: by_hand_ms(bench, "mean"),
        ),
        Target(
            "the same, of summary",
            "ms",
            100,
            "value",
            lambda bench: folder_ms(bench, "summary"),
            HAND,
            lambda bench: by_hand_ms(bench, "mean"),
        ),
        Target(
            "one key of 50 runs",
            "ms",
            50,
            "value",
            lambda bench: folder_ms(bench, "fifty"),
            HAND,
            lambda bench: by_hand_ms(bench, "fifty"),
        ),
        Target(
            "the mean, at a server",
            "ms",
            1,
            "ratio",
            lambda bench: served_ms(bench, "mean", "server"),
            "the rows fetched, on one machine",
            lambda bench: served_ms(bench, "mean", "here"),
        ),
        Target(
            "one key of 50 runs, at a server",
            "ms",
            1,
            "ratio",
            lambda bench: served_ms(bench, "fifty", "server"),
            "the rows fetched, on one machine",
            lambda bench: served_ms(bench, "fifty", "here"),
        ),
    ),
)
