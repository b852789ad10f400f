"""Runs of very many keys, each of which few rows have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from benchmarks.bench import Bench, Group, Target


def filled_store(bench: Bench, key_count: int) -> Path:
    """A store with one sealed run, and the same values in packed Parquet beside it."""
    keys = bench.count(key_count, key_count // 20)

    def measure() -> Path:
        folder = bench.fresh_folder(f"sparse-{key_count}")
        bench.own_case("sparse_keys_case", folder, "fill", "runlake", folder, keys)
        return folder

    return Path(bench.once(("filling", keys, "keys"), measure))


def pair_ms(bench: Bench, key_count: int, what: str) -> dict[str, float]:
    """Best of several fresh processes each, in ms; ours and Parquet's by turns."""

    def measure() -> dict[str, float]:
        folder = filled_store(bench, key_count)
        best = {"runlake": math.inf, "parquet": math.inf}
        for _ in range(bench.count(5, 3)):
            for source in best:
                answer = bench.own_case("sparse_keys_case", folder, what, source, folder, 0)
                best[source] = min(best[source], answer["seconds"] * 1e3)
        return best

    result: dict[str, float] = bench.once(("sparse keys:", key_count, what), measure)
    return result


def target(work: str, key_count: int, what: str, at_most: float, bounds: Literal["value", "ratio"]) -> Target:
    return Target(
        work,
        "ms",
        at_most,
        bounds,
        lambda bench: pair_ms(bench, key_count, what)["runlake"],
        "packed Parquet",
        lambda bench: pair_ms(bench, key_count, what)["parquet"],
    )


GROUP = Group(
    "sparse_keys",
    "A run of very many keys, 50 values each",
    targets=(
        target("20k keys: one of them", 20_000, "key", 10, "value"),
        target("20k keys: their names", 20_000, "keys", 20, "value"),
        target("20k keys: all values", 20_000, "all", 1.5, "ratio"),
        target("100k keys: one of them", 100_000, "key", 20, "value"),
        target("100k keys: their names", 100_000, "keys", 60, "value"),
        target("100k keys: all values", 100_000, "all", 2, "ratio"),
    ),
)
