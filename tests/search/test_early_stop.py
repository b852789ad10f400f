"""Hyperband: who is stopped, by figures worked out by hand."""

import math

import pytest

from runlake.search.configuration import parse_sweep
from runlake.search.early_stop import runs_to_stop

NAN = math.nan


def plan(goal="minimize", **rule):
    return parse_sweep(
        {
            "method": "random",
            "metric": {"name": "m", "goal": goal},
            "parameters": {"a": {"value": 1}},
            "early_terminate": {"type": "hyperband", **rule},
        }
    )


def test_at_the_first_band_the_worse_ones_are_stopped():
    """Band 3, eta 3: of six runs, values there are 1..6; the third best, 3, is what a run may have at most."""
    histories = {f"r{k}": [9.0, 9.0, float(k)] for k in range(1, 7)}
    assert runs_to_stop(plan(min_iter=3), histories) == {"r4", "r5", "r6"}


def test_strictly_only_a_share_of_one_in_eta_goes_on():
    histories = {f"r{k}": [9.0, 9.0, float(k)] for k in range(1, 7)}
    assert runs_to_stop(plan(min_iter=3, strict=True), histories) == {"r3", "r4", "r5", "r6"}


def test_runs_that_have_not_come_to_a_band_are_left_alone():
    histories = {"good": [1.0, 1.0, 1.0], "bad": [9.0, 9.0, 9.0], "young": [99.0, 99.0]}
    assert runs_to_stop(plan(min_iter=3), histories) == {"bad"}


def test_each_run_is_judged_at_the_last_band_it_has_come_to():
    """Bands 1 and 2, eta 2. At 1: 1 2 3 4, limit 3. At 2 came a, b, d: 8 2 9, limit 8."""
    histories = {"a": [1.0, 8.0], "b": [2.0, 2.0], "c": [3.0], "d": [4.0, 9.0, 0.5]}
    assert runs_to_stop(plan(max_iter=4, s=2, eta=2, strict=False), histories) == set()
    assert runs_to_stop(plan(max_iter=4, s=2, eta=2, strict=True), histories) == {"a", "c", "d"}


def test_by_default_a_runs_best_value_counts_and_strictly_the_one_at_the_band():
    """Band 2, eta 2: values there are 1, 2, 3, 7, the limit is 3, strictly 2; dip was at 0.5 before."""
    histories = {"a": [9.0, 1.0], "b": [9.0, 2.0], "c": [9.0, 3.0], "dip": [0.5, 7.0]}
    assert runs_to_stop(plan(min_iter=2, eta=2), histories) == set()
    assert runs_to_stop(plan(min_iter=2, eta=2, strict=True), histories) == {"c", "dip"}


def test_to_maximize_turns_everything_around():
    histories = {f"r{k}": [0.0, 0.0, float(k)] for k in range(1, 7)}
    assert runs_to_stop(plan("maximize", min_iter=3), histories) == {"r1", "r2", "r3"}


def test_nan_is_worse_than_any_number():
    histories = {"a": [1.0], "b": [1e300], "c": [NAN], "d": [2.0]}
    assert runs_to_stop(plan(min_iter=1, eta=2), histories) == {"c"}
    assert runs_to_stop(plan("maximize", min_iter=1, eta=2), histories) == {"c"}
    assert runs_to_stop(plan(min_iter=1, eta=2), {"c": [NAN], "d": [NAN]}) == set()


@pytest.mark.parametrize("strict", [True, False])
def test_a_run_alone_goes_on(strict):
    assert runs_to_stop(plan(min_iter=1, strict=strict), {"a": [5.0, 9.0, 12.0]}) == set()


def test_without_a_rule_nothing_is_stopped():
    without = parse_sweep({"method": "random", "metric": {"name": "m"}, "parameters": {"a": {"value": 1}}})
    assert runs_to_stop(without, {"a": [1.0], "b": [2.0]}) == set()
