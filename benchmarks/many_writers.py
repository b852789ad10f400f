"""Eight processes that log at once: into one new project, and each into a store of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import Bench, BenchmarkError, Group, Target, own_environment, wait_for_sealing
from benchmarks.logging import payload_bytes

PROCESS_COUNT = 8


def row_count(bench: Bench) -> int:
    """Rows of each process."""
    return bench.count(50_000, 5_000)


def write_at_once(bench: Bench, what: str, folders: list[Path]) -> float:
    """Seconds from the first row of any process to the end of the last one.

    All open their run at the same moment, then all begin to log at the same moment.
    """
    rows, payload = row_count(bench), payload_bytes(bench)
    processes = []
    for number, folder in enumerate(folders):
        folder.mkdir(exist_ok=True)
        environment = own_environment(bench, folder) | {"RUNLAKE_SEAL": "off", "RUNLAKE_RUN_ID": f"writer-{number}"}
        words = [what, folder, number, rows, payload]
        command = [sys.executable, "-m", "benchmarks.many_writers_case", *map(str, words)]
        processes.append(
            subprocess.Popen(
                command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
    answers = []
    for line in ("open\n", "log\n", ""):
        answers = [process.stdout.readline() for process in processes]  # type: ignore[union-attr]
        for process in processes if line else ():
            process.stdin.write(line)  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise BenchmarkError(f"writers that began at once ended with {codes}")
    spans = [json.loads(answer) for answer in answers]
    return float(max(span["end"] for span in spans) - min(span["begin"] for span in spans))


def into_one(bench: Bench) -> float:
    folder = bench.fresh_folder("one-project")
    seconds = write_at_once(bench, "log", [folder] * PROCESS_COUNT)
    wait_for_sealing(folder)
    bench.own_case("many_writers_case", folder, "check", folder, PROCESS_COUNT, row_count(bench), 0)
    return seconds


def apart(bench: Bench, what: str) -> float:
    folder = bench.fresh_folder(f"apart-{what}")
    seconds = write_at_once(bench, what, [folder / str(number) for number in range(PROCESS_COUNT)])
    wait_for_sealing(folder)
    return seconds


def row_us(bench: Bench) -> dict[str, float]:
    """µs a row over all processes together: best of several, by turns, so that all meet the same machine."""

    def measure() -> dict[str, float]:
        work = {"one": into_one, "apart": lambda b: apart(b, "log"), "write": lambda b: apart(b, "write")}
        best = dict.fromkeys(work, math.inf)
        for _ in range(bench.count(5, 2)):
            for name, run in work.items():
                best[name] = min(best[name], run(bench) / (PROCESS_COUNT * row_count(bench)) * 1e6)
        return best

    result: dict[str, float] = bench.once(("eight processes at once,", row_count(bench), "rows each"), measure)
    return result


GROUP = Group(
    "many_writers",
    "Eight processes logging ten scalars at once",
    targets=(
        Target(
            "a row, all into one new project",
            "µs",
            1.25,
            "ratio",
            lambda bench: row_us(bench)["one"],
            "eight stores",
            lambda bench: row_us(bench)["apart"],
        ),
        Target(
            "the same",
            "µs",
            5,
            "value",
            lambda bench: row_us(bench)["one"],
            "os.write by eight processes",
            lambda bench: row_us(bench)["write"],
        ),
    ),
)
