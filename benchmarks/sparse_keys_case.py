"""One read of a run of very many keys: ``python -m benchmarks.sparse_keys_case WHAT SOURCE FOLDER KEY_COUNT``.

WHAT is key, keys or all; SOURCE is runlake, or parquet: one row for each key with the lists of its rows and its values.
`fill` makes both: a row has 20 random keys, and a key about 50 values. The run is at hand and packages are loaded
before the clock starts, ours and pyarrow's alike by reading a small run first.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import runlake
from benchmarks.bench import PROJECT, store_folder
from runlake.model import RunPath
from runlake.query.rows.history import History
from runlake.service.local.service import LocalService
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from runlake.store.store_format import create_store
from runlake.values import plain_name

ENTITY = "ann"
KEYS_A_ROW, VALUES_A_KEY = 20, 50
LARGE, SMALL = RunPath(ENTITY, PROJECT, "large"), RunPath(ENTITY, PROJECT, "small")
KEY = "layer.7.weight"
SERIES_NAME, AXES_NAME = "series.parquet", "axes.parquet"


def fill(folder: Path, key_count: int) -> None:
    """Log and seal a large and a small run, and write each as packed Parquet."""
    layout = FolderStore(store_folder(folder))
    create_store(layout)
    for path, count in ((LARGE, key_count), (SMALL, 40)):
        names = [f"layer.{number}.weight" for number in range(count)]
        source = random.Random(3)
        opened = open_run(layout, path, {"name": path.run_id})
        for step in range(count * VALUES_A_KEY // KEYS_A_ROW):
            row = {name: source.random() for name in source.sample(names, KEYS_A_ROW)}
            opened.writer.log(row, step=step, timestamp=1.7e9 + step, runtime=float(step))
        opened.writer.end({"exit_code": 0})
        seal_run(layout, path)
        write_packed(LocalService(layout.root, default_entity=ENTITY).read_history(path), folder, path)


def write_packed(history: History, folder: Path, path: RunPath) -> None:
    """The same series by hand, in groups of a size at which one key is found fast."""
    series = sorted(history.series, key=lambda one: one.key)
    columns = {
        "key": [plain_name(one.key) for one in series],
        "rows": pa.array([one.rows for one in series], pa.list_(pa.int64())),
        "values": pa.array([one.values.to_numpy() for one in series], pa.list_(pa.float64())),
    }
    encodings = {"rows.list.element": "DELTA_BINARY_PACKED", "values.list.element": "BYTE_STREAM_SPLIT"}
    pq.write_table(
        pa.table(columns),
        folder / f"{path.run_id}-{SERIES_NAME}",
        compression="zstd",
        use_dictionary=False,
        column_encoding=encodings | {"key": "PLAIN"},
        row_group_size=2048,
    )
    axes = {"_step": history.step, "_timestamp": history.timestamp, "_runtime": history.runtime}
    encodings = {"_step": "DELTA_BINARY_PACKED", "_timestamp": "BYTE_STREAM_SPLIT", "_runtime": "BYTE_STREAM_SPLIT"}
    file = folder / f"{path.run_id}-{AXES_NAME}"
    pq.write_table(pa.table(axes), file, compression="zstd", use_dictionary=False, column_encoding=encodings)


def runlake_reads(folder: Path, path: RunPath) -> dict[str, Callable[[], Any]]:
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    run = runlake.Api(store_folder(folder)).run(str(path))
    return {
        "key": lambda: run.to_arrow(keys=[KEY]),
        "keys": lambda: service.list_keys(path),
        "all": lambda: service.read_history(path),
    }


def parquet_reads(folder: Path, path: RunPath) -> dict[str, Callable[[], Any]]:
    series, axes = (folder / f"{path.run_id}-{name}" for name in (SERIES_NAME, AXES_NAME))

    def read_key() -> pa.Table:
        found = pq.read_table(series, filters=[("key", "==", KEY)])
        step = pq.read_table(axes, columns=["_step"])["_step"]
        rows, values = (found[name].combine_chunks().flatten() for name in ("rows", "values"))
        return pa.table({"_step": step.take(rows), KEY: values})

    return {
        "key": read_key,
        "keys": lambda: pq.read_table(series, columns=["key"])["key"],
        "all": lambda: (pq.read_table(axes), pq.read_table(series)),
    }


def plain(what: str, found: Any) -> Any:
    """What either side has read, as plain data that can be compared."""
    if what == "key":
        return found.to_pydict()
    if what == "keys":
        names = found if isinstance(found, list) else found.to_pylist()
        return sorted(map(plain_name, names))
    if isinstance(found, History):
        values = {plain_name(one.key): (one.rows.tolist(), one.values.to_pylist()) for one in found.series}  # type: ignore[union-attr]
        return found.step.tolist(), values
    axes, series = found
    columns = (series[name].to_pylist() for name in ("key", "rows", "values"))
    return axes["_step"].to_pylist(), {key: (rows, values) for key, rows, values in zip(*columns, strict=True)}


def main() -> None:
    what, source, name, key_count = sys.argv[1:]
    folder = Path(name)
    if what == "fill":
        fill(folder, int(key_count))
        print("{}")
        return
    sources = {"runlake": runlake_reads, "parquet": parquet_reads}
    for read in sources[source](folder, SMALL).values():
        read()
    read = sources[source](folder, LARGE)[what]
    gc.collect()
    begin = time.perf_counter()
    found = read()
    seconds = time.perf_counter() - begin
    if source == "runlake" and plain(what, found) != plain(what, parquet_reads(folder, LARGE)[what]()):
        raise SystemExit(f"what {what} gives is not what is in the Parquet file")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
