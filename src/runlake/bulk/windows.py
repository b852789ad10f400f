"""The rows of a long run as histories of some rows each, so that memory does not hold them all.

That is for one process that wrote one row after the other: whose rows come first where several did, only all of them
say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
from msgspec import structs

from runlake.bulk.options import ExportOptions
from runlake.bulk.plan import PlannedRun
from runlake.model import Stream
from runlake.query.rows.history import History, HistoryOutline
from runlake.query.rows.table import TABLE_AXES, ColumnPlan, TableColumn, wide_tables
from runlake.service.contract import Service
from runlake.stopping import check_wanted
from runlake.values import flatten

WHOLE_CELLS = 32_000_000
"""Streams of so many values are read whole, longer ones in windows of about as many."""

_GOOD_STEPS = (262_144, 65_536, 4096, 1)
"""So many rows of a key lie in a row group of a segment, which is decoded as a whole; or in a piece of its axes."""

_AXIS_COUNT, _CONSOLE_WIDTH = 3, 16
_MARK = "$"


class NotInWindowsError(Exception):
    """The rows must be read whole: several wrote them, or the run has begun anew since."""


def cell_count(run: PlannedRun, stream: Stream) -> int:
    """How many cells a stream has at most, gaps included, as known without reading it."""
    known = {"history": run.info.summary, "events": run.info.system_metrics, "console": {}}[stream]
    width = _CONSOLE_WIDTH if stream == "console" else _AXIS_COUNT + len(flatten(known, stringify_keys=True))
    return run.row_counts[stream] * width


def value_count(service: Service, run: PlannedRun, stream: Stream) -> int:
    """How many values a stream has, those of the axes among them."""
    outline = service.outline_history(run.info.path, stream=stream)
    return _AXIS_COUNT * outline.row_count + sum(series.value_count for series in outline.series)


def window_row_count(row_count: int, values: int, most_values: int) -> int:
    """How many of the rows are read at a time: those of about `most_values`."""
    wanted = max(1, most_values * row_count // max(1, values))
    step = next(step for step in _GOOD_STEPS if step <= wanted)
    return wanted // step * step


def can_be_in_windows(run: PlannedRun, stream: Stream, options: ExportOptions) -> bool:
    """Whether what is asked for needs no look at all rows at once. Some keys alone are read at their own price."""
    is_by_row = options.shape == "wide" and options.keys is None
    return is_by_row and (options.samples is None or stream != "history")


def read_windows(service: Service, run: PlannedRun, stream: Stream, row_limit: int) -> Iterator[History]:
    """The rows of the plan. `NotInWindowsError` as soon as that is seen."""
    cursor, left, writers = None, run.row_counts[stream], set[str]()
    while left:
        check_wanted()
        tail = service.read_tail(run.info.path, cursor, stream=stream, limit=min(row_limit, left))
        cursor = tail.cursor
        writers.update(tail.writers)
        is_planned = (cursor.incarnation, cursor.generation) == (run.info.incarnation, run.info.generation)
        if not is_planned or len(writers) > 1 or not tail.history.row_count:
            raise NotInWindowsError
        left -= tail.history.row_count
        yield tail.history


class WindowPlan(NamedTuple):
    """What the windows have together: the columns, and where each series stands among all."""

    columns: list[TableColumn]
    places: dict[tuple[str, str], int]

    def in_order(self, history: History) -> History:
        """A window with its series in the order of all rows, and not in that of its own."""
        places = self.places
        return structs.replace(history, series=sorted(history.series, key=lambda one: places[one.key, one.lane]))


def plan_windows(service: Service, run: PlannedRun, stream: Stream, row_limit: int) -> WindowPlan:
    """What all windows will have; those of a run that goes on are read for it.

    `NotInWindowsError`, also for keys that JSON lines say in a way of their own.
    """
    plan = ColumnPlan()
    places: dict[tuple[str, str], int] = {}
    for outline in _outlines(service, run, stream, row_limit):
        plan.add_outline(outline)
        for series in outline.series:
            places.setdefault((series.key, series.lane), len(places))
    if any(_MARK in key for key in plan.lanes):
        raise NotInWindowsError
    return WindowPlan(plan.columns(), places)


def _outlines(service: Service, run: PlannedRun, stream: Stream, row_limit: int) -> Iterator[HistoryOutline]:
    whole = service.outline_history(run.info.path, stream=stream)
    if whole.row_count == run.row_counts[stream]:
        yield whole
        return
    for history in read_windows(service, run, stream, row_limit):
        yield HistoryOutline.of(history)


def wide_groups(histories: Iterator[History], columns: list[TableColumn], row_limit: int) -> Iterator[pa.Table]:
    """Tables of `row_limit` rows each, however the rows come; the last one has the rest."""
    pending: list[pa.Table] = []
    row_count = 0
    for history in histories:
        for piece in wide_tables(history, axes=TABLE_AXES, columns=columns, max_columns=None, row_limit=row_limit):
            pending.append(piece)
            row_count += piece.num_rows
            if row_count >= row_limit:
                table = pa.concat_tables(pending)
                yield table.slice(0, row_limit).combine_chunks()
                pending, row_count = [table.slice(row_limit)], row_count - row_limit
    if row_count:
        yield pa.concat_tables(pending).combine_chunks()
