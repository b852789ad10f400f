"""A store on PostgreSQL and object storage, beside what the engines take by themselves."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench, Group, Target

CLIENTS_AT_ONCE = 32
ROWS_AN_APPEND = 200
KEY_COUNT = 10


def appended(bench: Bench) -> dict[str, float]:
    """Appends of replicas, and bare commits of the same bytes, in turns."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("appended")
        return bench.own_case(
            "cluster_case", folder, "append", CLIENTS_AT_ONCE, bench.count(100, 10), ROWS_AN_APPEND, KEY_COUNT
        )

    found: dict[str, float] = bench.once((str(CLIENTS_AT_ONCE), "clients append"), measure)
    return found


GROUP = Group(
    "cluster",
    "A store on PostgreSQL and object storage, all on the same machine",
    targets=(
        Target(
            f"{CLIENTS_AT_ONCE} clients append {ROWS_AN_APPEND} rows x {KEY_COUNT}, each in a turn of its writer: one",
            "ms",
            2.0,
            "ratio",
            lambda bench: appended(bench)["append_ms"],
            "a bare commit of the same bytes",
            lambda bench: appended(bench)["bare_ms"],
        ),
        Target(
            "the same: 99 of 100 within",
            "ms",
            2.0,
            "ratio",
            lambda bench: appended(bench)["append_p99_ms"],
            "bare commits",
            lambda bench: appended(bench)["bare_p99_ms"],
        ),
    ),
)
