"""The rows of one key as points: x ascending, and what cannot be placed counted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from runlake.query.tiles.question import Scale, Window
from runlake.store.series import Float64s


class Counts(Struct, frozen=True):
    """How many rows of a key lie within a grid, how many of them are no finite numbers, and how many rows of all have
    a value and no place, because their x is no finite number, or not above 0 where the scale is a log one."""

    row_count: int = 0
    nan_count: int = 0
    positive_infinity_count: int = 0
    negative_infinity_count: int = 0
    unplaced_count: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Points(Struct, frozen=True):
    """`x` float64[n] finite and ascending, `y` float64[n]: rows with the same x are in reading order.

    `unplaced_count` rows have a value and no finite x; `last` is the value of the newest row of all. Where the points
    are a sketch, the values of whole stretches of rows are stood for by their lowest and highest, all values are
    finite, and `row_count` says how many there are; it is None where the points are the rows. Some of the rows of a
    key are all of them between the ends of `within`.
    """

    x: Float64s
    y: Float64s
    unplaced_count: int = 0
    last: float | None = None
    row_count: int | None = None
    within: tuple[float, float] = (-math.inf, math.inf)

    def serve(self, window: Window) -> bool:
        """Whether these are all rows in a window, and the nearest on either side of it."""
        low = -math.inf if window[0] is None else window[0]
        high = math.inf if window[1] is None else window[1]
        is_served_below = self.within[0] == -math.inf or self.within[0] < low
        return is_served_below and (self.within[1] == math.inf or high < self.within[1])

    @property
    def is_exact(self) -> bool:
        return self.row_count is None or self.row_count == len(self.y)

    @property
    def size_bytes(self) -> int:
        return self.x.nbytes + self.y.nbytes

    def extent(self, scale: Scale = "linear") -> tuple[float, float] | None:
        """The lowest and highest x; on a log scale those above 0."""
        first = int(np.searchsorted(self.x, 0.0, "right")) if scale == "log" else 0
        return (float(self.x[first]), float(self.x[-1])) if first < len(self.x) else None

    def placed_on(self, scale: Scale) -> Points:
        """The points that have a place on a scale; the others are counted."""
        skipped = int(np.searchsorted(self.x, 0.0, "right")) if scale == "log" else 0
        if not skipped:
            return self
        return Points(self.x[skipped:], self.y[skipped:], self.unplaced_count + skipped, self.last, self.row_count)

    def followed_by(self, newer: Points) -> Points:
        """With rows that come behind all of these in reading order."""
        if not len(newer.x) and not newer.unplaced_count:
            return self
        x, y = np.concatenate([self.x, newer.x]), np.concatenate([self.y, newer.y])
        if len(self.x) and len(newer.x) and newer.x[0] < self.x[-1]:
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
        return Points(x, y, self.unplaced_count + newer.unplaced_count, newer.last)


def points_of(x: npt.NDArray[Any], y: npt.NDArray[Any], *, row_count: int | None = None) -> Points:
    """Rows in reading order, int64 or float64, as points: ordered by x, which is stable, where it does not ascend.

    Integers beyond 2**53 become the float64 that is next to them.
    """
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    last = float(y[-1]) if len(y) else None
    unplaced_count = 0
    if len(x) and not (math.isfinite(x.min()) and math.isfinite(x.max())):  # neither where one is NaN
        is_placed = np.isfinite(x)
        unplaced_count = len(x) - int(is_placed.sum())
        x, y = x[is_placed], y[is_placed]
    if len(x) > 1 and (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return Points(x, y, unplaced_count, last, row_count)
