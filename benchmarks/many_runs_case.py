"""One look at a project of very many runs, in a process of its own.

``python -m benchmarks.many_runs_case WHAT FOLDER RUN_COUNT``; packages are loaded before the clock starts. WHAT is

- ``fill``: make the store, and the same table as Parquet beside it;
- ``unchanged``, ``changed``, ``page``, ``columns``, ``groups``, ``first``, ``frame``, ``rebuild``: ours;
- ``listdir``, ``edited``, ``numpy``, ``groupby``, ``parquet``, ``files``: the limit beside each.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # noqa: F401  loading it is not reading
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import PROJECT, store_folder
from benchmarks.run_store import fill_project
from runlake.listing_model import RunColumnsQuery
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.service.wire.documents import pack_run_columns
from runlake.store.folder_store import FolderStore
from runlake.store.run.state import read_run

ENTITY = "ann"
EDIT_COUNT = 100
FILTERS = {"config.c3": {"$gt": 0.5}, "summary.s4": {"$gte": 0.2}}
ORDER = ("-summary.s5",)
PAGE_RUN_COUNT = 50
TABLE_RUN_COUNT = 200
PARQUET_NAME = "runs.parquet"


def open_store(folder: Path) -> LocalService:
    return LocalService(store_folder(folder), default_entity=ENTITY)


def warm_s(work: Callable[[], Any], count: int = 20) -> float:
    """Median of many calls after a first one."""
    work()
    return statistics.median(once_s(work) for _ in range(count))


def once_s(work: Callable[[], Any]) -> float:
    gc.collect()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def page(service: LocalService) -> Any:
    """What a table of runs shows: the best fifty of those that match."""
    return service.list_runs(ENTITY, PROJECT, filters=FILTERS, order=ORDER, limit=PAGE_RUN_COUNT)


def columns(service: LocalService) -> Any:
    """What a page's table of runs shows: ten columns of the best that match, as bytes for the browser."""
    named = ("name", "state", "created_at", "user", *(f"config.c{number}" for number in range(3)))
    shown = (*named, *(f"summary.s{number}" for number in range(3)))
    query = RunColumnsQuery(columns=shown, filters=FILTERS, order=ORDER, limit=TABLE_RUN_COUNT)
    return pack_run_columns(service.read_run_columns(ENTITY, PROJECT, query))


def groups(service: LocalService) -> Any:
    """What all runs together show: a mean with its spread for each state, and how many runs are of whom."""
    query = RunColumnsQuery(
        limit=0,
        group_by=("state", "user"),
        aggregates={"summary.s5": ("mean", "std", "min", "max", "median", "count")},
        facets=("state", "user", "tags"),
    )
    return pack_run_columns(service.read_run_columns(ENTITY, PROJECT, query))


def newest(service: LocalService) -> Any:
    """The least that asks what there is now."""
    return service.list_runs(ENTITY, PROJECT, limit=1)


def edited_paths(run_count: int, first: int) -> list[RunPath]:
    step = run_count // EDIT_COUNT
    return [RunPath(ENTITY, PROJECT, f"r{first + number * step:07}") for number in range(EDIT_COUNT)]


def fill(folder: Path, run_count: int) -> float:
    fill_project(store_folder(folder), ENTITY, PROJECT, run_count)
    table = open_store(folder).read_runs_table(ENTITY, PROJECT)
    if len(table) != run_count:
        raise SystemExit(f"{len(table)} runs are listed of {run_count}")
    pq.write_table(table, folder / PARQUET_NAME, compression="zstd")
    return 0.0


def changed(folder: Path, run_count: int) -> float:
    """The first look after a hundred edits by somebody else."""
    service, editor = open_store(folder), open_store(folder)
    newest(service)
    for path in edited_paths(run_count, 1):
        editor.edit_run(path, RunEdit(config_set={"note": time.time()}))
    return once_s(lambda: newest(service))


def read_edited(folder: Path, run_count: int) -> float:
    """The hundred runs by themselves, nothing else."""
    layout = FolderStore(store_folder(folder))
    paths = edited_paths(run_count, 1)
    read_run(layout, paths[0])
    return once_s(lambda: [read_run(layout, path) for path in paths])


def rebuild(folder: Path, run_count: int) -> float:
    shutil.rmtree(store_folder(folder) / ".catalog")
    return once_s(lambda: newest(open_store(folder)))


def read_files(folder: Path, run_count: int) -> float:
    """Every file that a rebuild must read, by a bare loop."""
    runs_dir = FolderStore(store_folder(folder)).runs_dir(ENTITY, PROJECT)

    def read() -> None:
        for run in os.scandir(runs_dir):
            for part in ("journal", "segments"):
                for entry in os.scandir(f"{run.path}/{part}"):
                    Path(entry.path).read_bytes()

    return once_s(read)


def list_folder(folder: Path, run_count: int) -> float:
    """The names of all run folders."""
    runs_dir = FolderStore(store_folder(folder)).runs_dir(ENTITY, PROJECT)
    return warm_s(lambda: [entry.name for entry in os.scandir(runs_dir)], 5)


def by_numpy(folder: Path, run_count: int) -> float:
    """The same filter and order over four bare arrays."""
    table = pq.read_table(folder / PARQUET_NAME)
    lr, acc, key = (table[name].to_numpy() for name in ("config.c3", "summary.s4", "summary.s5"))

    def select() -> pa.Table:
        rows = np.flatnonzero((lr > 0.5) & (acc >= 0.2))
        best = rows[np.argsort(-key[rows], kind="stable")[:PAGE_RUN_COUNT]]
        return table.take(pa.array(best)).to_pylist()

    return warm_s(select)


def group_by_numpy(folder: Path, run_count: int) -> float:
    """The statistics of one bare array, in the order of another."""
    table = pq.read_table(folder / PARQUET_NAME)
    key, state = table["summary.s5"].to_numpy(), np.array(table["state"].to_pylist())

    def group() -> list[float]:
        _, codes = np.unique(state, return_inverse=True)
        order = np.lexsort((key, codes))
        starts = np.flatnonzero(np.append(True, np.diff(codes[order]) > 0))
        return [float(np.add.reduceat(key[order], starts).sum()), *np.bincount(codes).tolist()]

    return warm_s(group)


def frame(folder: Path, run_count: int) -> float:
    return once_s(lambda: open_store(folder).read_runs_table(ENTITY, PROJECT).to_pandas())


def in_open_store(work: Callable[[LocalService], Any]) -> Callable[[Path, int], float]:
    def measure(folder: Path, run_count: int) -> float:
        service = open_store(folder)
        return warm_s(lambda: work(service))

    return measure


CASES: dict[str, Callable[[Path, int], float]] = {
    "fill": fill,
    "unchanged": in_open_store(newest),
    "changed": changed,
    "page": in_open_store(page),
    "columns": in_open_store(columns),
    "groups": in_open_store(groups),
    "first": lambda folder, run_count: once_s(lambda: page(open_store(folder))),
    "frame": frame,
    "rebuild": rebuild,
    "listdir": list_folder,
    "edited": read_edited,
    "numpy": by_numpy,
    "groupby": group_by_numpy,
    "parquet": lambda folder, run_count: once_s(lambda: pq.read_table(folder / PARQUET_NAME).to_pandas()),
    "files": read_files,
}


def main() -> None:
    what, name, run_count = sys.argv[1:]
    print(json.dumps({"seconds": CASES[what](Path(name), int(run_count))}))


if __name__ == "__main__":
    main()
