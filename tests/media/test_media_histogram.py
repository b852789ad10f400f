import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError
from runlake.media.histogram import Histogram
from runlake.media.read import read_media
from runlake.values import flatten, unflatten


def stored(histogram, files):
    return histogram.stored(files.write, "h", 0)


def same(left, right):
    """Equal with types, NaN equal to NaN."""
    return repr(left) == repr(right)


def test_values_are_counted_into_equal_bins(files):
    assert stored(Histogram([0, 1, 1, 4], num_bins=4), files) == {
        "_type": "histogram",
        "values": [1, 2, 0, 1],
        "bins": [0.0, 1.0, 2.0, 3.0, 4.0],
    }
    assert files == {}


def test_there_are_64_bins_unless_told_otherwise():
    histogram = Histogram(np.random.default_rng(0).normal(size=1000))
    assert (len(histogram.histogram), len(histogram.bins), sum(histogram.histogram)) == (64, 65, 1000)


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2, 3],
        (0.0, 1.0, 2.0, 3.0),
        range(4),
        iter([0, 1, 2, 3]),
        {0, 1, 2, 3},
        np.arange(4, dtype=np.int8),
        np.arange(4, dtype=np.float16).reshape(2, 2),
        [[0, 1], [2, 3]],
        [np.float32(0), 1, np.int64(2), 3.0],
    ],
    ids=lambda values: type(values).__name__,
)
def test_anything_with_numbers_can_be_counted(values):
    histogram = Histogram(values, num_bins=2)
    assert (histogram.histogram, histogram.bins) == ([2, 2], [0.0, 1.5, 3.0])


def test_booleans_count_as_zero_and_one():
    assert Histogram([True, False, True], num_bins=2).histogram == [1, 2]


def test_no_values_are_empty_bins_over_zero_to_one():
    histogram = Histogram([], num_bins=2)
    assert (histogram.histogram, histogram.bins) == ([0, 0], [0.0, 0.5, 1.0])


def test_one_value_lies_in_the_middle():
    histogram = Histogram([7, 7], num_bins=2)
    assert (histogram.histogram, histogram.bins) == ([0, 2], [6.5, 7.0, 7.5])
    assert Histogram(7, num_bins=2).histogram == [0, 1]


def test_values_that_are_not_finite_are_counted_apart(files):
    histogram = Histogram([0.0, math.nan, 1.0, math.inf, -math.inf, math.nan], num_bins=2)
    assert stored(histogram, files) == {
        "_type": "histogram",
        "values": [1, 1],
        "bins": [0.0, 0.5, 1.0],
        "nan_count": 2,
        "inf_count": 2,
    }
    again = read_media(stored(histogram, files), files.open)
    assert (again.nan_count, again.inf_count) == (2, 2)


@pytest.mark.parametrize(
    "values",
    [
        [1.7976931348623157e308, -1.7976931348623157e308],
        [1.7976931348623157e308] * 3,
        [1e16, 1e16 + 2],
        [2**62, 2**62 + 1],
        [0.0, 5e-324],
        [-5e-324, 0.0],
        [1e-320] * 2,
    ],
)
def test_extreme_values_get_finite_ascending_edges(values):
    histogram = Histogram(values, num_bins=512)
    assert sum(histogram.histogram) == len(values)
    assert np.isfinite(histogram.bins).all()
    assert (np.diff(np.asarray(histogram.bins) / 2) >= 0).all()


@given(st.lists(st.floats(width=64)), st.integers(1, 512))
def test_every_value_is_counted_once(values, bin_count):
    histogram = Histogram(values, num_bins=bin_count)
    assert sum(histogram.histogram) + histogram.nan_count + histogram.inf_count == len(values)
    assert (len(histogram.histogram), len(histogram.bins)) == (bin_count, bin_count + 1)
    assert np.isfinite(histogram.bins).all()


def test_a_histogram_of_numpy_is_kept_as_given(files):
    counts, edges = np.histogram([1, 2, 2, 3], bins=3)
    assert stored(Histogram(np_histogram=(counts, edges)), files) == {
        "_type": "histogram",
        "values": counts.tolist(),
        "bins": edges.tolist(),
    }


def test_densities_stay_floats():
    histogram = Histogram(np_histogram=np.histogram([1, 2], bins=2, density=True))
    assert same(histogram.histogram, [1.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "neither values nor np_histogram"),
        ({"sequence": [1], "num_bins": 513}, "513 bins was asked for; give a whole number from 1 to 512"),
        ({"sequence": [1], "num_bins": 0}, "0 bins was asked for"),
        ({"sequence": [1], "num_bins": 2.5}, "2.5 bins was asked for"),
        ({"np_histogram": ([1, 2], [0, 1])}, "2 counts and 2 edges"),
        ({"np_histogram": ([1],)}, "1 parts"),
        ({"np_histogram": ([0] * 513, range(514))}, "513 bins; the limit is 512"),
        ({"np_histogram": (["a"], [0, 1])}, "holds 'a'"),
        ({"np_histogram": ([[1]], [0, 1])}, r"holds \[1\]"),
        ({"sequence": ["1", "2"]}, "real numbers"),
        ({"sequence": [1j]}, "real numbers"),
        ({"sequence": [1, "x"]}, "real numbers"),
        ({"sequence": [object()]}, "not all numbers"),
        ({"sequence": [[1, 2], [3]]}, "not all numbers"),
        ({"sequence": [10**400]}, "not all numbers"),
        ({"sequence": "12"}, "real numbers"),
    ],
)
def test_what_is_no_histogram_is_refused(arguments, message):
    with pytest.raises(BadValueError, match=message):
        Histogram(**arguments)


NUMBERS = st.floats(width=64) | st.integers(-(2**100), 2**100)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20), NUMBERS)
def test_a_histogram_comes_back_as_it_went_in(pairs, last):
    counts, edges = [a for a, _ in pairs], [b for _, b in pairs] + [last]
    histogram = Histogram(np_histogram=(counts, edges))
    row = unflatten(flatten({"h": histogram.stored(None, "h", 0)}).items())
    again = read_media(row["h"], None)
    assert same((again.histogram, again.bins), (counts, edges))


def test_the_notebook_shows_bars_without_scripts():
    html = Histogram([0, 0, 1, math.nan], num_bins=2)._repr_html_()
    assert html.count("<rect") == 2
    assert "0 to 1, highest bin 2, 1 NaN" in html
    assert "<script" not in html


def test_a_histogram_says_what_it_is():
    assert repr(Histogram([0, 1], num_bins=2)) == "Histogram(2 bins from 0 to 1)"
    assert "<svg" in Histogram(np_histogram=([math.nan], [0, math.inf]))._repr_html_()
