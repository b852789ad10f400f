"""Distributions: where their values lie, of which type they are, and that shares and values go back and forth."""

import itertools
import math
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runlake.search.configuration import parse_sweep
from runlake.search.distributions import (
    Beta,
    Categorical,
    Constant,
    IntUniform,
    LogNormal,
    LogUniform,
    Normal,
    Quantized,
    Uniform,
)

shares = st.floats(0, 1)
inner_shares = st.floats(0.001, 0.999)
ends = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted)
positive_ends = st.tuples(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12)).map(sorted)
uniforms = ends.map(lambda pair: Uniform(*pair))
log_uniforms = positive_ends.map(lambda pair: LogUniform(*pair))
normals = st.builds(Normal, st.floats(-100, 100), st.floats(0.01, 100))
log_normals = st.builds(LogNormal, st.floats(-5, 5), st.floats(0.01, 3))
betas = st.builds(Beta, st.floats(0.2, 20), st.floats(0.2, 20))
laws = st.one_of(uniforms, log_uniforms, normals, log_normals, betas)
steps = st.one_of(st.integers(1, 1000), st.sampled_from([0.1, 0.25, 0.3, 0.001, 1.0, 2.5]))
seeds = st.integers(0, 2**32)


def made(spec, method="random"):
    return parse_sweep({"method": method, "parameters": {"p": spec}}).parameters["p"]


@given(laws, shares, seeds)
def test_values_lie_within_the_ends_and_are_floats(law, share, seed):
    for value in (law.ppf(share), law.sample(Random(seed))):
        assert type(value) is float
        assert law.low <= value <= law.high


@given(laws, inner_shares)
def test_a_share_is_found_again_from_its_value(law, share):
    value = law.ppf(share)
    assume(law.ppf(share * 0.99) < value < law.ppf(min(share * 1.01, 1.0)))  # as far as floats tell the two apart
    assert law.cdf(value) == pytest.approx(share, rel=0.011, abs=1e-6)


@given(laws, st.lists(shares, min_size=2, max_size=6).map(sorted))
def test_greater_shares_have_greater_values(law, ascending):
    values = [law.ppf(share) for share in ascending]
    assert all(after >= before - 1e-9 * abs(before) for before, after in itertools.pairwise(values))


@given(laws, steps, seeds)
def test_quantized_values_are_multiples_within_the_ends(law, step, seed):
    stepped = Quantized(law, step)
    assume(stepped.bounds[0] <= stepped.bounds[1])
    for value in (stepped.sample(Random(seed)), stepped.ppf(0.3)):
        assert type(value) is (int if isinstance(step, int) else float)
        assert math.isclose(round(value / step) * step, value, abs_tol=1e-12)
        assert law.low <= value <= law.high


def test_quantized_floats_are_those_that_one_would_write():
    stepped = Quantized(Uniform(0.0, 1.0), 0.1)
    assert [stepped.value_at(index) for index in range(stepped.value_count)] == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
    ]  # fmt: skip


def test_a_quantized_value_beyond_the_last_multiple_is_that_multiple():
    stepped = Quantized(Uniform(1.0, 10.0), 3)
    assert {stepped.ppf(share / 100) for share in range(101)} == {3, 6, 9}
    assert [stepped.index_of(value) for value in (3, 6.0, 9, 0, 12, 4, True, "3")] == [
        0,
        1,
        2,
        None,
        None,
        None,
        None,
        None,
    ]


@given(st.integers(-(2**40), 2**40), st.integers(0, 1000), shares, seeds)
def test_integers_are_ints_within_both_ends_and_go_back_and_forth(low, width, share, seed):
    whole = IntUniform(low, low + width)
    for value in (whole.ppf(share), whole.sample(Random(seed))):
        assert type(value) is int
        assert low <= value <= low + width
        assert whole.ppf(whole.cdf(value)) == value
        assert whole.value_at(whole.index_of(value)) == value
    assert whole.value_count == width + 1
    assert (whole.ppf(0.0), whole.ppf(1.0)) == (low, low + width)
    assert [whole.index_of(value) for value in (low - 1, low + width + 1, low + 0.5, math.nan, True)] == [None] * 5


def test_log_uniform_takes_exponents_and_log_uniform_values_takes_values():
    by_exponents = made({"distribution": "log_uniform", "min": math.log(1e-4), "max": math.log(1e-1)})
    by_values = made({"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1})
    for share in (0.0, 0.25, 0.5, 1.0):
        assert by_exponents.ppf(share) == pytest.approx(by_values.ppf(share))
    assert [by_values.ppf(share) for share in (0.0, 1 / 3, 1.0)] == pytest.approx([1e-4, 1e-3, 1e-1])


def test_of_inv_log_uniform_the_logarithm_of_the_reciprocal_lies_between_min_and_max():
    by_exponents = made({"distribution": "inv_log_uniform", "min": 1, "max": 3})
    assert [math.log(1 / by_exponents.ppf(share)) for share in (0.0, 0.5, 1.0)] == pytest.approx([3, 2, 1])
    by_values = made({"distribution": "inv_log_uniform_values", "min": 1e-4, "max": 1e-1})
    assert [by_values.ppf(share) for share in (0.0, 1.0)] == pytest.approx([1e-4, 1e-1])


def test_the_middle_and_the_spread_of_normal_distributions():
    assert Normal(3.0, 2.0).ppf(0.5) == 3.0
    assert Normal(3.0, 2.0).cdf(5.0) == pytest.approx(0.8413447)
    assert LogNormal(1.0, 0.5).ppf(0.5) == pytest.approx(math.e)
    assert LogNormal(0.0, 1.0).cdf(math.e) == pytest.approx(0.8413447)
    assert LogNormal(0.0, 1.0).cdf(-1.0) == 0.0


def test_a_distribution_without_width_is_one_value():
    assert Normal(3.0, 0.0).sample(Random(1)) == 3.0
    assert Uniform(2.0, 2.0).sample(Random(1)) == 2.0
    assert LogUniform(2.0, 2.0).sample(Random(1)) == 2.0
    assert [law.cdf(2.0) for law in (Uniform(2.0, 2.0), LogUniform(2.0, 2.0), Normal(2.0, 0.0))] == [0.5] * 3


def test_beta_is_drawn_as_its_distribution_says():
    beta = Beta(2.0, 5.0)
    rng = Random(3)
    drawn = sorted(beta.sample(rng) for _ in range(4000))
    for share in (0.1, 0.5, 0.9):
        assert drawn[int(share * 4000)] == pytest.approx(beta.ppf(share), abs=0.02)


def test_probabilities_are_kept_to():
    weighted = Categorical(("a", "b", "c"), (0.7, 0.0, 0.3))
    rng = Random(5)
    drawn = [weighted.sample(rng) for _ in range(4000)]
    assert "b" not in drawn
    assert drawn.count("a") / 4000 == pytest.approx(0.7, abs=0.03)


def test_a_category_is_found_by_type_first_and_then_as_json_may_have_it():
    assert [Categorical((True, 1, 1.0, "1", None, [1])).index_of(v) for v in (True, 1, 1.0, "1", None, [1], 2)] == [
        0, 1, 2, 3, 4, 5, None,
    ]  # fmt: skip
    assert [Categorical((16, 0.5, True)).index_of(v) for v in (16.0, 0.5, 1, math.nan)] == [0, 1, None, None]


def test_a_constant_is_always_itself():
    constant = Constant({"a": [1]})
    assert (constant.sample(Random(1)), constant.value_count, constant.value_at(0)) == ({"a": [1]}, 1, {"a": [1]})


def test_what_cannot_be_counted_says_so():
    assert [law.value_count for law in (Uniform(0.0, 1.0), Normal(0.0, 1.0), Quantized(Normal(0.0, 1.0), 1))] == [
        None
    ] * 3
    assert Uniform(0.0, 1.0).index_of(0.5) is None
    assert Quantized(Normal(0.0, 1.0), 1).index_of(1) is None
