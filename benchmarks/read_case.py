"""One read in a process of its own: ``python -m benchmarks.read_case WHAT SOURCE FOLDER ROW_COUNT``.

WHAT is arrow, pandas, key or samples; SOURCE is runlake or parquet. Packages are loaded before the clock starts,
ours and pyarrow's alike by reading a hundred rows first. `prepare` seals the run and writes the Parquet file.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # noqa: F401  loading it is not reading
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import PARQUET_NAME, PROJECT, store_folder
from benchmarks.peer_scripts.rows import KEYS, value_chunks

KEY = KEYS[3]
SAMPLE_COUNT = 500
SMALL_PARQUET_NAME = "small.parquet"
SMALL_RUN, LARGE_RUN = f"{PROJECT}/small", f"{PROJECT}/large"


def prepare(folder: Path, row_count: int) -> float:
    """Seal the runs, check that every value is what was logged, write the same table as tuned Parquet.

    Answers the seconds that sealing took.
    """
    import runlake

    store = store_folder(folder)
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "runlake", "--dir", str(store), "seal"], check=True, stdout=sys.stderr)
    seconds = time.perf_counter() - begin
    run = runlake.Api(store).run(LARGE_RUN)
    table = run.to_arrow()
    if run.to_arrow(keys=[KEY]).column_names != ["_step", KEY]:
        raise SystemExit("one key is no longer read with its step alone; let the Parquet case read the same columns")
    position = 0
    for chunk in value_chunks(row_count):
        logged = np.array(chunk)
        stored = np.column_stack([table[key].slice(position, len(chunk)).to_numpy() for key in KEYS])
        if logged.tobytes() != stored.tobytes():
            raise SystemExit(f"rows {position} to {position + len(chunk)} are not what was logged")
        position += len(chunk)
    write_tuned(table, folder / PARQUET_NAME)
    write_tuned(table.slice(0, 100), folder / SMALL_PARQUET_NAME)
    return seconds


def write_tuned(table: pa.Table, path: Path) -> None:
    """The fastest Parquet we know for doubles that nothing compresses."""
    encodings = {
        name: "DELTA_BINARY_PACKED" if pa.types.is_integer(kind) else "BYTE_STREAM_SPLIT"
        for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    }
    # A search for what repeats takes time, and finds nothing.
    options = {"compression": "zstd", "compression_level": -1, "use_dictionary": False, "column_encoding": encodings}
    pq.write_table(table, path, **options)


def runlake_reads(folder: Path) -> dict[str, Callable[[], Any]]:
    """What a user would write, from the store's name to the table."""
    import runlake

    run = runlake.Api(store_folder(folder)).run(SMALL_RUN)
    for load in (run.to_arrow, run.to_pandas, lambda: run.history(samples=2, keys=[KEY])):
        load()

    def large() -> Any:
        return runlake.Api(store_folder(folder)).run(LARGE_RUN)

    once = large()
    return {
        "arrow": lambda: large().to_arrow(),
        "pandas": lambda: large().to_pandas(),
        "key": lambda: large().to_arrow(keys=[KEY]),
        "samples": lambda: once.history(samples=SAMPLE_COUNT, keys=[KEY]),
    }


def parquet_reads(folder: Path) -> dict[str, Callable[[], Any]]:
    """The same tables by pyarrow from Parquet; for the samples, every n-th row."""
    file = folder / PARQUET_NAME
    columns = ["_step", KEY]
    pq.read_table(folder / SMALL_PARQUET_NAME).to_pandas()

    def samples() -> Any:
        table = pq.read_table(file, columns=columns)
        return table.take(np.linspace(0, table.num_rows - 1, SAMPLE_COUNT).astype(np.int64)).to_pandas()

    return {
        "arrow": lambda: pq.read_table(file),
        "pandas": lambda: pq.read_table(file).to_pandas(),
        "key": lambda: pq.read_table(file, columns=columns),
        "samples": samples,
    }


def warm_s(read: Callable[[], Any]) -> float:
    """Median of twenty calls after a first one."""
    read()
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> None:
    what, source, name, rows = sys.argv[1:]
    folder, row_count = Path(name), int(rows)
    if what == "prepare":
        print(json.dumps({"seconds": prepare(folder, row_count)}))
        return
    read = {"runlake": runlake_reads, "parquet": parquet_reads}[source](folder)[what]
    if what == "samples":
        print(json.dumps({"seconds": warm_s(read)}))
        return
    begin = time.perf_counter()
    table = read()
    seconds = time.perf_counter() - begin
    if len(table) != row_count:
        raise SystemExit(f"{len(table)} rows came back of {row_count}")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
