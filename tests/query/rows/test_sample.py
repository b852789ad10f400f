"""Samples depend on the data only, and draw the same line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError
from runlake.query.rows.sample import line_sample, minmax_sample, row_sample

SAMPLERS = pytest.mark.parametrize("sample", [minmax_sample, line_sample])

lines = st.one_of(
    st.lists(st.floats(), max_size=200).map(lambda items: np.array(items, dtype=np.float64)),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=200).map(lambda items: np.array(items, dtype=np.int64)),
)
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


@SAMPLERS
@given(line=lines, samples=counts)
def test_lines_have_as_many_samples_as_asked_for_ascending_and_the_same_each_time(sample, line, samples):
    chosen = sample(line, samples).tolist()
    assert len(chosen) == min(len(line), samples)
    assert chosen == sorted(set(chosen)) == sample(line.copy(), samples).tolist()
    if len(line):
        assert chosen[-1] == len(line) - 1
        assert chosen[0] == 0 or samples == 1


@SAMPLERS
@given(line=lines, samples=st.integers(4, 60))
def test_the_extremes_survive(sample, line, samples):
    numbers = [value for value in line.tolist() if value == value]
    kept = [value for value in line[sample(line, samples)].tolist() if value == value]
    assert (min(kept, default=None), max(kept, default=None)) == (
        min(numbers, default=None),
        max(numbers, default=None),
    )


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(["rises", "rough", "gaps", "flat", "integers"]))
def test_a_long_line_has_no_fewer_samples_than_a_short_one(count, samples, shape):
    line = {
        "rises": np.arange(count) / 7,
        "rough": np.sin(np.arange(count) ** 2),
        "gaps": np.where(np.arange(count) % 300 < 290, np.nan, np.arange(count)),
        "flat": np.zeros(count),
        "integers": 2**62 + np.arange(count) % 5,
    }[shape]
    chosen = line_sample(line, samples)
    assert len(chosen) == min(count, samples)
    if samples > 3:
        kept, whole = line[chosen], line
        if not np.isnan(whole).all():
            assert (np.nanmin(kept), np.nanmax(kept)) == (np.nanmin(whole), np.nanmax(whole))


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
    assert minmax_sample(line, 4).tolist() == [0, 2, 4, 5]


def test_what_is_left_to_choose_is_spread_evenly():
    assert minmax_sample(np.zeros(11), 6).tolist() == [0, 1, 3, 6, 8, 10]


@pytest.mark.parametrize("samples", [0, -1, 2.5, True, "5"])
def test_a_number_of_samples_that_is_none_is_refused(samples):
    with pytest.raises(BadValueError, match="whole number from 1 up"):
        row_sample(10, samples)
    with pytest.raises(BadValueError, match="whole number from 1 up"):
        minmax_sample(np.zeros(10), samples)
