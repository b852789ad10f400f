"""Which rows stand for all of them: rules that depend on the data only, so two readers see one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runlake.errors import BadValueError
from runlake.query.rows.history import History, Int64s, Series
from runlake.store.arrow import to_numpy
from runlake.store.segment.pyramid import pyramid
from runlake.store.segment.schema import CHUNK_ROWS


def check_sample_count(samples: int) -> None:
    """Refuse a number of samples that is none."""
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1:
        raise BadValueError(f"samples={samples!r}; it must be a whole number from 1 up, or None for every row")


def row_sample(row_count: int, samples: int) -> Int64s:
    """min(`row_count`, `samples`) evenly spread positions among `row_count` rows, ascending, first and last included.

    One sample of many is the last row: the newest.
    """
    check_sample_count(samples)
    if row_count <= samples:
        return np.arange(row_count, dtype=np.int64)
    if samples == 1:
        return np.array([row_count - 1], dtype=np.int64)
    return np.arange(samples, dtype=np.int64) * (row_count - 1) // (samples - 1)


def sample_rows(history: History, metrics: Sequence[str], samples: int) -> Int64s:
    """min(rows, `samples`) positions of rows of a history that holds the series of `metrics`, ascending.

    One metric that is nothing but numbers is drawn as `line_sample` does; otherwise the rows are taken evenly. First
    and last stay in both cases.
    """
    if len(metrics) == 1 and history.row_count > samples and all(map(is_numeric, history.series)):
        rows, values = numbers(history)
        if len(values) == history.row_count:
            return line_sample(values, samples) if rows is None else rows[line_sample(values, samples)]
    return row_sample(history.row_count, samples)


def is_numeric(series: Series) -> bool:
    """Whether a line can be drawn of the series."""
    return series.lane in ("f64", "i64")


def numbers(history: History) -> tuple[Int64s | None, npt.NDArray[Any]]:
    """All numbers in a history of one key, one a row, and their rows ascending (None: every row).

    Integers stay such where all are. Of a row in which two series have a value, the first one counts.
    """
    numeric = [series for series in history.series if is_numeric(series)]
    if not numeric:
        return np.array([], np.int64), np.array([])
    if len(numeric) == 1:
        return numeric[0].rows, to_numpy(numeric[0].values)
    rows = np.concatenate([series.positions(history.row_count) for series in numeric])
    values = np.concatenate([to_numpy(series.values).astype(np.float64) for series in numeric])
    rows, firsts = np.unique(rows, return_index=True)
    return rows, values[firsts]


def line_sample(values: npt.NDArray[Any], samples: int) -> Int64s:
    """min(n, `samples`) positions of `values` that draw the same line, ascending, by `minmax_sample`.

    They are chosen from the pyramid where that has as many, so a sealed series of any length needs no more than its
    pyramid to be read.
    """
    points = pyramid_points(values)
    if len(points) < samples:
        return minmax_sample(values, samples)
    return points[minmax_sample(values[points], samples)]


def pyramid_points(values: npt.NDArray[Any]) -> Int64s:
    """Where the points of the pyramid stand that a segment has of these values, ascending."""
    pieces = range(0, len(values), CHUNK_ROWS)
    points = [start + pyramid(values[start : start + CHUNK_ROWS]) for start in pieces]
    return np.concatenate(points) if points else np.array([], np.int64)


def minmax_sample(values: npt.NDArray[Any], samples: int) -> Int64s:
    """min(n, `samples`) positions of `values` that draw the same line, ascending.

    `values` is float64[n] or int64[n]; NaN marks a gap. First and last survive, and of each of
    (samples - 2) // 2 equal buckets in between the lowest and the highest (the earliest of equals); a bucket of
    nothing but NaN keeps its first, so the gap is seen. Where these are fewer, because one value is lowest and
    highest, others are added, spread evenly over what is left. One sample is the last value; three are the ends and
    the one that stands out most between them.
    """
    check_sample_count(samples)
    count = len(values)
    if count <= samples:
        return np.arange(count, dtype=np.int64)
    if samples == 1:
        return np.array([count - 1], dtype=np.int64)
    if samples == 2:
        return np.array([0, count - 1], dtype=np.int64)
    low, high = _filled(values)
    if samples == 3:
        return np.array([0, 1 + _outstanding(values, low[1:-1], high[1:-1]), count - 1], dtype=np.int64)
    lowest, highest = _extremes(low[1:-1], high[1:-1], (samples - 2) // 2)
    chosen = np.zeros(count, np.bool_)
    chosen[np.concatenate(([0], 1 + lowest, 1 + highest, [count - 1]))] = True
    left = np.flatnonzero(~chosen)
    missing = samples - (count - len(left))
    chosen[left[(2 * np.arange(missing) + 1) * len(left) // (2 * missing)] if missing else []] = True
    return np.flatnonzero(chosen)


def _filled(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """`values` twice: with NaN never the lowest, and with NaN never the highest."""
    if values.dtype.kind != "f":
        return values, values
    gaps = np.isnan(values)
    if not gaps.any():
        return values, values
    return np.where(gaps, np.inf, values), np.where(gaps, -np.inf, values)


def _outstanding(values: npt.NDArray[Any], low: npt.NDArray[Any], high: npt.NDArray[Any]) -> int:
    lowest, highest = int(low.argmin()), int(high.argmax())
    ends = [float(value) for value in (values[0], values[-1]) if value == value]
    if not ends:
        return highest
    above = float(high[highest]) - max(ends)
    below = min(ends) - float(low[lowest])
    return lowest if below > above else highest


def _extremes(low: npt.NDArray[Any], high: npt.NDArray[Any], buckets: int) -> tuple[Int64s, Int64s]:
    """Positions of the lowest and highest of each bucket; the first `len % buckets` are one longer."""
    width, longer = divmod(len(low), buckets)
    edge = longer * (width + 1)
    lowest, highest = [], []
    for start, stop, size in ((0, edge, width + 1), (edge, len(low), width)):
        if start < stop:
            begins = np.arange(start, stop, size)
            lowest.append(begins + low[start:stop].reshape(-1, size).argmin(axis=1))
            highest.append(begins + high[start:stop].reshape(-1, size).argmax(axis=1))
    return np.concatenate(lowest), np.concatenate(highest)
