"""Which parameters matter."""

import math
from random import Random

import pytest

from runlake.errors import BadValueError
from runlake.search.importance import ParameterImportance, parameter_importance


def sweep(count=60):
    """Loss falls with lr, depends on the optimizer somewhat, and on nothing else."""
    rng = Random(7)
    runs, values = [], []
    for _ in range(count):
        run = {"lr": rng.random(), "opt": rng.choice(["adam", "sgd", None]), "net.noise": rng.random(), "same": 3}
        runs.append(run)
        values.append(-10 * run["lr"] + (2 if run["opt"] == "sgd" else 0))
    return runs, values


def test_what_matters_comes_first_and_shares_add_up():
    found = parameter_importance(*sweep())
    assert [parameter.name for parameter in found] == ["lr", "opt", "net.noise"]
    assert sum(parameter.importance for parameter in found) == pytest.approx(1)
    assert found[0].importance > 0.7 > 0.05 > found[2].importance
    assert found[0].correlation == pytest.approx(-1, abs=0.1)
    assert abs(found[2].correlation) < 0.3
    assert [parameter.correlation for parameter in found if parameter.name == "opt"] == [None]
    assert [parameter.run_count for parameter in found] == [60, 60, 60]


def test_the_same_runs_give_the_same_answer():
    assert parameter_importance(*sweep()) == parameter_importance(*sweep())


def test_runs_without_a_value_are_left_out():
    runs, values = sweep()
    more = [{"lr": 1000.0, "opt": "odd"}] * 3
    assert parameter_importance(runs + more, [*values, None, math.nan, math.inf]) == parameter_importance(runs, values)


def test_a_parameter_that_some_runs_lack_counts_those_that_have_it():
    found = parameter_importance([{"a": 1}, {"a": 2}, {"a": 3}, {}], [1.0, 2.0, 3.0, 9.0])
    assert found == [ParameterImportance(name="a", importance=pytest.approx(1.0), correlation=1.0, run_count=3)]


def test_booleans_are_numbers_and_lists_are_things():
    runs = [{"flag": k % 2 == 0, "layers": [64] * (1 + k % 3)} for k in range(12)]
    found = {p.name: p for p in parameter_importance(runs, [float(run["flag"]) for run in runs])}
    assert found["flag"].correlation == pytest.approx(1.0)
    assert found["flag"].importance > 0.9
    assert found["layers"].correlation is None


def test_huge_values_are_no_trouble():
    runs = [{"a": 1e300 * (-1) ** k, "b": 10**30 * k, "c": k} for k in range(8)]
    found = parameter_importance(runs, [1.7e308 * (-1) ** k for k in range(8)])
    assert found[0].name == "a"
    assert found[0].correlation == pytest.approx(1.0)


def test_where_no_parameter_differs_there_is_nothing_to_tell():
    assert parameter_importance([{"a": 1}, {"a": 1}], [1.0, 2.0]) == []
    assert parameter_importance([{}, {}], [1.0, 2.0]) == []


def test_where_all_values_are_the_same_nothing_is_correlated():
    found = parameter_importance([{"a": 1}, {"a": 2}], [5.0, 5.0])
    assert found == [ParameterImportance(name="a", importance=0.0, correlation=None, run_count=2)]


def test_fewer_than_two_runs_with_a_value_are_refused():
    with pytest.raises(BadValueError, match="needs at least two runs with a value; there are 1"):
        parameter_importance([{"a": 1}, {"a": 2}], [1.0, None])
