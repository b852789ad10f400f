import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.plot.axis import axis_over, tick_texts
from runlake.plot.svg import thin


@given(st.lists(st.floats(), max_size=20), st.booleans(), st.booleans())
def test_an_axis_shows_every_finite_value(values, with_zero, exact):
    axis = axis_over(values, tick_count=6, with_zero=with_zero, exact=exact)
    assert math.isfinite(axis.low)
    assert math.isfinite(axis.high)
    assert axis.low < axis.high
    for value in filter(math.isfinite, values):
        assert -1e-6 <= axis.place(value) <= 1 + 1e-6
    assert all(-1e-6 <= axis.place(tick) <= 1 + 1e-6 for tick in axis.ticks)
    assert len(axis.ticks) <= 20
    assert len(axis.labels()) == len(axis.ticks)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 12, ["0", "2", "4", "6", "8", "10", "12"]),
        (0, 1.2, ["0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]),
        (-1, 1, ["−1.0", "−0.5", "0", "0.5", "1.0"]),
        (0, 15_000, ["0", "2.5k", "5.0k", "7.5k", "10.0k", "12.5k", "15.0k"]),
        (0, 3e6, ["0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M", "3.0M"]),
        (1000.0, 1000.5, ["1000.0", "1000.1", "1000.2", "1000.3", "1000.4", "1000.5"]),
        (0, 3e-7, ["0", "5e-08", "1e-07", "1.5e-07", "2e-07", "2.5e-07", "3e-07"]),
    ],
)
def test_ticks_are_written_short(low, high, texts):
    assert axis_over([low, high], tick_count=6).labels() == texts


def test_no_values_and_one_value_have_an_axis():
    assert (axis_over([], tick_count=5).low, axis_over([], tick_count=5).high) == (0, 1)
    assert axis_over([3.0], tick_count=5).place(3.0) == pytest.approx(0.5, abs=0.3)
    assert tick_texts([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_thinned_line_keeps_ends_and_extremes(seed):
    rng = np.random.default_rng(seed)
    points = list(
        zip(np.sort(rng.random(10_000) ** (seed + 1) * 700).tolist(), rng.normal(size=10_000).tolist(), strict=True)
    )
    kept = thin(points)
    assert len(kept) <= 4 * 701
    assert [kept[0], kept[-1]] == [points[0], points[-1]]
    assert min(y for _, y in kept) == min(y for _, y in points)
    assert max(y for _, y in kept) == max(y for _, y in points)


def test_a_short_line_is_not_thinned():
    points = [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]
    assert thin(points) is points
