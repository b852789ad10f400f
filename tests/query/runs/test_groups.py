"""Groups, aggregates and facets as arrays: the same whatever the numbers are, and whatever the values."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.listing_model import AGGREGATES, FacetValue
from runlake.query.runs.column import MISSING, FieldColumn
from runlake.query.runs.filter import is_same
from runlake.query.runs.groups import aggregate, facet, group_runs

values = st.one_of(
    st.just(MISSING),
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([2**53 + 1, 2**53, 2**70, 0.5, 1.0, -0.0]),
    st.sampled_from(["a", "b", "1"]),
    st.sampled_from([[], [1], ["a", "a"], {"a": 1}, {"b": [1]}]),
)


@given(st.lists(values, max_size=12))
def test_cells_are_the_values_that_went_in(cells):
    column = FieldColumn(cells)
    positions = np.arange(len(cells))[::-1]
    expected = [None if value is MISSING else value for value in cells][::-1]
    found = column.cells(positions)
    assert list(map(repr, found)) == list(map(repr, expected))
    both = FieldColumn.joined(column, FieldColumn(cells[::-1])).cells(np.arange(2 * len(cells)))
    assert list(map(repr, both)) == list(map(repr, [*expected[::-1], *expected]))


@given(st.lists(values, max_size=12))
def test_runs_are_in_one_group_where_their_values_are_the_same(cells):
    column = FieldColumn(cells)
    grouping = group_runs([column], np.arange(len(cells)))
    plain = [None if value is MISSING else value for value in cells]
    for i, left in enumerate(plain):
        for j, right in enumerate(plain):
            assert (grouping.group_of[i] == grouping.group_of[j]) == is_same(left, right)
    assert sorted(grouping.first) == list(grouping.first)
    assert sum(grouping.run_counts) == len(cells)


def told(cells, *names):
    column = FieldColumn(cells)
    rows = np.arange(len(cells))
    return aggregate(column, rows, group_runs([], rows), names or AGGREGATES)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_aggregates_are_those_of_the_numbers(numbers):
    (found,) = told(numbers)
    assert (found["min"], found["max"], found["count"]) == (min(numbers), max(numbers), len(numbers))
    size = max(map(abs, numbers)) or 1.0
    for name, expected in (("mean", statistics.mean(numbers)), ("median", statistics.median(numbers))):
        assert found[name] == pytest.approx(expected, abs=1e-12 * size)
    exact = [value / size for value in numbers]
    assert found["std"] / size == pytest.approx(statistics.pstdev(exact), abs=1e-7)


def test_numbers_at_the_ends_of_what_a_float_holds_have_a_mean():
    assert told([1e308, 1e308, 1e308], "mean", "std", "median", "max") == [
        {"mean": 1e308, "std": 0.0, "median": 1e308, "max": 1e308}
    ]
    assert told([5e-324, 5e-324], "mean", "min") == [{"mean": 5e-324, "min": 5e-324}]
    assert told([0, 0.0], "mean", "std") == [{"mean": 0.0, "std": 0.0}]
    assert told([10**4000, 1], "max", "mean") == [{"max": math.inf, "mean": math.inf}]
    assert math.isnan(told([math.inf, -math.inf], "mean")[0]["mean"])


def test_what_is_no_number_has_no_part_in_aggregates():
    cells = [True, "1", None, MISSING, [1], math.nan, 3]
    assert told(cells, "count", "mean", "nan_count") == [{"count": 1, "mean": 3.0, "nan_count": 1}]
    assert told([math.nan, "x"], "count", "mean", "nan_count") == [{"count": 0, "mean": None, "nan_count": 1}]


def test_several_columns_group_together():
    one, other = FieldColumn(["a", "b", "a", "a"]), FieldColumn([1, 1, 1.0, 2])
    grouping = group_runs([one, other], np.arange(4))
    assert (grouping.group_of.tolist(), grouping.first.tolist()) == ([0, 1, 0, 2], [0, 1, 3])


def test_facets_have_the_most_frequent_first_and_say_how_many_there_are():
    column = FieldColumn(["a", ["b", "b", "a"], "b", ["b"], MISSING])
    found = facet(column, np.arange(5), limit=2)
    assert found == ([FacetValue(value="b", run_count=3), FacetValue(value="a", run_count=2)], 3)
