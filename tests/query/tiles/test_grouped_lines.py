"""Lines of groups: every run counts in each column, and no spike is lost in a band of extremes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.query.tiles.grid import Grid
from runlake.query.tiles.groups import columns_of_run, group_line
from runlake.query.tiles.points import Counts, points_of
from runlake.query.tiles.question import Aggregate, Smoothing

GRID = Grid(0.0, 10.0, 5)  # columns of two


def columns(y, x=None, smoothing=None, grid=GRID):
    return columns_of_run(points_of(np.array(np.arange(len(y)) if x is None else x), np.array(y)), grid, smoothing)


def group(*runs, line="mean", band=None, is_smooth=False, grid=GRID):
    return group_line(runs, grid, Aggregate(line=line, band=band), is_smooth=is_smooth)


def test_a_run_has_its_mean_in_each_column():
    one = columns([1.0, 3.0, 5.0, 7.0])
    np.testing.assert_array_equal(one.mean, [2.0, 6.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(one.lowest, [1.0, 5.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(one.highest, [3.0, 7.0, np.nan, np.nan, np.nan])


def test_a_run_that_logs_seldom_counts_as_far_as_it_goes():
    np.testing.assert_array_equal(columns([2.0, 8.0], x=[0.0, 7.0]).mean, [2.0, 4.0, 6.0, 8.0, np.nan])


@given(st.floats(1e-300, 1e300), st.integers(0, 3), st.integers(1, 700), st.sampled_from(["linear", "log"]))
def test_columns_of_a_grid_with_next_to_no_width_ascend_and_stay_in_it(low, ulp_count, column_count, scale):
    high = low
    for _ in range(ulp_count):
        high = float(np.nextafter(high, np.inf))
    edges = Grid(low, high, column_count, scale).edges
    assert edges.tolist() == sorted(edges.tolist())
    assert all(low <= edge <= high for edge in edges)


def test_a_key_that_was_logged_at_one_step_has_its_mean_there():
    one = columns([7.0, 9.0], x=[5.0, 5.0], grid=Grid(5.0, 5.0, 500))
    assert one.mean[np.isfinite(one.mean)].tolist() == [8.0]


def test_values_that_are_no_numbers_are_counted_and_left_out():
    one = columns([np.nan, 1.0, np.inf, -np.inf, 5.0])
    assert one.counts == Counts(5, 1, 1, 1, 0)
    np.testing.assert_array_equal(one.mean, [1.0, 3.0, 5.0, np.nan, np.nan])


def test_marks_of_all_runs_are_those_of_their_group_one_of_a_kind_a_column():
    nan, inf = np.nan, np.inf
    found = group(columns([1.0, nan, nan, inf]), columns([nan, nan, -inf, -inf]), columns([1.0]))
    np.testing.assert_array_equal(found.marks, ([0.0, 2.0, 2.0, 3.0], [0.0, 0.0, 2.0, 1.0]))


def test_every_run_counts_where_it_has_rows():
    found = group(columns([1.0] * 10), columns([2.0] * 4), columns([6.0] * 2))
    np.testing.assert_array_equal(found.line, ([1.0, 3.0, 5.0, 7.0, 9.0], [3.0, 1.5, 1.0, 1.0, 1.0]))
    assert found.run_counts.tolist() == [3, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("line", "band", "expected", "low", "high"),
    [
        ("mean", "std", 4.0, 4 - np.sqrt(7.5), 4 + np.sqrt(7.5)),
        ("median", "stderr", 3.5, 4 - np.sqrt(7.5) / 2, 4 + np.sqrt(7.5) / 2),
        ("mean", "quantiles", 4.0, 1.75, 5.75),
        ("min", "minmax", 1.0, 1.0, 8.0),
        ("max", "minmax", 8.0, 1.0, 8.0),
    ],
)
def test_lines_and_bands(line, band, expected, low, high):
    found = group(*(columns([value]) for value in (1.0, 2.0, 5.0, 8.0)), line=line, band=band)
    np.testing.assert_allclose(found.line, ([1.0], [expected]))
    np.testing.assert_allclose(found.band, ([1.0], [low], [high]))
    assert (found.lowest, found.highest) == (1.0, 8.0)


def test_a_spike_of_one_run_is_in_the_band_of_extremes_also_of_smooth_lines():
    y = np.zeros(1000)
    y[500] = 50.0
    grid, ema = Grid(0.0, 999.0, 20), Smoothing(kind="ema", amount=0.9)
    runs = [columns(y, smoothing=ema, grid=grid), *(columns(np.zeros(1000), smoothing=ema, grid=grid) for _ in "ab")]
    found = group(*runs, band="minmax", is_smooth=True, grid=grid)
    assert found.band[2].max() == 50.0
    assert found.line[1].max() < 1.0
    assert found.raw[1].max() == pytest.approx(50.0 / 50 / 3)


def test_a_group_without_a_finite_value_has_no_line():
    found = group(columns([np.nan]), columns([]), band="std", is_smooth=True)
    assert [len(part) for part in (*found.line, *found.raw, *found.band)] == [0] * 7
    assert (found.lowest, found.highest) == (None, None)


def test_the_largest_numbers_have_a_mean_and_a_band():
    found = group(columns([1.7e308, 1.7e308]), columns([1.7e308]), band="std")
    np.testing.assert_allclose(found.line[1], [1.7e308])
    assert np.isfinite(found.band).all()


@given(st.lists(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), min_size=1, max_size=6))
def test_the_mean_of_a_group_lies_between_its_extremes(runs):
    grid = Grid(0.0, 29.0, 7)
    found = group(*(columns(y, grid=grid) for y in runs), band="minmax", grid=grid)
    slack = 1e-6 + 1e-12 * np.abs(found.line[1])
    assert (found.band[1] - slack <= found.line[1]).all()
    assert (found.line[1] <= found.band[2] + slack).all()
    assert (found.lowest, found.highest) == (min(map(min, runs)), max(map(max, runs)))
