"""Which rows stand for all of them: rules that depend on the data only, so two readers see one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from runlake.errors import BadValueError
from runlake.query.history import Int64s


def check_sample_count(samples: int) -> None:
    """Refuse a number of samples that is none."""
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1:
        raise BadValueError(f"samples={samples!r}; it must be a whole number from 1 up, or None for every row")


def row_sample(row_count: int, samples: int) -> Int64s:
    """At most `samples` evenly spread positions among `row_count` rows, ascending, first and last included.

    One sample of many is the last row: the newest.
    """
    check_sample_count(samples)
    if row_count <= samples:
        return np.arange(row_count, dtype=np.int64)
    if samples == 1:
        return np.array([row_count - 1], dtype=np.int64)
    return np.arange(samples, dtype=np.int64) * (row_count - 1) // (samples - 1)


def minmax_sample(values: npt.NDArray[Any], samples: int) -> Int64s:
    """At most `samples` positions of `values` that draw the same line, ascending.

    `values` is float64[n] or int64[n]; NaN marks a gap. First and last survive, and of each of
    (samples - 2) // 2 equal buckets in between the lowest and the highest (the earliest of equals); a bucket of
    nothing but NaN keeps its first, so the gap is seen. One sample is the last value; three are the ends and the
    one that stands out most between them.
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
    return np.unique(np.concatenate(([0], 1 + lowest, 1 + highest, [count - 1])))


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
