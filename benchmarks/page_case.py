"""One question of a page of charts, in a process of its own.

``python -m benchmarks.page_case WHAT FOLDER ROW_COUNT RUN_COUNT``; packages are loaded before the clock starts, and the
answer is made into the bytes that go over the network. WHAT is

- ``fill``: make the store: long runs of one key, shorter ones of 24, and one with 100,000 keys;
- ``first``, ``cold``, ``warm``, ``zoom``, ``wide``, ``live``, ``keys``: ours;
- ``series``, ``all-series``, ``copy``, ``groups``, ``columns``, ``scan``, ``names``: the limit beside each.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bench import store_folder
from benchmarks.many_runs_case import once_s
from runlake.model import RunPath
from runlake.query.tiles.question import TilesQuery
from runlake.service.local.service import LocalService
from runlake.service.wire.tiles import write_tiles
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening.open import OpenedRun, open_run
from runlake.store.store_format import create_store

ENTITY, LONG, WIDE, MANY_KEYS, LIVE = "ann", "long", "wide", "keys", "live"
KEYS = tuple(f"metric_{number:02}" for number in range(24))
WIDE_ROW_COUNT = 10_000
KEY_COUNT = 100_000
STARTED_AT_S = 1_700_000_000.0
ROUNDS = 7


def opened(layout: FolderStore, project: str, row_count: int, keys: tuple[str, ...]) -> OpenedRun:
    """A run with noisy curves, whose writer goes on."""
    run = open_run(layout, RunPath(ENTITY, project, "r00"), {"set": {"lr": 0.1}})
    random = np.random.default_rng(7)
    steps = np.arange(row_count)
    curves = [np.exp(-5 * steps / row_count) + random.normal(0, 0.05, row_count) for _ in keys]
    for step, values in enumerate(zip(*(curve.tolist() for curve in curves), strict=True)):
        row = dict(zip(keys, values, strict=True))
        run.writer.log(row, step=step, timestamp=STARTED_AT_S + step, runtime=float(step))
    return run


def fill(folder: Path, row_count: int, run_count: int) -> float:
    """Make the store; every run of a project has the rows of the first one."""
    layout = FolderStore(store_folder(folder))
    create_store(layout)
    wide_row_count = min(WIDE_ROW_COUNT, row_count)
    for project, count, keys in ((LONG, row_count, KEYS[:1]), (WIDE, wide_row_count, KEYS)):
        finish(layout, opened(layout, project, count, keys))
        for number in range(1, run_count):
            one, other = (layout.run_dir(RunPath(ENTITY, project, f"r{each:02}")) for each in (0, number))
            shutil.copytree(one, other, copy_function=os.link)
    many = open_run(layout, RunPath(ENTITY, MANY_KEYS, "r00"), {})
    for begin in range(0, KEY_COUNT, 1000):
        values = {f"group_{begin // 1000}/metric_{number}": 0.5 for number in range(begin, begin + 1000)}
        many.writer.log(values, step=begin, timestamp=STARTED_AT_S, runtime=0.0)
    finish(layout, many)
    return 0.0


def finish(layout: FolderStore, run: OpenedRun) -> None:
    run.writer.end({"exit_code": 0})
    run.writer.close()
    append_change(layout, run.path, run.writer.writer, "finish", run.incarnation)
    seal_run(layout, run.path)


class Asking:
    """What a page asks of a store, with nothing kept from before."""

    def __init__(self, folder: Path, row_count: int, run_count: int) -> None:
        self.root = store_folder(folder)
        self.row_count = row_count
        self.run_ids = [f"r{number:02}" for number in range(run_count)]
        self.service = LocalService(self.root, default_entity=ENTITY)

    def tiles(self, project: str, keys: tuple[str, ...], run_count: int, **asked: Any) -> bytes:
        query = TilesQuery(keys=list(keys), runs=self.run_ids[:run_count], **{"columns": 1000, **asked})
        return b"".join(write_tiles(self.service.read_tiles(ENTITY, project, query)))

    def long(self, run_count: int, **asked: Any) -> bytes:
        return self.tiles(LONG, KEYS[:1], run_count, **asked)

    def files(self, project: str, suffix: str) -> list[Path]:
        folders = [FolderStore(self.root).segments_dir(RunPath(ENTITY, project, run_id)) for run_id in self.run_ids]
        return [path for folder in folders for path in folder.glob(f"*-history{suffix}")]


def median_s(make: Callable[[], Callable[[], Any]]) -> float:
    """Of some rounds, each with what `make` makes anew; a first one loads what is loaded once."""
    make()()
    return statistics.median(once_s(make()) for _ in range(ROUNDS))


def measure_s(what: str, folder: Path, row_count: int, run_count: int) -> float:
    def fresh() -> Asking:
        return Asking(folder, row_count, run_count)

    asking = fresh()
    low, high = 0.40 * row_count, 0.41 * row_count
    if what == "first":
        return median_s(lambda: (one := fresh()) and (lambda: one.long(1)))
    if what == "cold":
        return median_s(lambda: (one := fresh()) and (lambda: one.long(run_count)))
    if what == "warm":
        return median_s(lambda: lambda: asking.long(run_count))
    if what == "zoom":
        zoom = {"window": (low, high), "is_exact": True}
        return median_s(lambda: (one := fresh()) and (lambda: one.long(run_count, **zoom)))
    if what == "wide":
        return median_s(lambda: (one := fresh()) and (lambda: one.tiles(WIDE, KEYS, run_count, columns=400)))
    if what == "keys":
        asking.service.list_runs(ENTITY, MANY_KEYS, limit=1)
        return once_s(lambda: asking.service.list_project_keys(ENTITY, MANY_KEYS))
    if what == "live":
        return live_s(asking)
    return limit_s(what, asking, low)


def live_s(asking: Asking) -> float:
    """Ten new rows of a live run that was drawn before."""
    layout = FolderStore(asking.root)
    shutil.rmtree(layout.run_dir(RunPath(ENTITY, LIVE, "r00")), ignore_errors=True)
    run = opened(layout, LIVE, asking.row_count, KEYS[:1])
    step = asking.row_count

    def ten_more() -> Callable[[], Any]:
        nonlocal step
        for _ in range(10):
            run.writer.log({KEYS[0]: 0.5}, step=step, timestamp=STARTED_AT_S + step, runtime=float(step))
            step += 1
        return lambda: asking.tiles(LIVE, KEYS[:1], 1)

    return median_s(ten_more)


def limit_s(what: str, asking: Asking, low: float) -> float:
    """What the same would take if files were all that costs anything."""
    if what in ("series", "all-series"):
        paths = asking.files(LONG, ".series.parquet")[: 1 if what == "series" else None]
        return median_s(lambda: lambda: [pq.read_table(path, use_threads=False) for path in paths])
    if what == "groups":
        paths = [path for path in asking.files(LONG, ".parquet") if ".series." not in path.name]
        return median_s(lambda: lambda: [pq.ParquetFile(path).read_row_group(0, ["f64", "step"]) for path in paths])
    if what == "columns":
        paths = [path for path in asking.files(WIDE, ".parquet") if ".series." not in path.name]
        return median_s(lambda: lambda: [pq.read_table(path, columns=["f64"]) for path in paths])
    if what == "copy":
        answer = asking.long(len(asking.run_ids))
        return median_s(lambda: lambda: bytearray(answer))
    if what == "scan":
        values = np.random.default_rng(7).normal(size=asking.row_count)
        return median_s(lambda: lambda: (values.min(), values.max()))
    names = [f"group_{number // 1000}/metric_{number}" for number in range(KEY_COUNT)]
    return median_s(lambda: lambda: sorted(names))


def main() -> int:
    what, folder, row_count, run_count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    seconds = (fill if what == "fill" else lambda *counts: measure_s(what, *counts))(folder, row_count, run_count)
    print(json.dumps({"seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
