"""One export of a project into a folder, or what is beside it, in a process of its own.

``python -m benchmarks.bulk_case WHAT FOLDER RUN_COUNT ROW_COUNT``, over what `project_export_case` has made. WHAT is

- ``parquet``, ``csv``: the oldest RUN_COUNT runs into a new folder, a file of each;
- ``parquet-by-hand``, ``csv-by-hand``: the Parquet files of the runs read by pyarrow, and written by it as files of
  their own: tuned Parquet, or its own CSV;
- ``since``: what came since ``parquet``, which is nothing; ``listing``: what is known of all runs, in one reading;
- ``fill-long``, ``long``: one run of ROW_COUNT rows, and an export of it.

It answers wall seconds, seconds of the processor, and the largest resident size; packages are loaded before the clock
starts.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd  # noqa: F401  loading it is not exporting
import pyarrow.csv as pc
import pyarrow.parquet as pq

from benchmarks.bench import PROJECT, store_folder
from benchmarks.peer_scripts.rows import KEYS
from benchmarks.project_export_case import ENTITY, file_of, fill_run
from benchmarks.read_case import write_tuned
from runlake.bulk.export import Exported, export_folder
from runlake.bulk.options import options_of
from runlake.service.local.service import LocalService

LONG = "long"


def export(folder: Path, run_count: int, format: str, target: Path, since: Path | None = None) -> Exported:
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    options = options_of(format=format, filters={"config.number": {"$lt": run_count}})
    return export_folder(service, ENTITY, PROJECT, target, options, since=since)


def export_all(folder: Path, run_count: int, row_count: int, format: str) -> None:
    done = export(folder, run_count, format, folder / format)
    if done.manifest.totals["history"] != run_count * row_count or done.written_count != run_count:
        raise SystemExit(f"{done.manifest.totals} is not what the project has")


def by_hand(folder: Path, run_count: int, format: str) -> None:
    (folder / format).mkdir()
    for number in range(run_count):
        table = pq.read_table(file_of(folder, number))
        if format == "parquet":
            write_tuned(table, folder / format / f"{number}.parquet")
        else:
            pc.write_csv(table, folder / format / f"{number}.csv")


def since(folder: Path, run_count: int, row_count: int) -> None:
    done = export(folder, run_count, "parquet", folder / "news", folder / "base")
    if (done.written_count, done.kept_count) != (0, run_count):
        raise SystemExit(f"{done.written_count} runs were written, and nothing is new")


def listing(folder: Path, run_count: int, row_count: int) -> None:
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    if len(service.list_runs(ENTITY, PROJECT, limit=run_count).runs) != run_count:
        raise SystemExit("there are other runs than were made")


def prepare_since(folder: Path, run_count: int) -> None:
    if not (folder / "base").exists():
        export(folder, run_count, "parquet", folder / "base")


CASES: dict[str, Callable[[Path, int, int], None]] = {
    "parquet": lambda folder, runs, rows: export_all(folder, runs, rows, "parquet"),
    "csv": lambda folder, runs, rows: export_all(folder, runs, rows, "csv"),
    "parquet-by-hand": lambda folder, runs, rows: by_hand(folder, runs, "parquet"),
    "csv-by-hand": lambda folder, runs, rows: by_hand(folder, runs, "csv"),
    "since": since,
    "listing": listing,
    LONG: lambda folder, runs, rows: export_all(folder, 1, rows, "parquet"),
}


def main() -> None:
    what, name, *numbers = sys.argv[1:]
    folder, (run_count, row_count) = Path(name), map(int, numbers)
    if what == "fill-long":
        fill_run(folder, 0, row_count)
        print("{}")
        return
    if what == "since":
        prepare_since(folder, run_count)
    for left in ("parquet", "csv", "news"):
        shutil.rmtree(folder / left, ignore_errors=True)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    CASES[what](folder, run_count, row_count)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
    unit = 1 if sys.platform == "darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb, "keys": len(KEYS)}))


if __name__ == "__main__":
    main()
