"""Series and rows as arrays: the form in which the store hands out what it keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from runlake.model import FIRST_TIME_S, LAST_TIME_S, Lane, Stream

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_ARROW_TYPES = {"f64": pa.float64(), "i64": pa.int64(), "bool": pa.bool_()}
ARROW_TYPE_OF_LANE: dict[str, pa.DataType] = {
    **_ARROW_TYPES,
    "str": pa.string(),
    "json": pa.string(),
    "null": pa.null(),
}


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one key in one lane.

    `key` is an escaped path (`values.plain_name` is what a user reads). `rows` int64[m] ascending are positions in
    the axis it belongs to; None means every row, m = n. `values` has m entries: an Arrow chunked array of int64,
    float64, bool or string (lanes str and json: text, see `values.decode_json`), or of Arrow's null type (lane null:
    None was logged).
    """

    key: str
    lane: Lane
    rows: Int64s | None
    values: pa.ChunkedArray


@dataclass(frozen=True, slots=True)
class WriterRows:
    """Consecutive rows of one writer and stream: row i has the identity (generation, writer, first_n + i).

    `step` int64[n], `timestamp` and `runtime` float64[n], in seconds. `series` in first-logged order.
    `is_open`: the last row may still grow, its writer has not committed it.
    """

    writer: str
    stream: Stream
    first_n: int
    step: Int64s
    timestamp: Float64s
    runtime: Float64s
    series: Sequence[Series] = field(default_factory=list)
    is_open: bool = False

    @property
    def row_count(self) -> int:
        return len(self.step)


def usable_times(times: Float64s) -> Float64s:
    """The same times, with infinite ones as NaN: what is no finite number is no time, and reads as missing."""
    if not len(times) or (math.isfinite(times.min()) and math.isfinite(times.max())):  # neither where one is NaN
        return times
    is_infinite = np.isinf(times)
    return np.where(is_infinite, np.nan, times) if is_infinite.any() else times


def filled_times(times: Float64s) -> Float64s:
    """The same times; a row without one counts as of the time of the row before it, or else of the first that has one.

    That is for putting rows in order and for saying which came last, by a time that calendars know; what is handed out
    stays as it is. 0 where no row has a time.
    """
    if not len(times) or (times.min() >= FIRST_TIME_S and times.max() <= LAST_TIME_S):  # neither where one is NaN
        return times
    known = np.isfinite(times)
    if not known.any():
        return np.zeros(len(times))
    last = np.maximum.accumulate(np.where(known, np.arange(len(times)), -1))
    last[last < 0] = np.argmax(known)
    return np.clip(times[last], FIRST_TIME_S, LAST_TIME_S)


def to_arrow(values: npt.NDArray[Any], lane: Lane) -> pa.Array:
    """The values of one lane as an Arrow array of that lane's type; floats keep their bits, NaN is no null."""
    if lane == "null":
        return pa.nulls(len(values))
    if lane in ("str", "json"):
        return pa.array([str(v) for v in values], pa.string())
    return pa.array(values, _ARROW_TYPES[lane], from_pandas=False)


def join_stretches(stretches: Sequence[WriterRows]) -> WriterRows:
    """Stretches of one writer and stream that follow each other as one; values are not copied."""
    first = stretches[0]
    if len(stretches) == 1:
        return first
    return WriterRows(
        first.writer,
        first.stream,
        first.first_n,
        np.concatenate([rows.step for rows in stretches]),
        np.concatenate([rows.timestamp for rows in stretches]),
        np.concatenate([rows.runtime for rows in stretches]),
        join_series(stretches),
        stretches[-1].is_open,
    )


def join_series(stretches: Sequence[WriterRows]) -> list[Series]:
    """The series of stretches that stand one behind the other, whoever wrote them; values are not copied."""
    pieces: dict[tuple[str, Lane], list[tuple[int, WriterRows, Series]]] = {}
    start = 0
    for rows in stretches:
        for one in rows.series:
            pieces.setdefault((one.key, one.lane), []).append((start, rows, one))
        start += rows.row_count
    series = []
    for (key, lane), mine in pieces.items():
        values = pa.chunked_array([c for _, _, one in mine for c in one.values.chunks], ARROW_TYPE_OF_LANE[lane])
        places = None
        if len(values) < start:
            places = np.concatenate(
                [begin + (np.arange(rows.row_count) if one.rows is None else one.rows) for begin, rows, one in mine]
            )
        series.append(Series(key, lane, places, values))
    return series
