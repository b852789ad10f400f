"""The rows of a run as a plan fixes them, and the bytes of the file that holds them.

The bytes follow from the rows and the options alone: neither how the rows lie in the store nor in which pieces they
come over a network can be seen in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from msgspec import structs

from runlake.bulk.options import ExportOptions
from runlake.bulk.plan import PlannedRun, check_key_count
from runlake.bulk.unreadable import reading
from runlake.bulk.windows import (
    can_be_in_windows,
    cell_count,
    plan_windows,
    read_windows,
    value_count,
    wide_groups,
    window_row_count,
)
from runlake.model import Stream
from runlake.query.rows.dicts import axes_of_keys
from runlake.query.rows.export import CountedFile, ParquetInMemory, open_table_writer, write_json_lines
from runlake.query.rows.history import History, Tail
from runlake.query.rows.sample import sample_rows
from runlake.query.rows.select import slice_rows, take_rows, with_keys
from runlake.query.rows.table import TABLE_AXES, long_groups, plan_columns, wide_tables
from runlake.service.contract import Service

_GROUP_CELLS, _MIN_GROUP_ROWS, _GROUP_ROWS = 4_000_000, 1024, 131_072


class PlannedRows(NamedTuple):
    """What was written: how many rows, their lowest and highest step, and of how many they are a sample."""

    row_count: int
    first_step: int
    last_step: int
    source_row_count: int | None = None


def read_planned(
    service: Service, run: PlannedRun, stream: Stream, options: ExportOptions, whole: History | None = None
) -> History:
    """The rows of one stream that belong to the plan, or a sample of them, whatever the run logged since.

    `whole`: all rows of a run that has ended, where they were read with those of others.
    `NotFoundError` when the run was deleted since, `StoreError` when it cannot be read.
    """
    history = _tail_rows(service, run, stream, options) if stream in run.next_n else None
    if history is None:
        if whole is None:
            whole = service.read_history(
                run.info.path, stream=stream, keys=options.keys, generation=run.info.generation
            )
        planned_count = run.row_counts[stream]
        history = whole if whole.row_count <= planned_count else slice_rows(whole, 0, planned_count)
    if options.keys is not None:
        history = with_keys(history, options.keys, "any")
    if stream == "history" and options.samples is not None and history.row_count > options.samples:
        picks = sample_rows(history, [], options.samples)
        history = structs.replace(take_rows(history, picks), source_row_count=history.row_count)
    # A key of rows that are not here alone would be an empty column.
    if all(len(series.values) for series in history.series):
        return history
    return structs.replace(history, series=[series for series in history.series if len(series.values)])


def _tail_rows(service: Service, run: PlannedRun, stream: Stream, options: ExportOptions) -> History | None:
    """The first rows of each writer, as many as the plan says; None where the run has begun anew since."""
    tail = service.read_tail(run.info.path, None, stream=stream, keys=options.keys)
    if (tail.cursor.incarnation, tail.cursor.generation) != (run.info.incarnation, run.info.generation):
        return None
    wanted = (
        _numbers(tail)
        < np.array([run.next_n[stream].get(writer, 0) for writer in tail.writers], np.int64)[tail.writer_of_row]
    )
    return tail.history if wanted.all() else take_rows(tail.history, np.flatnonzero(wanted))


def _numbers(tail: Tail) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which row of its writer each row of a tail is."""
    numbers = np.zeros(len(tail.writer_of_row), np.int64)
    for place, writer in enumerate(tail.writers):
        mine = np.flatnonzero(tail.writer_of_row == place)
        numbers[mine] = tail.cursor.next_n[writer] - len(mine) + np.arange(len(mine))
    return numbers


def write_rows(
    file: CountedFile,
    run: PlannedRun,
    history: History,
    options: ExportOptions,
    memory: ParquetInMemory | None = None,
) -> None:
    """Write a history in the format of the options. `BadValueError` for more keys than a wide table holds."""
    axes = TABLE_AXES if options.keys is None else axes_of_keys(options.keys)
    if options.format == "jsonl":
        write_json_lines(file, history, axes=axes)  # type: ignore[arg-type]
        return
    tables = (
        long_groups(history, row_limit=_GROUP_ROWS)
        if options.shape == "long"
        else _wide_groups(run, history, options, axes)
    )
    write_tables(file, tables, options, memory)


def write_tables(
    file: CountedFile, tables: Iterator[pa.Table], options: ExportOptions, memory: ParquetInMemory | None = None
) -> None:
    """Write tables of one schema, at least one, each as a row group where the format has any.

    A Parquet file for which `memory` has room is made there; its bytes are the same.
    """
    first = next(tables)
    if options.format == "parquet" and memory is not None and memory.holds(first):
        second = next(tables, None)
        if second is None:
            file.write(memory.write(first))
            return
        tables = chain([second], tables)
    writer = open_table_writer(file, options.format, first.schema, is_gathering=False)  # type: ignore[arg-type]
    try:
        writer.write(first)
        for table in tables:
            writer.write(table)
    finally:
        writer.close()


def _wide_groups(
    run: PlannedRun, history: History, options: ExportOptions, axes: tuple[str, ...]
) -> Iterator[pa.Table]:
    columns = plan_columns(history)
    if options.keys is None:
        check_key_count(run.info.path, len(columns))
    row_limit = _group_row_count(len(columns) + len(axes))
    for table in wide_tables(history, axes=axes, columns=columns, max_columns=None, row_limit=row_limit):
        yield table.combine_chunks()


def _group_row_count(width: int) -> int:
    return min(_GROUP_ROWS, max(_MIN_GROUP_ROWS, _GROUP_CELLS // width))


def write_planned(
    file: CountedFile,
    service: Service,
    run: PlannedRun,
    stream: Stream,
    options: ExportOptions,
    *,
    whole_cells: int | None = None,
    whole: History | None = None,
    memory: ParquetInMemory | None = None,
) -> PlannedRows:
    """Write the rows of one stream that belong to the plan, all at once or those of a long one some at a time.

    `whole` is as of `read_planned`, `memory` of `write_tables`.

    `UnreadableError` when the source does not give them, `BadValueError` for more keys than a wide table holds. A
    stream of more than `whole_cells` values is long (None: none is), and for it there is `NotInWindowsError` when it
    must be read whole; some rows may be written by then.
    """
    if (
        whole is None
        and whole_cells is not None
        and cell_count(run, stream) > whole_cells
        and can_be_in_windows(run, stream, options)
    ):
        with reading(f"its {stream}"):
            values = value_count(service, run, stream)
        if values > whole_cells:
            window_rows = window_row_count(run.row_counts[stream], values, whole_cells)
            return _write_in_windows(file, service, run, stream, options, window_rows)
    with reading(f"its {stream}"):
        history = read_planned(service, run, stream, options, whole)
    if not history.row_count:
        return PlannedRows(0, 0, 0)
    write_rows(file, run, history, options, memory)
    steps = int(np.min(history.step)), int(np.max(history.step))
    return PlannedRows(history.row_count, *steps, history.source_row_count)


def _write_in_windows(
    file: CountedFile, service: Service, run: PlannedRun, stream: Stream, options: ExportOptions, window_rows: int
) -> PlannedRows:
    with reading(f"its {stream}"):
        plan = plan_windows(service, run, stream, window_rows)
    check_key_count(run.info.path, 0 if options.format == "jsonl" else len(plan.columns))
    bounds: list[tuple[int, int]] = []

    def windows() -> Iterator[History]:
        coming = read_windows(service, run, stream, window_rows)
        while True:
            with reading(f"its {stream}"):
                history = next(coming, None)
            if history is None:
                return
            bounds.append((int(np.min(history.step)), int(np.max(history.step))))
            yield plan.in_order(history)

    if options.format == "jsonl":
        for history in windows():
            write_json_lines(file, history, axes=TABLE_AXES)  # type: ignore[arg-type]
    else:
        row_limit = _group_row_count(len(plan.columns) + len(TABLE_AXES))
        write_tables(file, wide_groups(windows(), plan.columns, row_limit), options)
    return PlannedRows(run.row_counts[stream], min(low for low, _ in bounds), max(high for _, high in bounds))
