"""Lines of groups: what many runs have on one grid, each of them counted wherever it has rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from runlake.query.tiles.grid import Grid
from runlake.query.tiles.line import NOTHING, Polyline, finite_places, marks_of, one_a_column
from runlake.query.tiles.points import Counts, Points
from runlake.query.tiles.question import Aggregate, Smoothing
from runlake.query.tiles.smoothing import smoothed
from runlake.store.series import Float64s, Int64s

QUANTILES = (0.25, 0.75)


class RunColumns(Struct, frozen=True):
    """What one run has in each column, float64[columns], NaN where nothing: the mean of its finite values there,
    smoothed and not, the lowest and the highest of them (not smoothed). `marks` are those of its line.

    A column without rows that lies between two with rows has the value on the straight line between their means, at
    the middles of the columns: a run that logs seldom counts as far as it goes. Before the first and behind the last
    column with rows there is nothing.
    """

    mean: Float64s
    smooth: Float64s
    lowest: Float64s
    highest: Float64s
    marks: Polyline
    counts: Counts
    last: float | None

    @property
    def size_bytes(self) -> int:
        return 4 * self.mean.nbytes + 2 * self.marks[0].nbytes


class GroupLine(Struct, frozen=True):
    """What is drawn of a group, at the middles of the columns in which some run has a value.

    `raw` is the line of what was not smoothed, behind a smooth `line`; `band` x, low, high; `run_counts` float64[n] of
    how many runs each point is made of.
    """

    line: Polyline
    raw: Polyline | None
    band: tuple[Float64s, Float64s, Float64s] | None
    run_counts: Float64s
    marks: Polyline
    lowest: float | None
    highest: float | None


def columns_of_run(points: Points, grid: Grid, smoothing: Smoothing | None = None) -> RunColumns:
    """What a run has on the grid; smoothing goes over all of its rows first."""
    points = points.placed_on(grid.scale)
    x, y = points.x, points.y
    finite = finite_places(y)
    smooth = y if smoothing is None else smoothed(x, y, finite, smoothing)
    first, stop = grid.span(x)
    mine = y[first:stop]
    marks, kinds = (NOTHING, (0, 0, 0)) if finite is None else marks_of(x[first:stop], mine, grid)
    if finite is None:
        x, y, smooth = x[first:stop], mine, smooth[first:stop]
    else:
        finite = finite[np.searchsorted(finite, first) : np.searchsorted(finite, stop)]
        x, y, smooth = x[finite], y[finite], smooth[finite]
    begins = grid.begins(x)
    used = np.flatnonzero(np.diff(np.append(begins, len(x))))
    begins = begins[used]
    sizes = np.diff(np.append(begins, len(x)))
    mean = _between(used, _means(y, begins, sizes), grid.columns)
    return RunColumns(
        mean,
        mean if smoothing is None else _between(used, _means(smooth, begins, sizes), grid.columns),
        _between(used, np.minimum.reduceat(y, begins) if len(used) else y, grid.columns),
        _between(used, np.maximum.reduceat(y, begins) if len(used) else y, grid.columns),
        marks,
        Counts(stop - first, *kinds, points.unplaced_count),
        points.last,
    )


def _means(y: Float64s, begins: Int64s, sizes: Int64s) -> Float64s:
    """The mean of each stretch; the sum of large numbers is not larger than floats can be."""
    if not len(begins):
        return y[:0]
    with np.errstate(over="ignore"):
        means = np.add.reduceat(y, begins) / sizes
    if not np.isfinite(means).all():
        means = np.add.reduceat(y / np.repeat(sizes, sizes), begins)
    found: Float64s = means
    return found


def _between(used: Int64s, values: Float64s, column_count: int) -> Float64s:
    """Values of the columns that are used, and those on the straight lines between them."""
    columns = np.full(column_count, np.nan)
    if len(used):
        first, last = int(used[0]), int(used[-1])
        columns[first : last + 1] = np.interp(np.arange(first, last + 1), used, values)
    return columns


def group_line(runs: Sequence[RunColumns], grid: Grid, aggregate: Aggregate, *, is_smooth: bool) -> GroupLine:
    """The line and band of the runs of a group; every run counts in each column where it has a value.

    A line of ``min`` or ``max`` and a band of ``minmax`` are of the rows themselves, so no spike of any run is lost;
    the others are over the runs' (smoothed) means: ``std`` is the standard deviation of the runs on either side of
    their mean (divided by n), ``stderr`` that divided by √n, ``quantiles`` the first and the third quartile.
    """
    means = np.stack([run.smooth for run in runs])
    run_counts = np.isfinite(means).sum(axis=0)
    used = np.flatnonzero(run_counts)
    x, means, run_counts = grid.centres[used], means[:, used], run_counts[used].astype(np.float64)
    lowest = np.fmin.reduce([run.lowest for run in runs])[used]
    highest = np.fmax.reduce([run.highest for run in runs])[used]
    line = _line(aggregate, means, lowest, highest)
    mark_x, mark_kinds = zip(*(run.marks for run in runs), strict=True)
    raw = None
    if is_smooth:
        raw = (x, _line(aggregate, np.stack([run.mean for run in runs])[:, used], lowest, highest))
    return GroupLine(
        (x, line),
        raw,
        None if aggregate.band is None else (x, *_band(aggregate, means, run_counts, lowest, highest)),
        run_counts,
        one_a_column(np.concatenate(mark_x), np.concatenate(mark_kinds), grid),
        float(lowest.min()) if len(used) else None,
        float(highest.max()) if len(used) else None,
    )


def _line(aggregate: Aggregate, means: Float64s, lowest: Float64s, highest: Float64s) -> Float64s:
    if aggregate.line == "min":
        return lowest
    if aggregate.line == "max":
        return highest
    if not means.shape[1]:
        return lowest
    found: Float64s = np.nanmedian(means, axis=0) if aggregate.line == "median" else _mean(means)
    return found


def _mean(means: Float64s) -> Float64s:
    with np.errstate(over="ignore"):
        found: Float64s = np.nanmean(means, axis=0)
    if not np.isfinite(found).all():
        found = np.nansum(means / np.isfinite(means).sum(axis=0), axis=0)
    return found


def _band(
    aggregate: Aggregate, means: Float64s, run_counts: Float64s, lowest: Float64s, highest: Float64s
) -> tuple[Float64s, Float64s]:
    if aggregate.band == "minmax":
        return lowest, highest
    if not means.shape[1]:
        return means[0], means[0]
    if aggregate.band == "quantiles":
        low, high = np.nanquantile(means, QUANTILES, axis=0)
        return low, high
    middle = _mean(means)
    largest = np.maximum(np.nanmax(np.abs(means - middle), axis=0), 1e-300)
    deviation = largest * np.sqrt(np.nanmean(((means - middle) / largest) ** 2, axis=0))
    if aggregate.band == "stderr":
        deviation = deviation / np.sqrt(run_counts)
    return middle - deviation, middle + deviation
