"""A server for a team: what it takes from many runs at once, gives to many readers, and adds to the official client."""

from __future__ import annotations

import time
from typing import Any

import httpx

from benchmarks.bench import Bench, BenchmarkError, Group, Target
from benchmarks.run_store import fill_project
from benchmarks.serving import KEY, official, served_seconds, serving, throwing_away

RUNS_AT_ONCE = 50
ROWS_A_REQUEST = 200
CLIENTS_AT_ONCE = 32
PAGE_SIZE = 50


# The official client trains --------------------------------------------------------------------------------


def trained_s(bench: Bench, *, is_kept: bool) -> float:
    """From init to finished and readable."""

    def measure() -> float:
        count = bench.count(100_000, 5_000)
        folder = bench.fresh_folder("trained")
        if not is_kept:
            with throwing_away(bench, folder) as url:
                return float(official(folder, url, "train", count)["seconds"])
        with serving(bench, folder) as url:
            seconds = float(official(folder, url, "train", count)["seconds"])
            began_at = time.perf_counter()
            run = httpx.get(f"{url}/api/v1/runs/ada/benchmark/trained", auth=("api", KEY)).json()
            seconds += time.perf_counter() - began_at
        if (run["state"], run["row_count"]) != ("finished", count):
            raise BenchmarkError(f"the run is {run['state']} with {run['row_count']} rows of {count}")
        return seconds

    return float(bench.once(("the official client trains,", "kept" if is_kept else "thrown away"), measure))


# file_stream -----------------------------------------------------------------------------------------------


def streamed(bench: Bench) -> dict[str, float]:
    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("streamed")
        with serving(bench, folder) as url:
            requests = bench.count(80, 6)
            return bench.own_case("server_case", folder, "stream", url, RUNS_AT_ONCE, requests, ROWS_A_REQUEST)

    found: dict[str, float] = bench.once((str(RUNS_AT_ONCE), "runs at once"), measure)
    return found


# A long run, read ------------------------------------------------------------------------------------------


def read_ms(bench: Bench, *, is_near: bool) -> float:
    def measure() -> tuple[float, float]:
        folder, count = bench.fresh_folder("read"), bench.count(1_000_000, 20_000)
        bench.own_case("server_case", folder, "log", folder / "store", "far", "run", count, 10, 0)

        def seconds(place: str) -> float:
            return float(bench.own_case("server_case", folder, "read", place, "ada/far/run")["seconds"])

        with serving(bench, folder) as url:
            far = bench.best_s(lambda: seconds(url))
        return bench.best_s(lambda: seconds(str(folder / "store"))), far

    near, far = bench.once(("a run of a million rows, near and far",), measure)
    return 1e3 * float(near if is_near else far)


def scanned_s(bench: Bench, *, is_exported: bool) -> float:
    """The official client's `scan_history`, over exported files or live: a row with a key more has no export."""

    def measure() -> float:
        folder, count = bench.fresh_folder("scanned"), bench.count(100_000, 5_000)
        store = folder / "store"
        bench.own_case("server_case", folder, "log", store, "scan", "run", count, 10, int(not is_exported))
        with serving(bench, folder) as url:
            found = [official(folder, url, "scan", "ada/scan/run") for _ in range(2)]
        if any(one["count"] != count for one in found):
            raise BenchmarkError(f"{found} are not {count} rows")
        return min(float(one["seconds"]) for one in found)

    return float(bench.once(("scan_history,", "files" if is_exported else "live"), measure))


# Many runs, many readers -----------------------------------------------------------------------------------


def listed_ms(bench: Bench) -> dict[str, float]:
    """Of one page: the server's time, and the client's."""

    def measure() -> dict[str, float]:
        folder, count = bench.fresh_folder("listed"), bench.count(10_000, 500)
        fill_project(folder / "store", "ada", "many", count)
        with serving(bench, folder) as url:
            official(folder, url, "runs", "ada/many")
            before_s, before_count = served_seconds(url, "/graphql")
            found = official(folder, url, "runs", "ada/many")
            after_s, after_count = served_seconds(url, "/graphql")
        if found["count"] != count:
            raise BenchmarkError(f"{found['count']} runs came of {count}")
        pages = count / PAGE_SIZE
        assert after_count - before_count >= pages
        return {"server": 1e3 * (after_s - before_s) / pages, "client": 1e3 * found["seconds"] / pages}

    result: dict[str, float] = bench.once(("runs() over", str(bench.count(10_000, 500)), "runs"), measure)
    return result


def sampled(bench: Bench) -> dict[str, float]:
    def measure() -> dict[str, Any]:
        folder, count = bench.fresh_folder("sampled"), bench.count(1_000_000, 20_000)
        run_count = bench.count(50, 4)
        for number in range(run_count):
            bench.own_case("server_case", folder, "log", folder / "store", "long", f"run-{number}", count, 1, 0)
        with serving(bench, folder) as url:
            alone = bench.own_case("server_case", folder, "sample", url, 1, bench.count(100, 5), run_count)
            words = ("sample", url, CLIENTS_AT_ONCE, bench.count(30, 3), run_count)
            found = bench.own_case("server_case", folder, *words)
        return {**found, "alone_ms": alone["p50_ms"]}

    result: dict[str, float] = bench.once((str(CLIENTS_AT_ONCE), "clients ask for samples"), measure)
    return result


def _ms_of_a_row(bench: Bench) -> float:
    return 1e3 / streamed(bench)["rows_a_second"]


GROUP = Group(
    "server",
    "A server with two workers on the same machine, over loopback",
    targets=(
        Target(
            "official client: 100k rows x 5 scalars, init to readable",
            "s",
            1.2,
            "ratio",
            lambda bench: trained_s(bench, is_kept=True),
            "a server that keeps nothing",
            lambda bench: trained_s(bench, is_kept=False),
        ),
        Target(
            "file_stream, 50 runs at once, 200 rows x 10 a request: a row",
            "ms",
            0.02,
            "value",
            _ms_of_a_row,
            "50k rows a second",
            lambda _bench: 0.02,
        ),
        Target(
            "the same: 99 of 100 answers within",
            "ms",
            250,
            "value",
            lambda bench: streamed(bench)["p99_ms"],
            "half of them within",
            lambda bench: streamed(bench)["p50_ms"],
        ),
        Target(
            "the same: memory at the end",
            "times that after a third",
            1.2,
            "value",
            lambda bench: streamed(bench)["memory_growth"],
            "flat",
            lambda _bench: 1.0,
        ),
        Target(
            "to_arrow() of 1M rows x 10 from the server",
            "ms",
            3,
            "ratio",
            lambda bench: read_ms(bench, is_near=False),
            "from the folder",
            lambda bench: read_ms(bench, is_near=True),
        ),
        Target(
            "official client: scan_history() of 100k rows x 10",
            "s",
            0.1,
            "ratio",
            lambda bench: scanned_s(bench, is_exported=True),
            "without exported files",
            lambda bench: scanned_s(bench, is_exported=False),
        ),
        Target(
            "official client: runs() over 10k runs, the server's time for a page of 50",
            "ms",
            30,
            "value",
            lambda bench: listed_ms(bench)["server"],
            "the client's time for it",
            lambda bench: listed_ms(bench)["client"],
        ),
        Target(
            "32 clients ask for samples of 50 runs of 1M rows: half of the answers within",
            "ms",
            50,
            "value",
            lambda bench: sampled(bench)["p50_ms"],
            "one client alone",
            lambda bench: sampled(bench)["alone_ms"],
        ),
        Target(
            "the same: 99 of 100 within",
            "ms",
            250,
            "value",
            lambda bench: sampled(bench)["p99_ms"],
            "one client alone",
            lambda bench: sampled(bench)["alone_ms"],
        ),
    ),
)
