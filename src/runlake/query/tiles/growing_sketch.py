"""Points that stand for all rows of a run that goes on: what a sealed run has its pyramid for. Pure.

Of older rows there are the lowest and the highest of each 256, of the newest all: what comes to it costs what is new,
and a million rows take as much room as eight thousand.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from runlake.query.tiles.line import extremes
from runlake.query.tiles.points import Points
from runlake.store.series import Float64s

STRETCH_ROWS = 256
_THINNED_ROWS = 32 * STRETCH_ROWS
"""So many rows are waited for before they are made fewer."""

NOTHING: Float64s = np.zeros(0)


class GrowingSketch(Struct, frozen=True):
    """`x` and `y` of points that stand for `thinned_count` rows, and the rows since as they are."""

    x: Float64s
    y: Float64s
    thinned_count: int
    rest: Points

    @property
    def row_count(self) -> int:
        return self.thinned_count + len(self.rest.x)

    def points(self) -> Points:
        """All of it, as a sketch."""
        if not self.thinned_count:
            return self.rest
        x, y = np.concatenate([self.x, self.rest.x]), np.concatenate([self.y, self.rest.y])
        return Points(x, y, 0, self.rest.last, self.row_count)

    def followed_by(self, newer: Points, least_points: int) -> GrowingSketch | None:
        """With rows that come behind, made fewer where `least_points` are left.

        None where a sketch cannot stand for them: x goes back, rows have no place, or values are no finite numbers.
        """
        if not len(newer.x) and not newer.unplaced_count:
            return self
        last_x = self.rest.x if len(self.rest.x) else self.x
        goes_back = bool(len(newer.x) and len(last_x) and newer.x[0] < last_x[-1])
        if newer.unplaced_count or goes_back or not np.isfinite(newer.y).all():
            return None
        grown = GrowingSketch(self.x, self.y, self.thinned_count, self.rest.followed_by(newer))
        return grown._thinned() if 2 * grown.row_count >= least_points * STRETCH_ROWS else grown

    def _thinned(self) -> GrowingSketch:
        """Made of fewer points, whole stretches of 256 at a time."""
        count = len(self.rest.x) // STRETCH_ROWS * STRETCH_ROWS
        if count < _THINNED_ROWS:
            return self
        begins = np.arange(0, count, STRETCH_ROWS)
        found = extremes(self.rest.y[:count], begins, np.full(len(begins), STRETCH_ROWS))
        picks = np.unique(np.concatenate([[0], *found]) if not len(self.x) else np.concatenate(found))
        return GrowingSketch(
            np.concatenate([self.x, self.rest.x[picks]]),
            np.concatenate([self.y, self.rest.y[picks]]),
            self.thinned_count + count,
            Points(self.rest.x[count:].copy(), self.rest.y[count:].copy(), last=self.rest.last),
        )


def sketch_of(points: Points, least_points: int) -> GrowingSketch | None:
    """A sketch of the rows so far; None where none can stand for them."""
    begin = GrowingSketch(NOTHING, NOTHING, 0, Points(NOTHING, NOTHING))
    return begin.followed_by(points, least_points)
