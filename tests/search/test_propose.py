"""What the next run is to try: repeatable, within the space, and not led astray."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runlake
from runlake.errors import BadValueError
from runlake.search.configuration import parse_sweep
from runlake.search.propose import Trial, propose

SPACE = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
    "momentum": {"min": 0.0, "max": 1.0},
    "layers": {"min": 1, "max": 4},
    "width": {"distribution": "q_log_uniform_values", "min": 8, "max": 512, "q": 8},
    "drop": {"distribution": "q_uniform", "min": 0, "max": 0.5, "q": 0.1},
    "batch": {"values": [16, 32, 64]},
    "noise": {"distribution": "normal", "mu": 1, "sigma": 2},
    "share": {"distribution": "beta", "a": 2, "b": 2},
    "net": {"parameters": {"act": {"values": ["relu", None, True, [1, 2]]}, "kind": {"value": {"a": 1}}}},
}


def plan(method="bayes", parameters=SPACE, goal="minimize"):
    return parse_sweep({"method": method, "metric": {"name": "loss", "goal": goal}, "parameters": parameters})


def line(goal="minimize", method="bayes"):
    """One parameter from 0 to 1."""
    return plan(method, {"x": {"min": 0.0, "max": 1.0}}, goal)


def bowl(params):
    return (params["x"] - 0.7) ** 2


def trial(number, params, value, state="finished"):
    return Trial(number=number, params=params, value=value, state=state)


def searched(plan, loss, count, *, seed=1, outcome=trial, before=()):
    """The trials of a sweep of one agent."""
    trials = list(before)
    for number in range(count):
        params = propose(plan, number, trials, seed=seed)
        trials.append(outcome(number, params, loss(params)))
    return trials


def best(trials):
    return min(trial.value for trial in trials if trial.value is not None and math.isfinite(trial.value))


def check_within_space(params):
    assert list(params) == list(SPACE)
    assert type(params["lr"]) is float
    assert 1e-5 <= params["lr"] <= 1e-1
    assert type(params["momentum"]) is float
    assert (type(params["layers"]), params["layers"] in (1, 2, 3, 4)) == (int, True)
    assert (type(params["width"]), params["width"] % 8, 8 <= params["width"] <= 512) == (int, 0, True)
    assert params["drop"] in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert type(params["drop"]) is float
    assert (type(params["batch"]), params["batch"] in (16, 32, 64)) == (int, True)
    assert type(params["noise"]) is float
    assert math.isfinite(params["noise"])
    assert 0 <= params["share"] <= 1
    assert repr(params["net"]["act"]) in ("'relu'", "None", "True", "[1, 2]")
    assert params["net"]["kind"] == {"a": 1}


def loss_of_space(params):
    return (
        (math.log10(params["lr"]) + 3) ** 2 + params["momentum"] + params["layers"] / 4 + (params["net"]["act"] is None)
    )


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_values_stay_within_the_space_and_keep_their_types(method):
    for trial in searched(plan(method), loss_of_space, 14):
        check_within_space(trial.params)


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_the_same_arguments_give_the_same_parameters(method):
    trials = searched(plan(method), loss_of_space, 12)
    again = [propose(plan(method), 12, order, seed=1) for order in (trials, trials[::-1], list(trials))]
    assert again[0] == again[1] == again[2]
    assert again[0] != propose(plan(method), 12, trials, seed=2)
    assert again[0] != propose(plan(method), 13, trials, seed=1)


@pytest.mark.long
def test_another_process_proposes_the_same():
    code = (
        "from runlake.search.configuration import parse_sweep; from runlake.search.propose import propose, Trial\n"
        "for method in ('random', 'bayes'):\n"
        "    space = {'x': {'min': 0.0, 'max': 1.0}}\n"
        "    plan = parse_sweep({'method': method, 'metric': {'name': 'l'}, 'parameters': space})\n"
        "    done = [Trial(number=k, params={'x': k / 9}, value=k / 9, state='finished') for k in range(10)]\n"
        "    print(propose(plan, 3, [], seed=5), propose(plan, 10, done, seed=5))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(runlake.__file__).parents[1])}
    said = {
        subprocess.check_output([sys.executable, "-c", code], env={**environment, "PYTHONHASHSEED": str(k)})
        for k in (1, 2)
    }
    assert len(said) == 1
    assert len(said.pop().splitlines()) == 2


def test_random_looks_at_nothing_but_seed_and_number():
    trials = searched(line(method="random"), bowl, 5)
    assert propose(line(method="random"), 9, trials, seed=1) == propose(line(method="random"), 9, [], seed=1)


def test_bayes_finds_the_bottom_of_a_bowl_and_the_top_of_a_hill():
    assert best(searched(line(), bowl, 15)) < 1e-4
    hill = searched(line("maximize"), lambda params: -bowl(params), 15)
    assert max(trial.value for trial in hill) > -1e-4


@pytest.mark.long
def test_runs_that_fail_do_not_keep_the_search_from_the_best():
    chance = Random(11)

    def outcome(number, params, value):
        return trial(number, params, None, "failed") if chance.random() < 0.3 else trial(number, params, value)

    for seed in range(3):
        assert best(searched(line(), bowl, 24, outcome=outcome, seed=seed)) < 1e-3


def test_where_runs_fail_the_search_stays_away():
    def outcome(number, params, value):
        return trial(number, params, math.nan) if params["x"] > 0.5 else trial(number, params, value)

    trials = searched(line(), bowl, 20, outcome=outcome)
    assert sum(trial.params["x"] > 0.5 for trial in trials[10:]) <= 3
    assert best(trials) == pytest.approx(0.04, abs=0.01)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, None])
def test_values_that_are_no_numbers_do_not_poison(odd):
    bad = [trial(-k, {"x": 0.05 * k}, odd) for k in range(1, 4)]
    assert best(searched(line(), bowl, 16, before=bad)) < 1e-3


@pytest.mark.long
def test_one_absurd_value_does_not_flatten_the_others():
    before = [trial(-1, {"x": 0.1}, 1e300), trial(-2, {"x": 0.9}, 1.7e308), trial(-3, {"x": 0.2}, 1e30)]
    assert best(searched(line(), bowl, 18, before=before)) < 1e-3


def test_without_any_value_the_search_still_proposes_different_points():
    failed = searched(line(), lambda params: None, 20, outcome=lambda n, p, v: trial(n, p, v, "failed"))
    assert len({round(trial.params["x"], 3) for trial in failed}) == 20


@pytest.mark.long
def test_agents_at_work_at_once_are_sent_to_different_points():
    trials = searched(line(), bowl, 10)
    for number in range(10, 16):
        trials.append(trial(number, propose(line(), number, trials, seed=1), None, "running"))
    points = sorted(trial.params["x"] for trial in trials[10:])
    assert min(after - before for before, after in itertools.pairwise(points)) >= 1e-3


def test_the_first_runs_of_agents_at_work_at_once_fill_the_space():
    points = sorted(propose(line(), number, [], seed=3)["x"] for number in range(8))
    assert all(index / 8 <= point < (index + 1) / 8 for index, point in enumerate(points))


def test_runs_of_before_are_learned_from():
    prior = [trial(-k, {"x": k / 10}, (k / 10 - 0.7) ** 2) for k in range(1, 10)]
    assert propose(line(), 0, prior, seed=1)["x"] == pytest.approx(0.7, abs=0.05)


def test_runs_that_the_sweep_could_not_have_chosen_are_left_out():
    trials = searched(plan(), loss_of_space, 8)
    others = [
        {},
        {"lr": 5.0},
        {**trials[0].params, "lr": 5.0},
        {**trials[0].params, "net": {"act": "gelu"}},
        {"net": 1},
    ]
    others += [{**trials[0].params, "lr": wrong} for wrong in (None, "0.1", True, math.nan)]
    more = [trial(-k - 1, params, -100.0) for k, params in enumerate(others)]
    assert propose(plan(), 8, trials + more, seed=1) == propose(plan(), 8, trials, seed=1)


def test_a_small_space_is_tried_out_before_anything_comes_twice():
    space = {"a": {"values": ["x", "y", "z"]}, "b": {"min": 1, "max": 4}}
    trials = searched(plan("bayes", space), lambda p: p["b"] + (p["a"] == "x"), 18)
    seen = [(trial.params["a"], trial.params["b"]) for trial in trials]
    learned = [point for index, point in enumerate(seen) if index >= 6 and point in seen[:index]]
    assert len(set(seen)) == 12
    assert len(learned) == len(seen) - 12 - (6 - len(set(seen[:6])))


def test_where_all_is_constant_there_is_one_answer():
    assert propose(plan("bayes", {"a": {"value": 1}, "b": {"values": [2]}}), 3, [], seed=1) == {"a": 1, "b": 2}


def test_all_the_same_values_are_no_trouble():
    trials = searched(line(), lambda params: 5.0, 12)
    assert len({trial.params["x"] for trial in trials}) == 12


@settings(max_examples=15)
@given(
    st.lists(st.one_of(st.none(), st.floats()), min_size=6, max_size=20),
    st.sampled_from(["finished", "failed", "running"]),
)
def test_whatever_was_logged_there_is_a_next_run(values, last_state):
    rows = [propose(plan("random"), number, [], seed=1) for number in range(len(values))]
    trials = [trial(k, row, value) for k, (row, value) in enumerate(zip(rows, values, strict=True))]
    trials.append(trial(len(values), rows[0], None, last_state))
    check_within_space(propose(plan(), len(values) + 1, trials, seed=1))


def test_two_thousand_runs_are_learned_from_in_bounded_time():
    rows = [propose(line(method="random"), number, [], seed=1) for number in range(2000)]
    trials = [trial(number, row, bowl(row)) for number, row in enumerate(rows)]
    assert propose(line(), 2000, trials, seed=1)["x"] == pytest.approx(0.7, abs=0.01)


def test_negative_numbers_are_those_of_runs_before():
    with pytest.raises(BadValueError, match="numbered from 0 on, and -1 is below"):
        propose(line(), -1, [], seed=1)


def test_grid_and_random_load_nothing_heavy():
    code = (
        "import sys; from runlake.search.configuration import parse_sweep; from runlake.search.propose import propose\n"
        "for method in ('grid', 'random'):\n"
        "    propose(parse_sweep({'method': method, 'parameters': {'a': {'values': [1, 2]}}}), 1, [], seed=1)\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(runlake.__file__).parents[1])}
    loaded = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()
    assert {"sklearn", "scipy", "numpy", "pandas", "pyarrow", "yaml"}.intersection(loaded) == set()
