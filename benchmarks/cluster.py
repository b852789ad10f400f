"""A store on PostgreSQL and object storage, beside what the engines take by themselves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, BenchmarkError, Group, Target
from benchmarks.peers import NotInstallableError, Peer, environment_python
from benchmarks.reading import sealed_store
from benchmarks.serving import serving

CLIENTS_AT_ONCE = 32
ROWS_AN_APPEND = 200
KEY_COUNT = 10
ROWS_OF_A_JOURNAL = 20
ENGINES = Peer(
    "engines",
    (
        *("duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5", "polars==2.1.0", "pysail==0.7.2"),
        *("pyspark-client==4.2.0", "pandas==3.1.1", "pyarrow==26.0.1"),
    ),
)
"""DuckDB is of the last release that has its httpfs as a package."""


def appended(bench: Bench) -> dict[str, float]:
    """Appends of replicas, and bare commits of the same bytes, in turns."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("appended")
        return bench.own_case(
            "cluster_case", folder, "append", CLIENTS_AT_ONCE, bench.count(100, 10), ROWS_AN_APPEND, KEY_COUNT
        )

    found: dict[str, float] = bench.once((str(CLIENTS_AT_ONCE), "clients append"), measure)
    return found


def serve(bench: Bench, folder: Path, *, is_cluster: bool, worker_count: int = 2) -> AbstractContextManager[str]:
    """Workers over a cluster, or over a folder."""
    if not is_cluster:
        return serving(bench, folder, worker_count)
    from benchmarks.cluster_serving import serving_cluster  # others do without its parts

    return serving_cluster(bench, folder, worker_count)


def fed(bench: Bench, *, is_cluster: bool) -> dict[str, dict[str, float]]:
    """What comes of many runs at once: as the official client sends it, and journals of our own processes."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("fed")
        with serve(bench, folder, is_cluster=is_cluster) as url:
            ours = (bench.count(150, 20), ROWS_OF_A_JOURNAL, folder / "sent")
            return {
                "streamed": bench.own_case(
                    "server_case", folder, "stream", url, CLIENTS_AT_ONCE, bench.count(40, 6), ROWS_AN_APPEND
                ),
                "replicated": bench.own_case("server_case", folder, "replicate", url, CLIENTS_AT_ONCE, *ours),
            }

    place = "a cluster" if is_cluster else "a folder"
    found: dict[str, dict[str, float]] = bench.once((str(CLIENTS_AT_ONCE), "runs at once to", place), measure)
    return found


def read(bench: Bench) -> dict[str, float]:
    """A sealed run as a table: from a folder, from the same files in a bucket, and what pyarrow makes of these."""
    found: dict[str, float] = bench.once(
        ("a sealed run", "folder and bucket"),
        lambda: bench.own_case("cluster_read_case", folder := sealed_store(bench), folder),
    )
    return found


def asked(bench: Bench) -> dict[str, dict[str, float]]:
    """A question over all runs by each engine, from the files that we name and from Parquet made by hand."""
    run_counts = bench.count(5000, 60), bench.count(1000, 30)

    def measure() -> dict[str, Any]:
        try:
            python = environment_python(ENGINES)
        except NotInstallableError as error:
            raise BenchmarkError(f"no engines: {error}") from None
        words = [f"{engine}={python}" for engine in ("polars", "duckdb", "sail")]
        return bench.own_case("cluster_engines_case", bench.fresh_folder("engines"), *run_counts, *words)

    found: dict[str, dict[str, float]] = bench.once(("engines ask", run_counts[0], "runs"), measure)
    return found


def merged_target(engine: str, title: str, limit: str, limit_name: str) -> Target:
    """What an engine takes for merged runs, beside what it takes for Parquet made by hand."""
    return Target(
        f"mean of a key's last value over 5,000 merged runs of 200 rows x 10: {title}, from the bucket, processor time",
        "ms",
        1.5,
        "ratio",
        lambda bench: asked(bench)[engine]["ours"],
        limit_name,
        lambda bench: asked(bench)[engine][limit],
    )


def alone(bench: Bench, *, is_cluster: bool) -> dict[str, float]:
    """One worker: its megabytes when it was asked nothing; then, of a replica, appends while it seals a long run."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("alone")
        with serve(bench, folder, is_cluster=is_cluster, worker_count=1) as url:
            found = bench.own_case("server_case", folder, "rest", url)
            if not is_cluster:
                return found
            words = (url, bench.count(1_000_000, 100_000), folder / "sent")
            return found | bench.own_case("cluster_sealing_case", folder, *words)

    place = "a cluster" if is_cluster else "a folder"
    found: dict[str, float] = bench.once(("one worker over", place), measure)
    return found


def listed(bench: Bench) -> dict[str, float]:
    """A listing of very many runs."""
    run_counts = bench.count(1_000_000, 5_000), bench.count(2000, 100)
    found: dict[str, float] = bench.once(
        ("a listing of", run_counts[0], "runs"),
        lambda: bench.own_case("cluster_listing_case", bench.fresh_folder("listed"), *run_counts),
    )
    return found


def listed_target(work: str, at_most: float, ours: str, limit_name: str, limit: str) -> Target:
    """What a look at a project of a million runs takes."""
    return Target(
        f"1,000,000 runs with 30 numbers each: {work}",
        "ms",
        at_most,
        "value",
        lambda bench: listed(bench)[ours],
        limit_name,
        lambda bench: listed(bench)[limit],
    )


GROUP = Group(
    "cluster",
    "A store on PostgreSQL and object storage, all on the same machine",
    targets=(
        Target(
            f"{CLIENTS_AT_ONCE} clients append {ROWS_AN_APPEND} rows x {KEY_COUNT}: one",
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
        Target(
            "the same in a turn of its writer, as appends that say more than rows: one",
            "ms",
            3.0,
            "ratio",
            lambda bench: appended(bench)["turn_ms"],
            "a bare commit of the same bytes",
            lambda bench: appended(bench)["bare_ms"],
        ),
        Target(
            f"file_stream, {CLIENTS_AT_ONCE} runs, {ROWS_AN_APPEND} rows x {KEY_COUNT} a request: processor time",
            "ms",
            1.5,
            "ratio",
            lambda bench: fed(bench, is_cluster=True)["streamed"]["server_ms"],
            "the same over a folder",
            lambda bench: fed(bench, is_cluster=False)["streamed"]["server_ms"],
        ),
        Target(
            "a sealed run of a million rows x 10 → Arrow, through the cache",
            "ms",
            1.3,
            "ratio",
            lambda bench: read(bench)["warm"],
            "the same from a folder",
            lambda bench: read(bench)["folder"],
        ),
        Target(
            "the same when nothing of it is in the cache",
            "ms",
            2.0,
            "ratio",
            lambda bench: read(bench)["cold"],
            "pyarrow reading the same objects",
            lambda bench: read(bench)["pyarrow"],
        ),
        Target(
            "mean of a key's last value over 1,000 runs that are not merged: Polars, from the bucket, processor time",
            "ms",
            1.5,
            "ratio",
            lambda bench: asked(bench)["alone"]["ours"],
            "of hand-made Parquet, a file a run",
            lambda bench: asked(bench)["alone"]["by_hand"],
        ),
        merged_target("polars", "Polars", "in_one", "of one wide file made by hand"),
        merged_target("duckdb", "DuckDB", "in_one", "of one wide file made by hand"),
        merged_target("sail", "Sail", "in_one", "of one wide file made by hand"),
        merged_target("polars", "Polars", "by_hand", "of hand-made Parquet, a file a run"),
        Target(
            f"{CLIENTS_AT_ONCE} journals at once, {ROWS_OF_A_JOURNAL} rows x {KEY_COUNT} a request: processor time",
            "ms",
            1.0,
            "value",
            lambda bench: fed(bench, is_cluster=True)["replicated"]["server_ms"],
            "over a folder",
            lambda bench: fed(bench, is_cluster=False)["replicated"]["server_ms"],
        ),
        Target(
            "99 of 100 appends to a replica that seals a run of a million rows: within",
            "ms",
            3.0,
            "ratio",
            lambda bench: alone(bench, is_cluster=True)["sealing_p99_ms"],
            "while it seals nothing",
            lambda bench: alone(bench, is_cluster=True)["else_p99_ms"],
        ),
        listed_target("nothing moved", 5.0, "unchanged", "the first look of a replica", "first"),
        listed_target("2,000 runs moved", 50.0, "changed", "reading those 2,000, one after the other", "folds"),
        listed_target("filter, order, 50 best", 20.0, "page", "the first look of a replica", "first"),
        Target(
            "a replica with one worker that was asked nothing: resident memory",
            "MB",
            150.0,
            "value",
            lambda bench: alone(bench, is_cluster=True)["resident_mb"],
            "a server over a folder",
            lambda bench: alone(bench, is_cluster=False)["resident_mb"],
        ),
    ),
)
