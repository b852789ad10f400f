"""The columns of a chart: one grid for all lines that are drawn in it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from msgspec import Struct

from runlake.query.tiles.question import Scale, Window
from runlake.store.series import Float64s, Int64s


class Grid(Struct, frozen=True):
    """`columns` of equal width on its scale, from `low` to `high`, both included.

    Where the lower or the upper end was open, whatever lies beyond it counts into the first or the last column.
    """

    low: float
    high: float
    columns: int
    scale: Scale = "linear"
    is_open: tuple[bool, bool] = (False, False)

    @property
    def edges(self) -> Float64s:
        """Where each column but the first begins, float64[columns - 1], ascending."""
        found = self._at(np.arange(1, self.columns) / self.columns)
        # Rounding leads past the ends of a grid without width, and back and forth in one of next to none.
        return np.maximum.accumulate(np.clip(found, self.low, self.high))

    @property
    def centres(self) -> Float64s:
        """The middle of each column, float64[columns]."""
        return self._at((np.arange(self.columns) + 0.5) / self.columns)

    def _at(self, part: Float64s) -> Float64s:
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high)
            return np.exp(low * (1 - part) + high * part)
        return self.low * (1 - part) + self.high * part

    def span(self, x: Float64s) -> tuple[int, int]:
        """Which of the ascending `x` lie within the grid: the first of them, and the one behind the last."""
        first = 0 if self.is_open[0] else int(np.searchsorted(x, self.low, "left"))
        stop = len(x) if self.is_open[1] else int(np.searchsorted(x, self.high, "right"))
        return first, max(first, stop)

    def columns_of(self, x: Float64s) -> Int64s:
        """The column of each `x` that lies within the grid."""
        return np.searchsorted(self.edges, x, "right")

    def begins(self, x: Float64s) -> Int64s:
        """Where each column begins among ascending `x` that lie within the grid, int64[columns]."""
        return np.append(0, np.searchsorted(x, self.edges, "left"))


def open_ends(window: Window, scale: Scale) -> tuple[bool, bool]:
    """Which ends of a window the lines decide: those that are not given, and a lower end that a log scale has not."""
    low, high = window
    return low is None or (scale == "log" and low <= 0), high is None


def grid_over(window: Window, extents: Iterable[tuple[float, float]], columns: int, scale: Scale) -> Grid | None:
    """The grid of a window; an open end is where the lines, of which `extents` has the lowest and highest x, end.

    None where nothing says where that is, and where a log scale has no room.
    """
    found = list(extents)
    is_open = open_ends(window, scale)
    low, high = (None if is_open[i] else end for i, end in enumerate(window))
    if not found and (low is None or high is None):
        return None
    low = min(one for one, _ in found) if low is None else low
    high = max(one for _, one in found) if high is None else high
    if low > high or (scale == "log" and low <= 0):
        return None
    return Grid(low, high, columns, scale, is_open)
