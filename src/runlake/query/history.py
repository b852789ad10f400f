"""The rows of one stream of one run, as arrays: what every reader of rows is given.

A `History` has an *axis*, one entry per row in reading order, and *series*, the values of one key in one lane.
A row that lacks a key simply has no entry in its series: nothing is ever filled with nulls or NaN here, so a
hundred thousand sparse keys cost what they hold. Everything else (frames, rows as dicts, samples, exports) is a
pure function of this value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runlake.model import Stream
from runlake.store.series import Float64s, Int64s, Series

__all__ = ["Float64s", "History", "Int64s", "Series"]


@dataclass(frozen=True, slots=True)
class History:
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
    series: list[Series] = field(default_factory=list)
    source_row_count: int | None = None

    @property
    def row_count(self) -> int:
        return len(self.step)
