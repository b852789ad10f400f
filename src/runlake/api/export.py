"""A run, a project or a list of runs as one file.

The rows of a project are read run by run, the next one while one is written, so that memory holds two runs at a time,
and two row groups of a Parquet file. Where the columns must be known before the first row is written, outlines of all
runs are read first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from runlake.api.selection import select_rows
from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError, UnreadableRunWarning, warn
from runlake.model import RunInfo, RunPath, Stream
from runlake.query.many.blocks import HistoryBlock, histories_in_order
from runlake.query.rows.dicts import axes_of_keys
from runlake.query.rows.export import (
    CountedFile,
    Destination,
    Format,
    check_format,
    open_destination,
    open_table_writer,
    write_json_lines,
)
from runlake.query.rows.history import History
from runlake.query.rows.select import slice_rows, with_keys
from runlake.query.rows.table import (
    MAX_COLUMNS,
    TABLE_AXES,
    ColumnPlan,
    TableColumn,
    check_width,
    long_tables,
    wide_table,
    wide_tables,
)
from runlake.service.contract import Service

Shape = Literal["wide", "long"]
Report = Callable[[int, int | None], None]
"""Told (rows done, rows in all; None while that is not known)."""

RUN_COLUMNS = ("entity", "project", "run_id", "name")
_RUNS_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written: how many rows, which columns (empty for JSON lines, whose rows differ), how many bytes."""

    row_count: int
    columns: tuple[str, ...]
    size_bytes: int


def export_run(
    service: Service,
    path: RunPath,
    destination: Destination,
    *,
    format: str,
    keys: Sequence[str] | None = None,
    stream: Stream = "history",
    samples: int | None = None,
    shape: Shape = "wide",
    progress: Report | None = None,
) -> ExportResult:
    """Write the rows of one stream of one run to `destination`, a path or something with a `write`.

    With `keys` the file has them and `_step`, and the rows that have at least one of them. `samples` takes at most
    that many rows, as `StoredRun.history` does. A wide file has a column a key and is refused beyond 2,000 keys
    that were not named; a long one has a row a value (see `query.rows.table.long_tables`).
    """
    chosen = check_format(format)
    _check_shape(shape, chosen)
    history = select_rows(service, path, stream=stream, keys=keys, samples=samples, join="any").history
    axes = TABLE_AXES if keys is None else axes_of_keys(keys)
    done = _Progress(progress, history.row_count)
    with open_destination(destination) as raw:
        file = CountedFile(raw)
        if chosen == "jsonl":
            row_count = write_json_lines(file, history, axes=axes, progress=done.add)  # type: ignore[arg-type]
            return ExportResult(row_count, (), file.size_bytes)
        if shape == "long":
            tables = long_tables(history)
        else:
            limit = MAX_COLUMNS if keys is None else None
            tables = wide_tables(history, axes=axes, max_columns=limit)
        return _write_tables(file, chosen, tables, done)


def export_project(
    service: Service,
    entity: str,
    project: str,
    destination: Destination,
    *,
    format: str,
    keys: Sequence[str] | None = None,
    stream: Stream = "history",
    filters: Mapping[str, Any] | None = None,
    progress: Report | None = None,
) -> ExportResult:
    """Write the rows of all runs of a project, oldest run first, under the columns of all of them.

    Entity, project, run id and name stand before the row's own columns. `keys` as in `export_run`. Raises
    `BadValueError` when all runs together have more than 2,000 keys that were not named; JSON lines have no limit.
    """
    chosen = check_format(format)
    runs = _all_runs(service, entity, project, filters)
    axes = TABLE_AXES if keys is None else axes_of_keys(keys)
    done = _Progress(progress, _row_total(runs.infos, stream))
    with open_destination(destination) as raw:
        file = CountedFile(raw)
        if chosen == "jsonl":
            row_count = 0
            for info, history in _histories(service, runs, stream, keys):
                first = dict(zip(RUN_COLUMNS, _run_values(info), strict=True))
                row_count += write_json_lines(file, history, first=first, axes=axes, progress=done.add)  # type: ignore[arg-type]
            return ExportResult(row_count, (), file.size_bytes)
        columns, row_counts = _planned(service, runs, stream, keys)
        tables = _project_tables(_histories(service, runs, stream, keys, row_counts), axes, columns)
        return _write_tables(file, chosen, tables, done)


def export_runs_table(
    service: Service,
    entity: str,
    project: str,
    destination: Destination,
    *,
    format: str,
    filters: Mapping[str, Any] | None = None,
) -> ExportResult:
    """Write one row a run: its fields, config and summary, as `Service.read_runs_table` gives them."""
    check_format(format)
    return export_table(service.read_runs_table(entity, project, filters=filters), destination, format=format)


def export_table(table: pa.Table, destination: Destination, *, format: str) -> ExportResult:
    """Write one table as it is; a row of JSON lines has what is not null in it."""
    chosen = check_format(format)
    with open_destination(destination) as raw:
        file = CountedFile(raw)
        if chosen == "jsonl":
            for row in table.to_pylist():
                present = {name: value for name, value in row.items() if value is not None}
                file.write(f"{_json(present)}\n".encode())
            return ExportResult(table.num_rows, tuple(table.column_names), file.size_bytes)
        return _write_tables(file, chosen, iter([table]), _Progress(None, table.num_rows))


def _json(row: dict[str, Any]) -> str:
    from runlake.values import encode_json

    return encode_json(row)


def _check_shape(shape: str, format: Format) -> None:
    if shape not in ("wide", "long"):
        raise BadValueError(f"shape={shape!r}; it can be 'wide' or 'long'")
    if shape == "long" and format == "jsonl":
        raise BadValueError("JSON lines have a row a line and no limit of keys; the long shape is for tables")


def _write_tables(file: CountedFile, format: Format, tables: Iterator[pa.Table], done: _Progress) -> ExportResult:
    table = next(tables)
    writer = open_table_writer(file, format, table.schema)  # type: ignore[arg-type]
    row_count = 0
    try:
        while True:
            writer.write(table)
            row_count += table.num_rows
            done.add(table.num_rows)
            following = next(tables, None)
            if following is None:
                break
            table = following
    finally:
        writer.close()
    return ExportResult(row_count, tuple(table.column_names), file.size_bytes)


@dataclass(frozen=True, slots=True)
class _Listing:
    """All runs that match, and what they were asked for by."""

    infos: list[RunInfo]
    filters: Mapping[str, Any] | None
    version: str


def _all_runs(service: Service, entity: str, project: str, filters: Mapping[str, Any] | None) -> _Listing:
    infos: list[RunInfo] = []
    page = service.list_runs(entity, project, filters=filters, limit=_RUNS_A_PAGE)
    while page.runs:
        infos += page.runs
        page = service.list_runs(
            entity, project, filters=filters, offset=len(infos), limit=_RUNS_A_PAGE, version=page.version
        )
    return _Listing(infos, filters, page.version)


def _histories(
    service: Service,
    runs: _Listing,
    stream: Stream,
    keys: Sequence[str] | None,
    row_counts: Mapping[RunPath, int] | None = None,
) -> Iterator[tuple[RunInfo, History]]:
    """The histories of the runs, of each only its first `row_counts`; the next one is read meanwhile."""

    def cut(info: RunInfo, history: History) -> History:
        if row_counts is not None:
            history = slice_rows(history, 0, row_counts.get(info.path, 0))
        return history if keys is None else with_keys(history, keys, "any")

    blocks = None if keys is None else _blocks(service, runs, stream, keys)
    if blocks is not None:
        info_of = {info.run_id: info for info in runs.infos}
        for run_id, history in histories_in_order(blocks, info_of):
            yield info_of[run_id], cut(info_of[run_id], history)
        return

    def read(info: RunInfo) -> History | None:
        try:
            return cut(info, service.read_history(info.path, stream=stream, keys=keys))
        except NotFoundError:  # deleted since the listing
            return None
        except StoreError as error:  # the others are exported all the same
            warn(f"run {info.path} is left out of the export: {error}", UnreadableRunWarning)
            return None

    with ThreadPoolExecutor(1, thread_name_prefix="runlake-read") as pool:
        reading = [pool.submit(read, info) for info in runs.infos[:1]]
        for place, info in enumerate(runs.infos, 1):
            found = reading.pop().result()
            reading += [pool.submit(read, following) for following in runs.infos[place : place + 1]]
            if found is not None:
                yield info, found


def _blocks(service: Service, runs: _Listing, stream: Stream, keys: Sequence[str]) -> Iterator[HistoryBlock] | None:
    """The rows of all runs at once; None where only the runs one by one can be had."""
    if not runs.infos:
        return None
    entity, project, _ = runs.infos[0].path
    try:
        return service.read_histories(
            entity, project, keys=keys, stream=stream, filters=runs.filters, version=runs.version
        )
    except ConflictError:
        return None  # the project moved so often that the version is forgotten


def _planned(
    service: Service, runs: _Listing, stream: Stream, keys: Sequence[str] | None
) -> tuple[list[TableColumn], dict[RunPath, int]]:
    """The columns of all runs, and how many rows each run has now: what it gains meanwhile is not exported."""
    plan, row_counts = ColumnPlan(), {}
    for info in runs.infos:
        try:
            outline = service.outline_history(info.path, stream=stream)
        except (NotFoundError, StoreError):  # deleted since the listing, or damaged: whoever reads the rows says so
            continue
        plan.add_outline(outline, keys)
        row_counts[info.path] = outline.row_count
        check_width(len(plan.lanes), MAX_COLUMNS if keys is None else None)
    return plan.columns((*TABLE_AXES, *RUN_COLUMNS)), row_counts


def _project_tables(
    histories: Iterator[tuple[RunInfo, History]],
    axes: tuple[str, ...],
    columns: list[TableColumn],
) -> Iterator[pa.Table]:
    """The rows of one run after the other, at least one table."""
    is_empty = True
    for info, history in histories:
        if history.row_count:
            is_empty = False
            for table in wide_tables(history, axes=axes, columns=columns, max_columns=None):
                yield _with_run(table, _run_values(info))
    if is_empty:
        nothing = History("history", np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        yield _with_run(wide_table(nothing, axes=axes, columns=columns, max_columns=None), ("",) * len(RUN_COLUMNS))


def _with_run(table: pa.Table, texts: tuple[str, ...]) -> pa.Table:
    columns = [pa.repeat(pa.scalar(text, pa.string()), table.num_rows) for text in texts]
    fields = [pa.field(name, pa.string()) for name in RUN_COLUMNS]
    return pa.Table.from_arrays([*columns, *table.columns], schema=pa.schema([*fields, *table.schema]))


def _run_values(info: RunInfo) -> tuple[str, ...]:
    return info.entity, info.project, info.run_id, info.name


def _row_total(runs: Sequence[RunInfo], stream: Stream) -> int:
    counts = {"history": "row_count", "events": "event_count", "console": "console_line_count"}
    return sum(getattr(info, counts[stream]) for info in runs)


class _Progress:
    """Turns the counts of single steps into a running total."""

    def __init__(self, report: Report | None, total: int | None) -> None:
        self._report = report
        self._total = total
        self._done = 0
        self.add(0)

    def add(self, count: int) -> None:
        self._done += count
        if self._report is not None:
            self._report(self._done, self._total)
