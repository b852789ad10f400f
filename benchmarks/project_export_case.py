"""One export of a project in a process of its own.

``python -m benchmarks.project_export_case WHAT FOLDER RUN_COUNT ROW_COUNT``. WHAT is

- ``fill``: make RUN_COUNT sealed runs of ROW_COUNT rows, and a Parquet file of each beside the store;
- ``export``: the oldest RUN_COUNT runs as one Parquet file;
- ``hand``: the Parquet files of the runs read by pyarrow and written as one.

It answers the seconds and the largest resident size, packages loaded before the clock starts.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import PROJECT, store_folder
from benchmarks.peer_scripts.rows import KEYS
from benchmarks.read_case import write_tuned
from runlake.api.export import export_project
from runlake.model import RunPath
from runlake.query.rows.table import wide_table
from runlake.service.local.service import LocalService
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from runlake.store.store_format import create_store

ENTITY = "ann"
NAME = "exported.parquet"
RUN_COLUMNS = ("entity", "project", "run_id", "name")


def file_of(folder: Path, number: int) -> Path:
    return folder / "by-hand" / f"{number:05}.parquet"


def fill(folder: Path, run_count: int, row_count: int) -> None:
    (folder / "by-hand").mkdir()
    create_store(FolderStore(store_folder(folder)))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill_run, *zip(*[(folder, number, row_count) for number in range(run_count)], strict=True)))


def fill_run(folder: Path, number: int, row_count: int) -> None:
    """One run of normal numbers, which nothing compresses much."""
    layout, path = FolderStore(store_folder(folder)), RunPath(ENTITY, PROJECT, f"r{number:05}")
    values = np.random.default_rng(number).standard_normal((row_count, len(KEYS))).tolist()
    opened = open_run(layout, path, {"name": f"run {number}", "set": {"number": number}})
    for step, row in enumerate(values):
        data = dict(zip(KEYS, row, strict=True))
        opened.writer.log(data, step=step, timestamp=1.7e9 + step + number / 1e3, runtime=step * 1.001)
    opened.writer.end({"exit_code": 0})
    seal_run(layout, path)
    write_tuned(
        wide_table(LocalService(layout.root, default_entity=ENTITY).read_history(path)), file_of(folder, number)
    )


def export(folder: Path, run_count: int) -> int:
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    filters = {"config.number": {"$lt": run_count}}
    return export_project(service, ENTITY, PROJECT, folder / NAME, format="parquet", filters=filters).row_count


def by_hand(folder: Path, run_count: int) -> int:
    """What one would write with the files of the runs alone: ten runs a row group, no dictionary for values."""
    tables = tables_by_hand(folder, run_count)
    first = next(tables)
    encodings = dict.fromkeys(first.column_names[4:], "BYTE_STREAM_SPLIT") | {"_step": "DELTA_BINARY_PACKED"}
    row_count, pending = 0, [first]
    with pq.ParquetWriter(
        folder / NAME,
        first.schema,
        compression="zstd",
        use_dictionary=list(RUN_COLUMNS),
        column_encoding=encodings,
    ) as writer:
        for table in (*tables, None):
            if table is None or len(pending) == 10:
                whole = pa.concat_tables(pending)
                row_count += whole.num_rows
                writer.write_table(whole)
                pending = []
            if table is not None:
                pending.append(table)
    return row_count


def tables_by_hand(folder: Path, run_count: int) -> Iterator[pa.Table]:
    for number in range(run_count):
        table = pq.read_table(file_of(folder, number))
        texts = (ENTITY, PROJECT, f"r{number:05}", f"run {number}")
        head = [pa.repeat(pa.scalar(text), table.num_rows) for text in texts]
        yield pa.table([*head, *table.columns], names=[*RUN_COLUMNS, *table.column_names])


def main() -> None:
    what, name, *numbers = sys.argv[1:]
    folder, (run_count, row_count) = Path(name), map(int, numbers)
    if what == "fill":
        fill(folder, run_count, row_count)
        print("{}")
        return
    begin = time.perf_counter()
    written = {"export": export, "hand": by_hand}[what](folder, run_count)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    found = pq.read_metadata(folder / NAME).num_rows
    if not written == found == run_count * row_count:
        raise SystemExit(f"{written} rows were written and {found} are in the file, of {run_count * row_count}")
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main()
