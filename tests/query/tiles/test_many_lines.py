"""Keys that were logged together are drawn as each of them is drawn alone."""

import math

import numpy as np
import pytest
from msgspec.structs import asdict

from runlake.query.tiles.grid import Grid
from runlake.query.tiles.line import line_of
from runlake.query.tiles.many_lines import lines_of
from runlake.query.tiles.points import Points, points_of
from runlake.query.tiles.question import Smoothing

CHANCE = np.random.default_rng(7)
X = np.cumsum(CHANCE.integers(0, 3, 2_000)).astype(float)
ROWS = {
    "noise": CHANCE.normal(size=len(X)),
    "steps": np.round(CHANCE.normal(size=len(X))),
    "flat": np.zeros(len(X)),
    "gap": np.where(np.arange(len(X)) == 700, math.nan, 1.0),
    "large": np.where(np.arange(len(X)) == 900, 1e308, -1e308),
}
GRIDS = [
    Grid(X[0], X[-1], 100, is_open=(True, True)),
    Grid(300.5, 900.0, 37),
    Grid(300.0, 300.0, 10),
    Grid(-20.0, -10.0, 10),
    Grid(X[0], X[-1], 4_000),
    Grid(1.0, X[-1], 100, "log"),
]


def plain(line):
    return {
        name: [part.tolist() for part in value] if isinstance(value, tuple) else value
        for name, value in asdict(line).items()
    }


def same(points, grid, smoothing=None):
    together = lines_of(points, grid, smoothing)
    alone = {key: line_of(one, grid, smoothing) for key, one in points.items()}
    assert list(together) == list(points)
    np.testing.assert_equal({key: plain(one) for key, one in together.items()}, {k: plain(v) for k, v in alone.items()})


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
@pytest.mark.parametrize("smoothing", [None, Smoothing(kind="ema", amount=0.9)])
def test_keys_of_the_same_rows(grid, smoothing):
    same({key: Points(X, y, last=float(y[-1])) for key, y in ROWS.items()}, grid, smoothing)


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_keys_of_other_rows_beside_them_and_sketches(grid):
    points = {key: Points(X, y, row_count=len(X) * 9) for key, y in ROWS.items() if key not in ("gap", "large")}
    points["seldom"] = points_of(X[::7], ROWS["noise"][::7])
    points["nothing"] = points_of(X[:0], X[:0])
    same(points, grid)


def test_very_many_rows_are_drawn_some_keys_at_a_time():
    x = np.arange(300_000.0)
    same({f"key{n}": Points(x, CHANCE.normal(size=len(x))) for n in range(3)}, Grid(0.0, 299_999.0, 400))


def test_without_a_grid_no_row_is_placed():
    same({key: Points(X, y) for key, y in ROWS.items()}, None)
