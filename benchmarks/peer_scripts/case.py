"""One measurement of one tracker in a process of its own; prints one line of JSON.

``python case.py CASE TRACKER FOLDER [ROW_COUNT] [PAYLOAD_BYTES]``. A tracker is a module ``<name>_tracker.py`` with
``start(folder) -> (log(row, step), finish())``, and, when it can read what it wrote, ``read(folder)`` and
``read_key(folder, key)``, which answer a DataFrame. `fill(folder, row_count)` is there where writing many rows one
call at a time would take too long, `settle(folder)` where a finished run needs something more before it can be read,
`load()` where reading would first have to import something.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

Result = dict[str, Any]
WARM_UP_ROW_COUNT = 1_000


def startup(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """An empty run; the parent measures the whole process."""
    _log, finish = tracker.start(folder)
    finish()
    return {}


def calls(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """Each call to log() by itself, and a bare os.write loop in the same process, before and after.

    The loop runs at least as long as the logging did, so that both had the same time to meet a bad moment.
    """
    from rows import row_chunks

    now = time.perf_counter_ns
    bare = write_loop(folder / "bare.before", payload_bytes, row_count, 0) if payload_bytes else []
    log, finish = tracker.start(folder)
    times: list[int] = []
    step = 0
    for chunk in row_chunks(WARM_UP_ROW_COUNT + row_count):
        for row in chunk:
            begin = now()
            log(row, step)
            times.append(now() - begin)
            step += 1
    finish()
    times = times[WARM_UP_ROW_COUNT:]
    if payload_bytes:
        bare += write_loop(folder / "bare.after", payload_bytes, row_count, sum(times) - sum(bare))
    return {"log": spread(times), "write": spread(bare) if bare else None}


def write_loop(path: Path, payload_bytes: int, row_count: int, total_ns: int) -> list[int]:
    """Nanoseconds of each write of `payload_bytes`: `row_count` of them, and on until `total_ns` are spent."""
    now = time.perf_counter_ns
    payload = os.urandom(payload_bytes)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    times: list[int] = []
    spent = 0
    while len(times) < row_count or spent < total_ns:
        begin = now()
        os.write(file, payload)
        took = now() - begin
        times.append(took)
        spent += took
    os.close(file)
    path.unlink()
    return times


def spread(times_ns: list[int]) -> dict[str, float]:
    """Median, 99th percentile and worst, in µs."""
    ordered = sorted(times_ns)
    at = {"p50": len(ordered) // 2, "p99": len(ordered) * 99 // 100, "worst": len(ordered) - 1}
    return {name: ordered[index] / 1e3 for name, index in at.items()}


def total(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """Seconds from the first log() to the end of finish(), without the time to make the rows."""
    from rows import row_chunks

    log, finish = tracker.start(folder)
    seconds = 0.0
    step = 0
    for chunk in row_chunks(row_count):
        begin = time.perf_counter()
        for row in chunk:
            log(row, step)
            step += 1
        seconds += time.perf_counter() - begin
    begin = time.perf_counter()
    finish()
    return {"seconds": seconds + time.perf_counter() - begin}


def fill(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """A run to read later."""
    if hasattr(tracker, "fill"):
        tracker.fill(folder, row_count)
    else:
        total(tracker, folder, row_count, payload_bytes, out)
    if hasattr(tracker, "settle"):
        tracker.settle(folder)
    return {}


def hold(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """Logs, and waits at 1 %, 10 % and 100 % of the rows until the parent has looked at the memory.

    Looks that would fall inside a chunk of a thousand rows are left out.
    """
    from rows import CHUNK_ROW_COUNT, row_chunks

    log, finish = tracker.start(folder)
    step = 0
    for number, chunk in enumerate(row_chunks(row_count), start=1):
        for row in chunk:
            log(row, step)
            step += 1
        if number * CHUNK_ROW_COUNT * 100 in (row_count, row_count * 10, row_count * 100):
            out.write(json.dumps({"row_count": step}) + "\n")
            out.flush()
            sys.stdin.readline()
    finish()
    return {}


def read(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """Seconds to a DataFrame of all keys; its package and pandas are loaded before."""
    return timed_read(tracker, row_count, lambda: tracker.read(folder))


def read_key(tracker: ModuleType, folder: Path, row_count: int, payload_bytes: int, out: TextIO) -> Result:
    """Seconds to a DataFrame of one key."""
    from rows import KEYS

    return timed_read(tracker, row_count, lambda: tracker.read_key(folder, KEYS[3]))


def timed_read(tracker: ModuleType, row_count: int, take: Callable[[], Any]) -> Result:
    import pandas  # noqa: F401  loading it is not reading

    if hasattr(tracker, "load"):
        tracker.load()
    begin = time.perf_counter()
    frame = take()
    seconds = time.perf_counter() - begin
    if len(frame) != row_count:
        raise SystemExit(f"{len(frame)} rows came back of {row_count}")
    return {"seconds": seconds}


CASES = {case.__name__: case for case in (startup, calls, total, fill, hold, read, read_key)}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a tracker prints must not get between the parent and the JSON
    case, name, folder, *numbers = sys.argv[1:]
    row_count, payload_bytes = [*map(int, numbers), 0, 0][:2]
    tracker = importlib.import_module(f"{name}_tracker")
    result = CASES[case](tracker, Path(folder), row_count, payload_bytes, out)
    out.write(json.dumps(result) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
