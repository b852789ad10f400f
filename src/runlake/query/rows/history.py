"""The rows of one stream of one run, as arrays: what every reader of rows is given.

A `History` has an *axis*, one entry per row in reading order, and *series*, the values of one key in one lane.
A row that lacks a key simply has no entry in its series: nothing is ever filled with nulls or NaN here, so a
hundred thousand sparse keys cost what they hold. Everything else (frames, rows as dicts, samples, exports) is a
pure function of this value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field, structs

from runlake.model import Lane, Stream, TailCursor
from runlake.store.arrow import to_numpy
from runlake.store.series import Float64s, Int64s, Series

__all__ = ["EXACT_INTEGER", "Float64s", "History", "HistoryOutline", "Int64s", "Series", "SeriesOutline", "Tail"]


EXACT_INTEGER = 2**53
"""Integers up to this size are exact as float64."""


class History(Struct, frozen=True):
    """Rows of one stream in reading order, and the series over them in first-logged order.

    `step` int64[n], `timestamp` float64[n] seconds since 1970 (UTC), `runtime` float64[n] seconds since the start;
    the last two are None when certain keys were asked for and they were not among them: a key is then read at its own
    price.
    A key that was logged with several types has one series per lane. When the history is a sample,
    `source_row_count` is what it was sampled from; otherwise it is None.
    """

    stream: Stream
    step: Int64s
    timestamp: Float64s | None
    runtime: Float64s | None
    series: Sequence[Series] = field(default_factory=list)
    source_row_count: int | None = None

    @property
    def row_count(self) -> int:
        return len(self.step)

    @property
    def cell_count(self) -> int:
        """How many values there are in all, those of the axes included."""
        return self.row_count * 3 + sum(len(series.values) for series in self.series)


class Tail(Struct, frozen=True):
    """The rows of one stream that a reader did not have, in reading order, and the cursor behind them.

    `is_ended`: the run has ended, and nothing will follow. `is_restarted`: the run has begun anew since the cursor
    was made, and these are rows of its new generation, from the first. `writer_of_row` int64[n] holds places in
    `writers`.
    """

    history: History
    cursor: TailCursor
    is_ended: bool
    is_restarted: bool
    writers: tuple[str, ...]
    writer_of_row: Int64s

    def cursor_at(self, row_count: int) -> TailCursor:
        """The cursor of a reader that has taken only the first `row_count` rows."""
        next_n = dict(self.cursor.next_n)
        left = np.bincount(self.writer_of_row[row_count:], minlength=len(self.writers)).tolist()
        for writer, count in zip(self.writers, left, strict=True):
            next_n[writer] -= count
        return structs.replace(self.cursor, next_n=next_n)


class SeriesOutline(Struct, frozen=True):
    """That there is such a series of `value_count` values; `largest` is the size of its integer farthest from 0."""

    key: str
    lane: Lane
    largest: int = 0
    value_count: int = 0


class HistoryOutline(Struct, frozen=True):
    """What a history holds, without values: how many rows, and which series that have any, in first-logged order."""

    row_count: int
    series: Sequence[SeriesOutline]

    @classmethod
    def of(cls, history: History) -> HistoryOutline:
        return cls(
            history.row_count,
            [SeriesOutline(s.key, s.lane, _largest(s), len(s.values)) for s in history.series if len(s.values)],
        )


def _largest(series: Series) -> int:
    if series.lane != "i64":
        return 0
    integers = to_numpy(series.values)
    return max(int(integers.max()), -int(integers.min()))
