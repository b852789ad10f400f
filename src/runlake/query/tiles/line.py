"""One line as a chart draws it: of each column the first, the lowest, the highest and the last point (M4).

What a column of pixels shows of a line drawn through all points, it shows of one drawn through these: nothing is made
up, and no spike is lost. Values that are no finite numbers are gaps in the line, marked and counted.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from runlake.query.tiles.grid import Grid
from runlake.query.tiles.points import Counts, Points
from runlake.query.tiles.question import Smoothing
from runlake.query.tiles.smoothing import smoothed
from runlake.store.series import Float64s, Int64s

NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY = 0, 1, 2
"""Kinds of marks."""

POINTS_A_COLUMN = 4

Polyline = tuple[Float64s, Float64s]
"""x ascending, y; NaN is a gap."""

NOTHING: Polyline = (np.zeros(0), np.zeros(0))


class Line(Struct, frozen=True):
    """What is drawn of one key: `line`, `raw` (the rows behind a smooth line), `marks` (x and kinds, one of a kind a
    column), and what is said of it. Counts, `lowest` and `highest` are of the rows within the grid.

    The line goes on to the nearest finite row beyond either end, so that it leaves the chart where it should.
    """

    line: Polyline
    raw: Polyline | None
    marks: Polyline
    is_exact: bool
    counts: Counts
    lowest: float | None
    highest: float | None
    last: float | None

    @property
    def size_bytes(self) -> int:
        parts = [self.line, self.marks, *([self.raw] if self.raw else [])]
        return sum(array.nbytes for part in parts for array in part)


def line_of(points: Points, grid: Grid | None, smoothing: Smoothing | None = None) -> Line:
    """The line of some points on a grid; without a grid there is no room, and no row is placed."""
    if grid is None:
        counts = Counts(unplaced_count=points.unplaced_count + len(points.x))
        return Line(NOTHING, NOTHING if smoothing else None, NOTHING, True, counts, None, None, points.last)
    points = points.placed_on(grid.scale)
    x, y = points.x, points.y
    first, stop = grid.span(x)
    finite = finite_places(y)
    marks, kinds = (NOTHING, (0, 0, 0)) if finite is None else marks_of(x[first:stop], y[first:stop], grid)
    raw = polyline(x, y, finite, grid)
    line = raw if smoothing is None else polyline(x, smoothed(x, y, finite, smoothing), finite, grid)
    mine = y[first:stop]
    if finite is not None:
        mine = mine[np.isfinite(mine)]
    row_count = stop - first
    if points.row_count is not None and len(x):
        row_count = round(points.row_count * row_count / len(x))
    return Line(
        line,
        None if smoothing is None else raw,
        marks,
        points.is_exact,
        Counts(row_count, *kinds, points.unplaced_count),
        float(mine.min()) if len(mine) else None,
        float(mine.max()) if len(mine) else None,
        points.last,
    )


def finite_places(y: Float64s) -> Int64s | None:
    """Where the finite values stand; None where all are finite."""
    if not len(y) or (np.isfinite(y.min()) and np.isfinite(y.max())):
        return None
    return np.flatnonzero(np.isfinite(y))


def polyline(x: Float64s, y: Float64s, finite: Int64s | None, grid: Grid) -> Polyline:
    """First, lowest, highest and last of each column, and one point beyond each end, with gaps where values are none.

    `finite` are the places of the finite values, None for all. Of equals the earliest is taken.
    """
    all_x = x
    if finite is not None:
        x, y = x[finite], y[finite]
    first, stop = grid.span(x)
    picks = first + m4(x[first:stop], y[first:stop], grid)
    if first > 0:
        picks = np.append(first - 1, picks)
    if stop < len(x):
        picks = np.append(picks, stop)
    if finite is None:
        return x[picks], y[picks]
    # A gap between two points that are neighbours among the finite ones, and not among all.
    places = finite[picks]
    is_gap = (np.diff(picks) == 1) & (np.diff(places) > 1)
    gaps = np.flatnonzero(is_gap) + 1
    return np.insert(x[picks], gaps, all_x[places[gaps - 1] + 1]), np.insert(y[picks], gaps, np.nan)


def m4(x: Float64s, y: Float64s, grid: Grid) -> Int64s:
    """Places of the first, the lowest, the highest and the last point of each column, ascending.

    `x` is ascending and within the grid, `y` finite. As few points as the columns could hold are all taken.
    """
    count = len(x)
    if count <= POINTS_A_COLUMN * min(grid.columns, count // 2 + 1):
        return np.arange(count)
    begins = grid.begins(x)
    sizes = np.diff(begins, append=count)
    begins, sizes = begins[sizes > 0], sizes[sizes > 0]
    lowest, highest = extremes(y, begins, sizes)
    chosen = np.zeros(count, np.bool_)
    for picks in (begins, begins + sizes - 1, lowest, highest):
        chosen[picks] = True
    return np.flatnonzero(chosen)


def extremes(y: Float64s, begins: Int64s, sizes: Int64s) -> tuple[Int64s, Int64s]:
    """Where the lowest and the highest of each stretch of `y` stand, the earliest of equals; no stretch is empty."""
    return (
        _first_equal(y, np.minimum.reduceat(y, begins), begins, sizes),
        _first_equal(y, np.maximum.reduceat(y, begins), begins, sizes),
    )


def _first_equal(y: Float64s, wanted: Float64s, begins: Int64s, sizes: Int64s) -> Int64s:
    """The first place in each stretch whose value is the one that is wanted there."""
    hits = np.flatnonzero(y == np.repeat(wanted, sizes))
    return hits[np.searchsorted(hits, begins)]


def marks_of(x: Float64s, y: Float64s, grid: Grid) -> tuple[Polyline, tuple[int, int, int]]:
    """Where values are no finite numbers, one mark of a kind a column, and how many there are of each kind."""
    places = np.flatnonzero(~np.isfinite(y))
    values = y[places]
    kinds = np.where(np.isnan(values), NAN, np.where(values > 0, POSITIVE_INFINITY, NEGATIVE_INFINITY))
    counts = np.bincount(kinds, minlength=3).tolist()
    return one_a_column(x[places], kinds.astype(np.float64), grid), (counts[0], counts[1], counts[2])


def one_a_column(x: Float64s, kinds: Float64s, grid: Grid) -> Polyline:
    """Of marks in any order the first of each kind in each column, ascending."""
    order = np.lexsort((kinds, x))
    x, kinds = x[order], kinds[order]
    _, firsts = np.unique(grid.columns_of(x) * 3 + kinds.astype(np.int64), return_index=True)
    firsts.sort()
    return x[firsts], kinds[firsts]
