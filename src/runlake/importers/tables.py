"""Tables as runs: CSV, Parquet, Arrow and JSON lines, a row of the table a row of the run.

The columns ``_step``, ``_timestamp`` and ``_runtime`` are the row's axes, as in our own exports; without them rows are
numbered, and were logged when the file was written. A column ``run_id`` parts the table into runs, each of whose rows
stand together. The name of a column is a path: ``a.b`` is `b` of the dict `a`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignRow, ForeignRun, mark_of
from runlake.model import RUNTIME, STEP, TIMESTAMP, LoggedRow, WriterBatch, WriterStart
from runlake.values import unflatten

RUN_COLUMN = "run_id"
SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".jsonl": "jsonl"}

_PIECE_ROWS = 4096


def is_of(place: Path) -> bool:
    """Whether a file is a table, by its ending, or a folder holds nothing but such files."""
    return bool(_files(place))


def read(place: Path) -> Iterator[ForeignRun]:
    """The runs of each table. BadValueError for a file that is none."""
    for file in _files(place):
        rows = itertools.groupby(_rows(file), key=lambda row: row.pop(RUN_COLUMN, None))
        for run_id, mine in rows:
            yield _run(file, file.stem if run_id is None else str(run_id), mine)


def _files(place: Path) -> list[Path]:
    found = sorted(place.iterdir()) if place.is_dir() else [place]
    return found if found and all(file.is_file() and file.suffix.lower() in SUFFIXES for file in found) else []


def _run(file: Path, run_id: str, rows: Iterator[dict[str, Any]]) -> ForeignRun:
    written_at = file.stat().st_mtime
    first = next(rows)
    at = first.get(TIMESTAMP)
    started_at = float(at) if isinstance(at, int | float) else written_at
    return ForeignRun(
        run_id=run_id,
        mark=mark_of("table", file.name, run_id),
        place=f"{file} ({run_id})" if run_id != file.stem else str(file),
        start=WriterStart(name=run_id, resume="never", created_at=started_at),
        said=_said(itertools.chain([first], rows), started_at, written_at),
    )


def _said(rows: Iterator[dict[str, Any]], started_at: float, written_at: float) -> Iterator[ForeignRow | WriterBatch]:
    for number, row in enumerate(rows):
        step, at, runtime = row.pop(STEP, None), row.pop(TIMESTAMP, None), row.pop(RUNTIME, None)
        timestamp = float(at) if isinstance(at, int | float) else written_at
        runtime_s = float(runtime) if isinstance(runtime, int | float) else max(0.0, timestamp - started_at)
        yield ForeignRow("history", LoggedRow(int(number if step is None else step), timestamp, runtime_s, row))
    yield WriterBatch(exit_code=0)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table, without what is empty in each."""
    try:
        if SUFFIXES[file.suffix.lower()] == "jsonl":
            yield from _json_lines(file)
            return
        for batch in _batches(file):
            for row in batch.to_pylist():
                yield unflatten((path, value) for path, value in row.items() if value is not None)
    except (pa.ArrowException, OSError) as error:
        raise BadValueError(f"{file} cannot be read as a table: {error}") from None


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    kind = SUFFIXES[file.suffix.lower()]
    if kind == "parquet":
        yield from pq.ParquetFile(file).iter_batches(_PIECE_ROWS)
    elif kind == "csv":
        yield from pyarrow.csv.open_csv(
            file, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        )
    else:
        with pa.memory_map(str(file)) as source:
            reader = pa.ipc.open_file(source)
            yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _json_lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadValueError(f"{file}: line {number} is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise BadValueError(f"{file}: line {number} is no JSON object, but {line[:60]!r}")
            yield row
