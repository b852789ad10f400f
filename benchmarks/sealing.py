"""What turning the journal of a run into segments takes: processor time and memory of the process that does it."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import PARQUET_NAME, Bench, BenchmarkError, Group, Target, own_environment, store_folder
from benchmarks.reading import sealed_store, unsealed_store

REWRITE = """
import sys, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
integers = {"_step"}
pq.write_table(table, sys.argv[2], compression="zstd", compression_level=1, use_dictionary=False, column_encoding={
    name: "DELTA_BINARY_PACKED" if name in integers else "BYTE_STREAM_SPLIT" for name in table.column_names})
"""


def used(bench: Bench, command: list[str], folder: Path) -> tuple[float, float]:
    """Processor seconds and peak MB of one whole process."""
    process = subprocess.Popen(command, cwd=folder, env=own_environment(bench, folder), stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command[1:4])} ended with {process.returncode}:\n{said.decode()[-3000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


def seal(bench: Bench) -> tuple[float, float]:
    folder = bench.folder / "to-seal"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(unsealed_store(bench), folder, copy_function=os.link)  # a sealer removes parts, and changes none
    (run,) = (path.parent for path in store_folder(folder).rglob("large/journal"))
    answer = used(bench, [sys.executable, "-m", "runlake.store.compact.after_finish", str(run)], folder)
    if any((run / "journal").iterdir()):
        raise BenchmarkError("the journal is still there after sealing")
    return answer


def rewrite(bench: Bench) -> tuple[float, float]:
    """The same columns from one tuned Parquet file into another, by pyarrow."""
    source, folder = sealed_store(bench) / PARQUET_NAME, bench.fresh_folder("rewritten")
    return used(bench, [sys.executable, "-c", REWRITE, str(source), str(folder / PARQUET_NAME)], folder)


def costs(bench: Bench) -> dict[str, tuple[float, float]]:
    """Least processor seconds and least peak MB of several processes, by turns."""

    def measure() -> dict[str, tuple[float, float]]:
        best = dict.fromkeys(("seal", "rewrite"), (math.inf, math.inf))
        for _ in range(bench.count(5, 2)):
            for name, run in (("seal", seal), ("rewrite", rewrite)):
                seconds, size = run(bench)
                best[name] = (min(best[name][0], seconds), min(best[name][1], size))
        return best

    result: dict[str, tuple[float, float]] = bench.once(("sealing beside rewriting",), measure)
    return result


def target(work: str, unit: str, at_most: float, which: int) -> Target:
    return Target(
        work,
        unit,
        at_most,
        "value",
        lambda bench: costs(bench)["seal"][which],
        "tuned Parquet, read and written",
        lambda bench: costs(bench)["rewrite"][which],
    )


GROUP = Group(
    "sealing",
    "Sealing a run of 1M rows by 10 keys",
    targets=(
        target("processor time of the sealer", "s", 2, 0),
        target("peak memory of the sealer", "MB", 300, 1),
    ),
)
