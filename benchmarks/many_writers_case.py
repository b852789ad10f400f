"""One of several processes that log at once.

``python -m benchmarks.many_writers_case WHAT FOLDER NUMBER ROWS PAYLOAD``.

WHAT is ``log``, or ``write`` for a bare os.write loop. The process says on stdout when it is ready to open its run, and
again when it is ready to log, and waits for a line each time. It ends by printing when its first row began and when
`finish()` was over, by the clock that all processes share.

``check FOLDER PROCESS_COUNT ROWS 0`` reads the store that they have left, and fails where a row or a run is missing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import runlake
from benchmarks.bench import PROJECT, store_folder
from benchmarks.peer_scripts.rows import CHUNK_ROW_COUNT, KEYS, row_chunks

Log = Callable[[dict[str, float], int], object]


def start_run(number: int) -> tuple[Log, Callable[[], object]]:
    run = runlake.init(project=PROJECT)
    return (lambda row, step: run.log(row)), run.finish


def start_file(folder: Path, payload_bytes: int) -> tuple[Log, Callable[[], object]]:
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    payload = os.urandom(payload_bytes)
    return (lambda row, step: os.write(file, payload)), lambda: os.close(file)


def wait_for_the_others() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def log_rows(log: Log, row_count: int) -> None:
    (chunk,) = row_chunks(CHUNK_ROW_COUNT)
    for start in range(0, row_count, CHUNK_ROW_COUNT):
        for step, row in enumerate(chunk[: row_count - start], start):
            log(row, step)


def check(folder: Path, process_count: int, row_count: int) -> None:
    """Every run is there and finished, and every row of it, with its values."""
    (chunk,) = row_chunks(CHUNK_ROW_COUNT)
    wanted = np.resize([row[KEYS[-1]] for row in chunk], row_count)
    runs = {run.id: run for run in runlake.Api(store_folder(folder)).runs(PROJECT)}
    if sorted(runs) != sorted(f"writer-{number}" for number in range(process_count)):
        raise SystemExit(f"of {process_count} runs there are {sorted(runs)}")
    for name, run in runs.items():
        table = run.to_arrow(keys=[KEYS[-1]])
        whole = np.array_equal(table["_step"], np.arange(row_count)) and np.array_equal(table[KEYS[-1]], wanted)
        if run.state != "finished" or not whole:
            raise SystemExit(f"{name} is {run.state} with {len(table)} rows of {row_count}")


def main() -> None:
    what, name, *numbers = sys.argv[1:]
    folder = Path(name)
    number, row_count, payload_bytes = map(int, numbers)
    if what == "check":
        check(folder, number, row_count)
        print("{}")
        return
    wait_for_the_others()
    log, finish = start_run(number) if what == "log" else start_file(folder, payload_bytes)
    wait_for_the_others()
    begin = time.monotonic()
    log_rows(log, row_count)
    finish()
    print(json.dumps({"begin": begin, "end": time.monotonic()}), flush=True)


if __name__ == "__main__":
    main()
