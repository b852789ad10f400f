"""What is drawn of a line: no spike is lost, nothing is made up, and all rows are accounted for."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runlake.query.tiles.grid import Grid, grid_over
from runlake.query.tiles.line import line_of
from runlake.query.tiles.points import Counts, points_of
from runlake.query.tiles.question import Smoothing

numbers = st.one_of(
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e308, -1e308, 5e-324]),
    st.integers(-5, 5).map(float),
)
rows = st.lists(st.tuples(st.one_of(st.integers(0, 50).map(float), st.floats()), numbers), max_size=250)
ends = st.one_of(st.none(), st.floats(-10, 60))


def grid_of(x, window, columns, scale="linear"):
    points = points_of(np.array(x, float), np.zeros(len(x)))
    extent = points.extent(scale)
    return grid_over(window, [extent] if extent else [], columns, scale)


def drawn(line):
    return list(zip(*(array.tolist() for array in line), strict=True))


@given(rows, ends, ends, st.integers(1, 30), st.sampled_from(["linear", "log"]))
def test_first_lowest_highest_and_last_of_each_column_are_drawn_and_all_rows_are_counted(
    rows, one, other, columns, scale
):
    window = (one, other) if one is None or other is None or one <= other else (other, one)
    grid = grid_of([x for x, _ in rows], window, columns, scale)
    line = line_of(points_of(np.array([x for x, _ in rows]), np.array([y for _, y in rows])), grid)
    placed = [(x, y) for x, y in rows if math.isfinite(x) and (scale == "linear" or x > 0)]
    if grid is None:
        assert line.counts.row_count == 0
        assert line.counts.unplaced_count == len(rows)
        assert drawn(line.line) == []
        return
    placed.sort(key=lambda row: row[0])
    low, high = (-math.inf if window[0] is None else window[0]), (math.inf if window[1] is None else window[1])
    inside = [(x, y) for x, y in placed if low <= x <= high]
    finite = [(x, y) for x, y in inside if math.isfinite(y)]
    points = [(x, y) for x, y in drawn(line.line) if not math.isnan(y)]

    kinds = [
        sum(math.isnan(y) for _, y in inside),
        sum(y == math.inf for _, y in inside),
        sum(y == -math.inf for _, y in inside),
    ]
    assert line.counts == Counts(len(inside), *kinds, len(rows) - len(placed))
    assert line.lowest == min((y for _, y in finite), default=None)
    assert line.highest == max((y for _, y in finite), default=None)
    assert line.last == (rows[-1][1] if rows else None) or math.isnan(line.last)

    assert set(points) <= set(placed)
    assert [x for x, _ in drawn(line.line)] == sorted(x for x, _ in drawn(line.line))
    by_column = {}
    for x, y in finite:
        by_column.setdefault(int(np.searchsorted(grid.edges, x, "right")), []).append((x, y))
    for mine in by_column.values():
        values = [y for _, y in mine]
        there = [(x, y) for x, y in points if mine[0][0] <= x <= mine[-1][0]]
        assert {mine[0], mine[-1]} <= set(there)
        assert {min(values), max(values)} <= {y for _, y in there}
    outside = [x for x, _ in points if not low <= x <= high]
    assert len([x for x in outside if x < low]) <= 1
    assert len([x for x in outside if x > high]) <= 1
    marks = drawn(line.marks)
    assert {kind for _, kind in marks} == {kind for kind, count in enumerate(kinds) if count}
    columns_of_marks = [(kind, int(np.searchsorted(grid.edges, x, "right"))) for x, kind in marks]
    assert len(columns_of_marks) == len(set(columns_of_marks))


def line(y, *, x=None, window=(None, None), columns=10, scale="linear", smoothing=None):
    x = np.arange(len(y), dtype=float) if x is None else np.array(x, float)
    return line_of(points_of(x, np.array(y)), grid_of(x, window, columns, scale), smoothing)


def test_few_rows_are_drawn_as_they_are():
    assert drawn(line([3.0, 1.0, 2.0]).line) == [(0.0, 3.0), (1.0, 1.0), (2.0, 2.0)]


def test_a_spike_among_a_million_rows_is_drawn():
    y = np.zeros(1_000_000)
    y[543_210], y[654_321] = 7.0, -7.0
    points = drawn(line(y, columns=500).line)
    assert (543_210.0, 7.0) in points
    assert (654_321.0, -7.0) in points
    assert len(points) <= 4 * 500


def test_a_value_that_is_no_number_is_a_gap_and_a_mark():
    one = line([1.0, math.nan, math.nan, 2.0, math.inf])
    np.testing.assert_array_equal(one.line, ([0.0, 1.0, 3.0], [1.0, math.nan, 2.0]))
    assert drawn(one.marks) == [(1.0, 0.0), (2.0, 0.0), (4.0, 1.0)]


def test_a_line_of_nothing_but_nan_is_marked_and_counted():
    one = line([math.nan] * 100)
    assert (drawn(one.line), one.counts.nan_count, one.counts.row_count, len(drawn(one.marks))) == ([], 100, 100, 10)
    assert (one.lowest, one.highest) == (None, None)


def test_rows_that_go_back_are_drawn_by_x_and_of_one_x_in_reading_order():
    one = line([1.0, 2.0, 3.0, 4.0], x=[5.0, 1.0, 1.0, 3.0])
    assert drawn(one.line) == [(1.0, 2.0), (1.0, 3.0), (3.0, 4.0), (5.0, 1.0)]


def test_a_window_between_two_rows_has_the_line_from_one_to_the_other():
    one = line([1.0, 9.0], window=(0.25, 0.75))
    assert (drawn(one.line), one.counts.row_count) == ([(0.0, 1.0), (1.0, 9.0)], 0)


def test_a_smooth_line_has_the_rows_behind_it():
    y = np.zeros(10_000)
    y[5000] = 100.0
    one = line(y, columns=50, smoothing=Smoothing(kind="ema", amount=0.99))
    assert (5000.0, 100.0) in drawn(one.raw)
    assert 0 < max(value for _, value in drawn(one.line)) < 2


def test_large_integers_are_drawn_as_the_floats_next_to_them():
    assert drawn(line([2**62, -(2**62) + 1, 2**53 + 1]).line) == [(0.0, 2.0**62), (1.0, -(2.0**62)), (2.0, 2.0**53)]


def test_one_point_and_values_at_the_ends_of_floats_have_a_grid():
    assert drawn(line([1e308]).line) == [(0.0, 1e308)]
    assert drawn(line([1.0, 2.0], x=[-1.7e308, 1.7e308]).line) == [(-1.7e308, 1.0), (1.7e308, 2.0)]


def test_a_sketch_says_so_and_tells_how_many_rows_it_stands_for():
    points = points_of(np.arange(10), np.arange(10), row_count=1000)
    one = line_of(points, Grid(0.0, 4.0, 3))
    assert (one.is_exact, one.counts.row_count) == (False, 500)
