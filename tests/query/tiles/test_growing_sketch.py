"""What stands for the rows of a run that goes on: no spike is lost, no row is forgotten, and it stays small."""

import math
from itertools import pairwise

import numpy as np
import pytest

from runlake.query.tiles.growing_sketch import sketch_of
from runlake.query.tiles.points import points_of

STEPS = np.arange(100_000.0)
VALUES = np.random.default_rng(7).normal(size=len(STEPS))


def grown(pieces, least_points=200):
    ends = np.cumsum([0, *pieces])
    sketch = sketch_of(points_of(STEPS[: ends[1]], VALUES[: ends[1]]), least_points)
    for low, high in pairwise(ends[1:].tolist()):
        sketch = sketch.followed_by(points_of(STEPS[low:high], VALUES[low:high]), least_points)
    return sketch


@pytest.mark.parametrize("pieces", [[100_000], [70_000, 1, 29_999], [10] * 10_000, [20_000, *[1_000] * 80]])
def test_every_row_is_counted_and_no_extreme_is_lost_however_the_rows_came(pieces):
    sketch = grown(pieces)
    points = sketch.points()
    rows = dict(zip(STEPS.tolist(), VALUES.tolist(), strict=True))
    assert (points.row_count, points.last) == (100_000, VALUES[-1])
    assert (np.diff(points.x) > 0).all()
    assert all(rows[x] == y for x, y in zip(points.x.tolist(), points.y.tolist(), strict=True))
    thinned = VALUES[: sketch.thinned_count].reshape(-1, 256)
    drawn = set(points.y.tolist())
    assert {*thinned.min(axis=1).tolist(), *thinned.max(axis=1).tolist()} <= drawn
    assert len(points.x) < 100_000 / 128 + 8_192 + 2 * len(pieces)


def test_few_rows_stay_as_they_are():
    sketch = sketch_of(points_of(STEPS[:20_000], VALUES[:20_000]), 200)
    assert (sketch.points().is_exact, sketch.points().y.tolist()) == (True, VALUES[:20_000].tolist())


@pytest.mark.parametrize("row", [(5.0, 1.0), (200_000.0, math.nan), (200_000.0, math.inf), (math.nan, 1.0)])
def test_a_row_that_it_cannot_stand_for_is_refused(row):
    sketch = grown([100_000])
    assert sketch.followed_by(points_of(np.array([row[0]]), np.array([row[1]])), 200) is None
