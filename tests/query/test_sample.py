"""Samples depend on the data only, and draw the same line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError
from runlake.query.sample import minmax_sample, row_sample

lines = st.lists(st.floats(), max_size=200).map(lambda items: np.array(items, dtype=np.float64))
counts = st.integers(1, 60)


@given(st.integers(0, 10**12), counts)
def test_row_samples_are_few_ascending_and_hold_both_ends(row_count, samples):
    if row_count <= samples * 2:
        row_count = min(row_count, 100)
    chosen = row_sample(row_count, samples).tolist()
    assert len(chosen) == min(row_count, samples)
    assert chosen == sorted(set(chosen))
    if row_count:
        assert chosen[-1] == row_count - 1
        assert chosen[0] == 0 or samples == 1


@given(lines, counts)
def test_minmax_samples_are_few_ascending_and_the_same_each_time(line, samples):
    chosen = minmax_sample(line, samples)
    assert len(chosen) <= samples
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert chosen.tolist() == minmax_sample(line.copy(), samples).tolist()
    if len(line) <= samples:
        assert chosen.tolist() == list(range(len(line)))


@given(lines, st.integers(4, 60))
def test_both_ends_and_the_extremes_survive(line, samples):
    chosen = minmax_sample(line, samples)
    if not len(line):
        return
    assert (chosen[0], chosen[-1]) == (0, len(line) - 1)
    if not np.isnan(line).all():
        kept = line[chosen]
        assert np.nanmin(kept) == np.nanmin(line)
        assert np.nanmax(kept) == np.nanmax(line)


@given(st.integers(10, 60), st.integers(100, 2000))
def test_each_bucket_keeps_its_lowest_and_highest(samples, count):
    line = np.random.default_rng(count).normal(size=count)
    chosen = set(minmax_sample(line, samples).tolist())
    for bucket in np.array_split(np.arange(1, count - 1), (samples - 2) // 2):
        assert {bucket[line[bucket].argmin()], bucket[line[bucket].argmax()]} <= chosen


def test_a_spike_is_never_lost():
    line = np.zeros(1_000_001)
    line[777_777] = 5.0
    assert 777_777 in minmax_sample(line, 4)


def test_a_gap_stays_a_gap():
    line = np.concatenate([np.ones(100), np.full(500, np.nan), np.ones(100)])
    assert np.isnan(line[minmax_sample(line, 50)]).any()


@pytest.mark.parametrize(("samples", "expected"), [(1, [9]), (2, [0, 9]), (3, [0, 4, 9])])
def test_few_samples_are_the_newest_the_ends_and_the_one_that_stands_out(samples, expected):
    line = np.array([0.0, 1, 2, 1, -9, 1, 2, 1, 3, 1])
    assert minmax_sample(line, samples).tolist() == expected


def test_integers_beyond_floats_are_compared_exactly():
    line = np.array([0, 2**62, 2**62 + 1, 2**62, 0, 0])
    assert minmax_sample(line, 5).tolist() == [0, 2, 4, 5]


@pytest.mark.parametrize("samples", [0, -1, 2.5, True, "5"])
def test_a_number_of_samples_that_is_none_is_refused(samples):
    with pytest.raises(BadValueError, match="whole number from 1 up"):
        row_sample(10, samples)
    with pytest.raises(BadValueError, match="whole number from 1 up"):
        minmax_sample(np.zeros(10), samples)
