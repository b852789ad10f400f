"""One question to many short runs, in a process of its own.

``python -m benchmarks.across_runs_case WHAT FOLDER RUN_COUNT``; packages are loaded before the clock starts. WHAT is

- ``fill``: make the store, write the same rows as wide Parquet files beside it, and merge the runs, which is timed;
- ``mean``, ``mean-merged``, ``frame``, ``run``: ours;
- ``mean-sql``, ``frame-pyarrow``, ``run-alone``: the limits beside them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # noqa: F401  loading it is not reading
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.bench import PROJECT, store_folder
from benchmarks.many_runs_case import once_s, warm_s
from runlake import Api
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening.open import open_run
from runlake.store.store_format import create_store

ENTITY = "ann"
ROW_COUNT = 1000
KEYS = tuple(f"metric_{number}" for number in range(10))
KEY = KEYS[3]
WIDE_FILE_COUNT = 10
PROCESS_COUNT = 2
STARTED_AT_S = 1_700_000_000.0


def path_of(number: int) -> RunPath:
    return RunPath(ENTITY, PROJECT, f"r{number:06}")


def values_of(number: int, row_count: int = ROW_COUNT) -> dict[str, Any]:
    """The rows of one run: noisy curves, one a key."""
    random = np.random.default_rng(number)
    steps = np.arange(row_count)
    return {
        key: np.exp(-steps / (100 + 10 * place)) + random.normal(0, 0.01, row_count) for place, key in enumerate(KEYS)
    }


def make_runs(root: Path, numbers: range, row_count: int = ROW_COUNT) -> None:
    """Put finished and sealed runs into the store of a folder, on all cores."""
    create_store(FolderStore(root))
    with get_context("spawn").Pool(PROCESS_COUNT) as pool:
        shares = [numbers[start :: 8 * PROCESS_COUNT] for start in range(8 * PROCESS_COUNT)]
        pool.starmap(write_runs, [(str(root), share, row_count) for share in shares])


def write_runs(root: str, numbers: range, row_count: int) -> None:
    """Log, end and seal some runs."""
    layout = FolderStore(Path(root))
    for number in numbers:
        path, columns = path_of(number), values_of(number, row_count)
        started_at_s = STARTED_AT_S + number * 60.0
        opened = open_run(layout, path, {"name": path.run_id, "set": {"number": number}})
        rows = zip(*(columns[key].tolist() for key in KEYS), strict=True)
        for step, row in enumerate(rows):
            opened.writer.log(
                dict(zip(KEYS, row, strict=True)), step=step, timestamp=started_at_s + step, runtime=float(step)
            )
        opened.writer.end({"exit_code": 0})
        append_change(layout, path, opened.writer.writer, "finish", opened.incarnation)
        seal_run(layout, path)


def fill(folder: Path, run_count: int) -> float:
    root = store_folder(folder)
    make_runs(root, range(run_count))
    alone = FolderStore(folder / "alone")
    path = path_of(run_count // 2)
    shutil.copytree(FolderStore(root).run_dir(path), alone.run_dir(path))
    shutil.copy(root / "store.toml", alone.root)
    (folder / "wide").mkdir()
    for number, numbers in enumerate(np.array_split(np.arange(run_count), WIDE_FILE_COUNT)):
        pq.write_table(wide_rows(numbers.tolist()), folder / "wide" / f"{number}.parquet", compression="zstd")
    service = LocalService(root, default_entity=ENTITY)
    return once_s(lambda: list(service.pack_runs(ENTITY, PROJECT, at_once=True)))


def wide_rows(numbers: Sequence[int], row_count: int = ROW_COUNT) -> pa.Table:
    """The rows of some runs, a column a key."""
    columns = [values_of(number, row_count) for number in numbers]
    ids = [path_of(number).run_id for number in numbers]
    return pa.table(
        {
            "run_id": pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(ids), dtype=np.int32), row_count), ids),
            "_step": np.tile(np.arange(row_count), len(ids)),
            **{key: np.concatenate([each[key] for each in columns]) for key in KEYS},
        }
    )


def mean_of_last(table: pa.Table) -> float:
    """The mean over the runs of the last value of the key."""
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in table["run_id"].chunks])
    lasts = np.append(np.flatnonzero(codes[1:] != codes[:-1]), len(codes) - 1)
    return float(pc.mean(table[KEY].take(pa.array(lasts))).as_py())


def mean(folder: Path, run_count: int) -> float:
    with Api(store_folder(folder)) as api:

        def ask() -> float:
            return mean_of_last(api.runs(f"{ENTITY}/{PROJECT}").scan(keys=[KEY]))

        check_mean(ask(), run_count)
        return warm_s(ask, 5)


def mean_by_sql(folder: Path, run_count: int) -> float:
    return by_sql(
        run_count,
        f"SELECT avg(last) FROM (SELECT arg_max({KEY}, _step) AS last "
        f"FROM '{folder.as_posix()}/wide/*.parquet' GROUP BY run_id)",
    )


def mean_of_merged_by_sql(folder: Path, run_count: int) -> float:
    files = FolderStore(store_folder(folder)).merged_dir(ENTITY, PROJECT).as_posix()
    return by_sql(
        run_count,
        f"SELECT avg(last) FROM (SELECT arg_max(f64, step) AS last "
        f"FROM '{files}/*-history.parquet' WHERE key = '{KEY}' AND lane = 'f64' GROUP BY run_id)",
    )


def by_sql(run_count: int, query: str) -> float:
    import duckdb

    with duckdb.connect() as connection:
        check_mean(connection.sql(query).fetchall()[0][0], run_count)
        return warm_s(lambda: connection.sql(query).fetchall(), 5)


def check_mean(found: float, run_count: int) -> None:
    expected = float(np.mean([values_of(number)[KEY][-1] for number in range(run_count)]))
    if abs(found - expected) > 1e-9:
        raise SystemExit(f"the mean is {expected}, not {found}")


def frame(folder: Path, run_count: int) -> float:
    with Api(store_folder(folder)) as api:
        runs = api.runs(f"{ENTITY}/{PROJECT}")
        return warm_s(lambda: len(runs.histories(samples=None, keys=[KEY], format="pandas")), 3)


def frame_by_pyarrow(folder: Path, run_count: int) -> float:
    return warm_s(lambda: pq.read_table(folder / "wide", columns=["run_id", "_step", KEY]).to_pandas(), 3)


def one_run(root: Path, run_count: int) -> float:
    with Api(root) as api:
        run = api.run(str(path_of(run_count // 2)))
        return warm_s(run.to_arrow)


CASES: dict[str, Callable[[Path, int], float]] = {
    "fill": fill,
    "mean": mean,
    "mean-sql": mean_by_sql,
    "mean-merged": mean_of_merged_by_sql,
    "frame": frame,
    "frame-pyarrow": frame_by_pyarrow,
    "run": lambda folder, run_count: one_run(store_folder(folder), run_count),
    "run-alone": lambda folder, run_count: one_run(folder / "alone", run_count),
}


def main() -> None:
    what, name, run_count = sys.argv[1:]
    print(json.dumps({"seconds": CASES[what](Path(name), int(run_count))}))


if __name__ == "__main__":
    main()
