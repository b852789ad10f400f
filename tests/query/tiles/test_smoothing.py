"""Smoothing as its formulas say, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.query.tiles.question import Smoothing
from runlake.query.tiles.smoothing import ema, gaussian, running_mean, smoothed

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300).map(np.array)
close = {"rtol": 1e-9, "atol": 1e-9}


def ema_in_a_loop(x, y, amount):
    apart = np.diff(x)[np.diff(x) > 0]
    typical = np.median(apart) if len(apart) else 1.0
    sums, weights, found = 0.0, 0.0, []
    for i, value in enumerate(y):
        decay = amount ** ((x[i] - x[i - 1]) / typical) if i else 0.0
        sums, weights = sums * decay + value, weights * decay + 1
        found.append(sums / weights)
    return np.array(found)


@given(values, st.floats(0.001, 0.999), st.randoms())
def test_an_ema_is_what_a_loop_over_the_rows_gives(y, amount, random):
    uneven = np.cumsum([random.choice([0.0, 0.5, 1.0, 40.0]) for _ in y])
    for x in (np.arange(len(y), dtype=float), uneven):
        np.testing.assert_allclose(ema(x, y, amount), ema_in_a_loop(x, y, amount), rtol=1e-8, atol=1e-7)


def test_an_ema_of_many_rows_is_what_a_loop_gives():
    random = np.random.default_rng(7)
    x, y = np.cumsum(random.exponential(size=20_000)), random.normal(size=20_000)
    np.testing.assert_allclose(ema(x, y, 0.9999), ema_in_a_loop(x, y, 0.9999), **close)


@given(values, st.floats(0.1, 20.0))
def test_a_gaussian_is_the_weighted_mean_of_the_rows_within_four_deviations(y, deviation):
    places = np.arange(len(y))
    weights = np.exp(-0.5 * ((places[:, None] - places) / deviation) ** 2)
    weights[np.abs(places[:, None] - places) > max(1, np.ceil(4 * deviation))] = 0
    np.testing.assert_allclose(gaussian(y, deviation), weights @ y / weights.sum(axis=1), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("deviation", [40.0, 100.0, 333.0])
def test_a_wide_gaussian_is_nearly_what_its_formula_says(deviation):
    y = np.sin(np.arange(5000) / 400) + np.random.default_rng(3).normal(size=5000)
    looked_at = np.append(np.arange(0, len(y), 13), len(y) - 1)
    weights = np.exp(-0.5 * ((looked_at[:, None] - np.arange(len(y))) / deviation) ** 2)
    np.testing.assert_allclose(gaussian(y, deviation)[looked_at], weights @ y / weights.sum(axis=1), atol=0.01)


@given(values, st.integers(0, 400))
def test_a_running_mean_is_that_of_the_rows_around(y, width):
    found = running_mean(y, width)
    before, after = (max(width, 1) - 1) // 2, max(width, 1) // 2
    expected = [y[max(0, i - before) : i + after + 1].mean() for i in range(len(y))]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("kind", "amount"), [("ema", 0.9), ("gaussian", 3.0), ("gaussian", 50.0), ("mean", 9.0)])
def test_the_largest_and_smallest_numbers_are_smoothed_without_overflow(kind, amount):
    y = np.array([1e308, 1.7e308, -1.7e308, 5e-324, 0.0] * 40)
    found = smoothed(np.arange(200.0), y, None, Smoothing(kind=kind, amount=amount))
    assert np.isfinite(found).all()
    assert found.min() >= -1.7e308
    assert found.max() <= 1.7e308


@pytest.mark.parametrize(("kind", "amount"), [("ema", 0.5), ("gaussian", 2.0), ("mean", 5.0)])
def test_a_spike_leaves_no_trace_behind_the_rows_it_weighs_in(kind, amount):
    y = np.ones(1000)
    y[100] = 1e15
    found = smoothed(np.arange(1000.0), y, None, Smoothing(kind=kind, amount=amount))
    np.testing.assert_allclose(found[300:], np.ones(700), rtol=1e-12)


@pytest.mark.parametrize(("kind", "amount"), [("ema", 0.9), ("gaussian", 3.0), ("mean", 4.0)])
def test_values_that_are_no_finite_numbers_stay_and_count_for_nothing(kind, amount):
    x = np.arange(6.0)
    y = np.array([1.0, np.nan, 1.0, np.inf, 1.0, -np.inf])
    finite = np.flatnonzero(np.isfinite(y))
    np.testing.assert_allclose(smoothed(x, y, finite, Smoothing(kind=kind, amount=amount)), y)


def test_an_ema_weighs_by_distance_and_not_by_rows():
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 104.0])
    found = ema(x, np.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0]), 0.9)
    assert found[-1] == pytest.approx(5.0, abs=1e-3)


@pytest.mark.parametrize("kind", ["ema", "gaussian", "mean"])
def test_an_amount_of_nothing_leaves_the_line_as_it_is(kind):
    y = np.array([3.0, 1.0, 2.0])
    assert smoothed(np.zeros(3), y, None, Smoothing(kind=kind, amount=0)).tolist() == y.tolist()
