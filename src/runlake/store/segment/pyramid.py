"""How a series is cut into pieces, and which of its values draw its line: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from runlake.store.segment.schema import CHUNK_ROWS
from runlake.store.series import Int64s

PYRAMID_STEP = 256

Cut = Callable[[Int64s | None, int], Iterator[tuple[int, int, int, int]]]


def cut_series(where: Int64s | None, row_count: int) -> Iterator[tuple[int, int, int, int]]:
    """Where the pieces of a series begin and end, by row and by value; `where` are its rows, None for all.

    A piece has whole stretches of 65,536 rows, one or as many as have no more than 65,536 values together: a sparse
    series in a long run is one piece, and a dense one is cut so that a few rows can be read.
    """
    if where is None:
        for start in range(0, row_count, CHUNK_ROWS):
            yield start, min(start + CHUNK_ROWS, row_count), start, min(start + CHUNK_ROWS, row_count)
        return
    low, count = 0, len(where)
    while low < count:
        start = int(where[low]) // CHUNK_ROWS * CHUNK_ROWS
        last = int(where[min(low + CHUNK_ROWS, count) - 1])
        stop = min((last // CHUNK_ROWS + 1) * CHUNK_ROWS, row_count)
        high = int(np.searchsorted(where, stop))
        if high - low > CHUNK_ROWS and stop - start > CHUNK_ROWS:  # the last stretch does not fit in
            stop = last // CHUNK_ROWS * CHUNK_ROWS
            high = int(np.searchsorted(where, stop))
        yield start, stop, low, high
        low = high


def pyramid(values: npt.NDArray[Any]) -> Int64s:
    """Where the lowest and the highest of each 256 values stand, ascending; NaN only where a bucket has nothing else.

    A line drawn from these points looks as if drawn from all, as long as a pixel is no less than a bucket.
    """
    count = len(values)
    if count <= 2 * PYRAMID_STEP:
        return np.arange(count)
    bucket_count = -(-count // PYRAMID_STEP)
    # The last value stands earlier too, and of equals the earliest is taken.
    padding = np.full(bucket_count * PYRAMID_STEP - count, values[-1])
    low = high = np.concatenate((values, padding)).reshape(bucket_count, PYRAMID_STEP)
    if values.dtype.kind == "f":
        empty = np.isnan(low)
        low, high = np.where(empty, np.inf, low), np.where(empty, -np.inf, low)
    low, high = low.argmin(axis=1), high.argmax(axis=1)
    base = np.arange(bucket_count) * PYRAMID_STEP
    picks = np.concatenate((base + low, base + high, [0, count - 1]))
    return np.unique(picks)
