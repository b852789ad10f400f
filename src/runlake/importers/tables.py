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
import pyarrow.parquet as pq

from runlake.errors import BadValueError, LogTypeError
from runlake.importers.foreign import ForeignRow, ForeignRun, LeftOut, mark_of
from runlake.importers.table_lines import BrokenLines, csv_batches
from runlake.model import RUNTIME, STEP, TIMESTAMP, LoggedRow, WriterBatch, WriterStart
from runlake.values import decode_json, escape_key, flatten, join_path, split_path, unflatten

RUN_COLUMN = "run_id"
SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".jsonl": "jsonl"}

_PIECE_ROWS = 4096


def is_of(place: Path) -> bool:
    """Whether a file is a table, by its ending, or a folder holds nothing but such files."""
    return bool(_files(place))


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """The runs of each table, and what cannot be read. BadValueError for a file that stands alone and is none."""
    for file in _files(place):
        broken = BrokenLines()
        rows = itertools.groupby(_rows(file, broken), key=lambda row: row.pop(RUN_COLUMN, None))
        try:
            for run_id, mine in rows:
                yield _run(file, file.stem if run_id is None else str(run_id), mine)
        except BadValueError as error:
            if place.is_file():
                raise
            yield LeftOut(str(file), "table", str(error), is_damage=True)
            continue
        if broken.count:
            yield LeftOut(str(file), "line", broken.text(), broken.count, is_damage=True)


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


def _rows(file: Path, broken: BrokenLines) -> Iterator[dict[str, Any]]:
    """The rows of a table, without what is empty in each; `broken` learns of lines that are none."""
    try:
        if SUFFIXES[file.suffix.lower()] == "jsonl":
            yield from _json_lines(file, broken)
            return
        for batch in _batches(file, broken):
            paths = _paths(file, batch.schema.names)
            for row in batch.to_pylist():
                yield unflatten((paths[name], value) for name, value in row.items() if value is not None)
    except (pa.ArrowException, OSError) as error:
        raise BadValueError(f"{file} cannot be read as a table: {error}") from None


def _paths(file: Path, names: list[str]) -> dict[str, str]:
    """The path that each column is: where ``a`` is one too, ``a.b`` is a key with a dot in it."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadValueError(f"{file} has several columns called {twice!r}, of which a row could keep one; rename them")
    found = {}
    for name in names:
        keys = split_path(name)
        is_plain = any(join_path(keys[:count]) in names for count in range(1, len(keys)))
        found[name] = escape_key(".".join(keys)) if is_plain else name
    return found


def _batches(file: Path, broken: BrokenLines) -> Iterator[pa.RecordBatch]:
    kind = SUFFIXES[file.suffix.lower()]
    if kind == "parquet":
        yield from pq.ParquetFile(file).iter_batches(_PIECE_ROWS)
    elif kind == "csv":
        yield from csv_batches(file, broken)
    else:
        with pa.memory_map(str(file)) as source:
            reader = pa.ipc.open_file(source)
            yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _json_lines(file: Path, broken: BrokenLines) -> Iterator[dict[str, Any]]:
    is_empty = True
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                row = decode_json(text)
                if not isinstance(row, dict):
                    broken.add(number, f"no object: {text[:60]!r}")
                    continue
                flatten(row)
            except LogTypeError as error:
                broken.add(number, f"not kept: {error}")
                continue
            except json.JSONDecodeError as error:
                broken.add(number, f"no JSON: {error.msg} at character {error.pos + 1:,}")
                continue
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                broken.add(number, f"no JSON: {error}")
                continue
            is_empty = False
            yield row
    if is_empty and broken.count:
        raise BadValueError(f"{file} has {broken.count:,} lines {broken.text()}")
