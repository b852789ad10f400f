"""The lines of many keys of a run at once: what their rows have in common is looked at once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from runlake.query.tiles.grid import Grid
from runlake.query.tiles.line import NOTHING, POINTS_A_COLUMN, Line, line_of
from runlake.query.tiles.points import Counts, Points
from runlake.query.tiles.question import Smoothing
from runlake.store.series import Float64s, Int64s

_VALUES_AT_ONCE = 2**19
_Matrix = npt.NDArray[np.float64]
"""A row of it for each key."""

K = TypeVar("K")


def lines_of(points: Mapping[K, Points], grid: Grid | None, smoothing: Smoothing | None = None) -> dict[K, Line]:
    """`line_of` each; keys that were logged by the same calls are drawn together."""
    if grid is None or smoothing is not None or grid.scale != "linear":
        return {key: line_of(one, grid, smoothing) for key, one in points.items()}
    found: dict[K, Line] = {}
    by_x: dict[int, list[K]] = {}
    for key, one in points.items():
        by_x.setdefault(id(one.x), []).append(key)
    for keys in by_x.values():
        x = points[keys[0]].x
        at_once = max(1, _VALUES_AT_ONCE // max(1, len(x)))
        for begin in range(0, len(keys), at_once):
            some = keys[begin : begin + at_once]
            if len(some) > 1 and len(x):
                found |= _together({key: points[key] for key in some}, x, grid)
            else:
                found |= {key: line_of(points[key], grid) for key in some}
    return {key: found[key] for key in points}


def _together(points: Mapping[K, Points], x: Float64s, grid: Grid) -> dict[K, Line]:
    """Lines over the same x; those with values that are no finite numbers are drawn one by one."""
    y = np.stack([one.y for one in points.values()])
    is_finite = np.isfinite(y.min(axis=1)) & np.isfinite(y.max(axis=1))
    if not is_finite.all():
        rest = {key: one for (key, one), plain in zip(points.items(), is_finite, strict=True) if plain}
        lines = {key: line_of(one, grid) for key, one in points.items() if key not in rest}
        return lines | (_together(rest, x, grid) if rest else {})
    first, stop = grid.span(x)
    inside = y[:, first:stop]
    ends = [place for place in (first - 1, stop) if 0 <= place < len(x)]
    found = {}
    for row, ((key, one), picks) in enumerate(zip(points.items(), _picks(x[first:stop], inside, grid), strict=True)):
        places = np.sort(np.concatenate([picks + first, np.array(ends, np.int64)])) if ends else picks + first
        row_count = stop - first
        if one.row_count is not None:
            row_count = round(one.row_count * row_count / len(x))
        found[key] = Line(
            (x[places], y[row][places]),
            None,
            NOTHING,
            one.is_exact,
            Counts(row_count, 0, 0, 0, one.unplaced_count),
            float(inside[row].min()) if stop > first else None,
            float(inside[row].max()) if stop > first else None,
            one.last,
        )
    return found


def _picks(x: Float64s, y: _Matrix, grid: Grid) -> list[Int64s]:
    """`line.m4` of each row of `y`."""
    key_count, count = y.shape
    if count <= POINTS_A_COLUMN * min(grid.columns, count // 2 + 1):
        return [np.arange(count)] * key_count
    begins = grid.begins(x)
    sizes = np.diff(begins, append=count)
    begins, sizes = begins[sizes > 0], sizes[sizes > 0]
    y = np.ascontiguousarray(y)
    starts = (np.arange(key_count)[:, None] * count + begins).reshape(-1)
    chosen = np.zeros(key_count * count, np.bool_)
    chosen[starts] = True
    chosen[starts + np.tile(sizes - 1, key_count)] = True
    for extreme in (np.minimum, np.maximum):
        wanted = np.repeat(extreme.reduceat(y, begins, axis=1), sizes, axis=1)
        hits = np.flatnonzero((y == wanted).reshape(-1))
        chosen[hits[np.searchsorted(hits, starts)]] = True
    places = np.flatnonzero(chosen)
    ends = np.searchsorted(places, np.arange(1, key_count) * count)
    return [part - row * count for row, part in enumerate(np.split(places, ends))]
