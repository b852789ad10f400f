"""What one log() of ten scalars costs the training loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.bench import Bench, Comparison, Group, Subject, Target, folder_bytes, wait_for_sealing

SAMPLE_ROW_COUNT = 10_000


def payload_bytes(bench: Bench) -> int:
    """Bytes that one row takes in the journal: what the bare os.write loop writes."""

    def measure() -> int:
        folder = bench.fresh_folder("payload")
        bench.case("total", bench.ours, folder, SAMPLE_ROW_COUNT, RUNLAKE_SEAL="off")
        journals = [path for path in folder.rglob("journal") if path.is_dir()]
        return round(sum(map(folder_bytes, journals)) / SAMPLE_ROW_COUNT)

    return int(bench.once(("bytes of a row in the journal",), measure))


def call_times(bench: Bench) -> list[dict[str, Any]]:
    """Spreads of log() and of os.write, of several processes."""

    def measure() -> list[dict[str, Any]]:
        rows, payload = bench.count(100_000, 10_000), payload_bytes(bench)
        return [
            bench.case("calls", bench.ours, bench.fresh_folder("calls"), rows, payload, RUNLAKE_SEAL="off")
            for _ in range(bench.count(5, 2))
        ]

    result: list[dict[str, Any]] = bench.once(("log() calls beside os.write",), measure)
    return result


def best_call(what: str, statistic: str) -> Callable[[Bench], float]:
    return lambda bench: min(times[what][statistic] for times in call_times(bench))


def row_us(bench: Bench, subject: Subject) -> float:
    """µs a row from the first log() to the end of finish(), best of several processes."""
    rows = bench.count(100_000, 10_000)
    rows = rows if subject is bench.ours else min(rows, subject.call_row_count)

    def run_s() -> float:
        folder = bench.fresh_folder(f"total-{subject.name}")
        seconds = bench.case("total", subject, folder, rows)["seconds"]
        wait_for_sealing(folder)
        return float(seconds)

    key = ("rows to the end of finish():", subject.name)
    return float(bench.once(key, lambda: bench.best_s(run_s))) / rows * 1e6


def bare_row_us(bench: Bench) -> float:
    return best_call("write", "p50")(bench)


def peer_call(statistic: str) -> Callable[[Bench, Subject], float]:
    """One statistic of the calls of any tracker, each with as many rows as it manages in some seconds."""

    def measure(bench: Bench, subject: Subject) -> float:
        if subject is bench.ours:
            return best_call("log", statistic)(bench)
        rows = bench.count(subject.call_row_count, max(200, subject.call_row_count // 20))

        def run() -> list[dict[str, Any]]:
            name = f"calls-{subject.name}"
            return [bench.case("calls", subject, bench.fresh_folder(name), rows) for _ in range(bench.count(3, 1))]

        spreads = bench.once(("log() calls:", subject.name), run)
        return float(min(times["log"][statistic] for times in spreads))

    return measure


GROUP = Group(
    "logging",
    "Logging ten scalars",
    targets=(
        Target("one log(), median", "µs", 10, "value", best_call("log", "p50"), "os.write", best_call("write", "p50")),
        Target(
            "one log(), 99th percentile",
            "µs",
            50,
            "value",
            best_call("log", "p99"),
            "os.write",
            best_call("write", "p99"),
        ),
        Target(
            "one log(), worst call",
            "µs",
            2,
            "ratio",
            best_call("log", "worst"),
            "os.write",
            best_call("write", "worst"),
        ),
        Target(
            "a row, to the end of finish()",
            "µs",
            12,
            "value",
            lambda bench: row_us(bench, bench.ours),
            "os.write",
            bare_row_us,
        ),
    ),
    comparisons=(
        Comparison("one log(), median", "µs", peer_call("p50")),
        Comparison("one log(), 99th percentile", "µs", peer_call("p99")),
        Comparison("one log(), worst call", "µs", peer_call("worst")),
        Comparison("a row, to the end of finish()", "µs", row_us),
    ),
)
