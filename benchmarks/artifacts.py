"""Artifacts: large files, many files, many entries, many versions; over a folder, and by the official client."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import psutil

from benchmarks.bench import Bench, BenchmarkError, Group, Target
from benchmarks.serving import official, serving

Kind = Literal["large", "many"]
_TITLES: dict[Kind, str] = {"large": "one file of 2 GB", "many": "10,000 files of 10 KB"}


def source(bench: Bench, kind: Kind) -> Path:
    """The files that are logged."""

    def measure() -> Path:
        folder = bench.fresh_folder(f"artifact-{kind}")
        byte_count = bench.count(2_000_000_000, 20_000_000) if kind == "large" else bench.count(10_000, 200) * 10_000
        bench.own_case("artifacts_case", folder, "fill", folder, kind, byte_count)
        return folder

    return Path(bench.once(("files:", _TITLES[kind]), measure))


def seconds(bench: Bench, kind: Kind) -> dict[str, float]:
    """Best of three of each: logging, logging again, downloading; and the limit, by turns with them."""

    def measure() -> dict[str, float]:
        folder = source(bench, kind)
        best: dict[str, float] = {}
        for _ in range(bench.count(3, 1)):
            for what in ("limit", "round"):
                answer = bench.own_case("artifacts_case", folder, what, folder, kind, 0)
                best = {name: min(value, best.get(name, value)) for name, value in {**best, **answer}.items()}
        return best

    result: dict[str, float] = bench.once(("logged and downloaded:", _TITLES[kind]), measure)
    return result


def entries(bench: Bench) -> dict[str, float]:
    """Seconds to log, to read and to compare manifests of 100,000 entries, and the peak memory of each process."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("entries")
        return bench.own_case("artifacts_case", folder, "entries", folder, "many", bench.count(100_000, 2_000))

    result: dict[str, float] = bench.once(("a manifest of 100,000 entries",), measure)
    return result


def versions(bench: Bench) -> dict[str, float]:
    """Seconds to find one of 100,000 versions, warm, and to list the 10,000 of one collection."""

    def measure() -> dict[str, Any]:
        folder = bench.fresh_folder("versions")
        return bench.own_case("artifacts_case", folder, "versions", folder, "many", bench.count(100_000, 1_000))

    result: dict[str, float] = bench.once(("a store of 100,000 versions",), measure)
    return result


def official_cpu_s(bench: Bench, kind: Kind) -> dict[str, float]:
    """Processor seconds of the server and of the official client, which logs and downloads."""

    def measure() -> dict[str, float]:
        files = source(bench, kind) / kind
        folder = bench.fresh_folder(f"official-{kind}")
        with serving(bench, folder) as url:
            before_s = _cpu_s()
            found = official(folder, url, "artifact", files)
            server_s = _cpu_s() - before_s
        if found["count"] != sum(1 for file in files.rglob("*") if file.is_file()):
            raise BenchmarkError(f"{found} are not the files that were logged")
        return {"server": server_s, "client": found["cpu_s"]}

    result: dict[str, float] = bench.once(("the official client logs and downloads", _TITLES[kind]), measure)
    return result


def _cpu_s() -> float:
    """Of the server with all its workers: nothing else that this process has begun goes on."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(time.user + time.system for time in times)


def file_targets(kind: Kind, at_most: float, limit_name: str) -> tuple[Target, ...]:
    title = _TITLES[kind]
    return (
        Target(
            f"{title}: log",
            "s",
            at_most,
            "ratio",
            lambda bench: seconds(bench, kind)["log"],
            limit_name,
            lambda bench: seconds(bench, kind)["limit"],
        ),
        Target(
            f"{title}: download",
            "s",
            at_most,
            "ratio",
            lambda bench: seconds(bench, kind)["download"],
            limit_name,
            lambda bench: seconds(bench, kind)["limit"],
        ),
        Target(
            f"{title}: log the same again",
            "s",
            0.1,
            "ratio",
            lambda bench: seconds(bench, kind)["again"],
            "the first time",
            lambda bench: seconds(bench, kind)["log"],
        ),
        Target(
            f"{title}: the official client logs and downloads, processor time of the server",
            "s",
            0.5,
            "ratio",
            lambda bench: official_cpu_s(bench, kind)["server"],
            "of the client",
            lambda bench: official_cpu_s(bench, kind)["client"],
        ),
    )


def entry_target(what: str, name: str, unit: str, at_most: float) -> Target:
    return Target(
        f"a manifest of 100,000 entries: {what}",
        unit,
        at_most,
        "value",
        lambda bench: entries(bench)[name],
        "must be within",
        lambda _bench: at_most,
    )


GROUP = Group(
    "artifacts",
    "Artifacts over a folder, and by the official client at a server",
    targets=(
        *file_targets("large", 1.25, "sha256sum + cp"),
        *file_targets("many", 2.0, "sha256sum + cp -r"),
        entry_target("log", "log", "s", 3),
        entry_target("read", "read", "s", 1),
        entry_target("what differs from the next version", "diff", "s", 1),
        entry_target("peak memory", "peak_mb", "MB", 300),
        Target(
            "a store of 100,000 versions: one by its alias, warm",
            "ms",
            10,
            "value",
            lambda bench: versions(bench)["one"] * 1e3,
            "must be within",
            lambda _bench: 10,
        ),
        Target(
            "a store of 100,000 versions: list the 10,000 of a collection",
            "ms",
            100,
            "value",
            lambda bench: versions(bench)["list"] * 1e3,
            "must be within",
            lambda _bench: 100,
        ),
    ),
)
