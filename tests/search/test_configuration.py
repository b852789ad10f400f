"""Sweep configurations: what they mean, and what is said of those that cannot be used."""

import json
import re

import numpy as np
import pytest

from runlake.errors import SweepConfigError
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
from runlake.search.plan import Hyperband, Metric

METRIC = {"name": "loss", "goal": "minimize"}
LR = {"lr": {"min": 0.0, "max": 1.0}}


def parameter(spec, method="random"):
    return parse_sweep({"method": method, "parameters": {"p": spec}}).parameters["p"]


def problems(config):
    with pytest.raises(SweepConfigError) as caught:
        parse_sweep(config)
    text = str(caught.value)
    if text.startswith("the sweep configuration has a problem: "):
        return [text.removeprefix("the sweep configuration has a problem: ")]
    return text.split("\n- ")[1:]


def the_problem(config):
    (problem,) = problems(config)
    return problem


FULL = """
program: train.py
name: first try
description: what helps
project: digits
entity: ann
method: bayes
metric: {name: val_acc, goal: maximize, target: 0.99}
run_cap: 40
early_terminate: {type: hyperband, min_iter: 3}
command: ["${env}", "${interpreter}", "${program}", "${args}", --seed, 7]
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-1}
  layers: {values: [1, 2, 3]}
  net:
    parameters:
      width: {min: 16, max: 256}
      act: {value: relu}
"""


def test_a_whole_configuration_is_read_from_yaml():
    plan = parse_sweep(FULL)
    assert (plan.method, plan.program, plan.name, plan.description) == ("bayes", "train.py", "first try", "what helps")
    assert (plan.project, plan.entity, plan.run_cap) == ("digits", "ann", 40)
    assert plan.metric == Metric("val_acc", "maximize", 0.99)
    assert plan.command == ("${env}", "${interpreter}", "${program}", "${args}", "--seed", "7")
    assert plan.early_terminate.bands[:4] == (3, 9, 27, 81)
    assert plan.parameters == {
        "lr": LogUniform(1e-5, 1e-1),
        "layers": Categorical((1, 2, 3)),
        "net": {"width": IntUniform(16, 256), "act": Constant("relu")},
    }


def test_the_document_is_written_in_full_and_gives_the_same_plan_again():
    plan = parse_sweep(FULL)
    assert plan.document == {
        "program": "train.py",
        "name": "first try",
        "description": "what helps",
        "project": "digits",
        "entity": "ann",
        "method": "bayes",
        "metric": {"name": "val_acc", "goal": "maximize", "target": 0.99},
        "parameters": {
            "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
            "layers": {"distribution": "categorical", "values": [1, 2, 3]},
            "net": {
                "parameters": {
                    "width": {"distribution": "int_uniform", "min": 16, "max": 256},
                    "act": {"distribution": "constant", "value": "relu"},
                }
            },
        },
        "early_terminate": {"type": "hyperband", "min_iter": 3, "eta": 3, "strict": False},
        "run_cap": 40,
        "command": ["${env}", "${interpreter}", "${program}", "${args}", "--seed", "7"],
    }
    assert parse_sweep(plan.document) == plan
    assert parse_sweep(json.dumps(plan.document)) == plan


@pytest.mark.parametrize(
    ("spec", "meant", "written"),
    [
        ({"value": None}, Constant(None), {"distribution": "constant", "value": None}),
        ({"values": [1, "a"]}, Categorical((1, "a")), {"distribution": "categorical", "values": [1, "a"]}),
        ({"min": 1, "max": 3}, IntUniform(1, 3), {"distribution": "int_uniform", "min": 1, "max": 3}),
        ({"min": 1, "max": 3.0}, Uniform(1.0, 3.0), {"distribution": "uniform", "min": 1, "max": 3.0}),
        ({"min": 0.5, "max": 3}, Uniform(0.5, 3.0), {"distribution": "uniform", "min": 0.5, "max": 3}),
    ],
)
def test_the_distribution_that_is_meant_when_none_is_named(spec, meant, written):
    plan = parse_sweep({"method": "random", "parameters": {"p": spec}})
    assert plan.parameters == {"p": meant}
    assert plan.document["parameters"] == {"p": written}


E = 2.718281828459045


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ({"distribution": "uniform", "min": 0, "max": 1}, Uniform(0.0, 1.0)),
        ({"distribution": "q_uniform", "min": 0, "max": 1}, Quantized(Uniform(0.0, 1.0), 1)),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, Quantized(Uniform(0.0, 1.0), 0.25)),
        ({"distribution": "log_uniform", "min": 0, "max": 1}, LogUniform(1.0, E)),
        ({"distribution": "log_uniform_values", "min": 1, "max": 8}, LogUniform(1.0, 8.0)),
        ({"distribution": "q_log_uniform", "min": 0, "max": 1}, Quantized(LogUniform(1.0, E), 1)),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 8, "q": 2}, Quantized(LogUniform(1.0, 8.0), 2)),
        ({"distribution": "inv_log_uniform", "min": -1, "max": 0}, LogUniform(1.0, E)),
        ({"distribution": "inv_log_uniform_values", "min": 1, "max": 8}, LogUniform(1.0, 8.0)),
        ({"distribution": "normal"}, Normal(0.0, 1.0)),
        ({"distribution": "q_normal", "mu": 3, "sigma": 2, "q": 0.5}, Quantized(Normal(3.0, 2.0), 0.5)),
        ({"distribution": "log_normal", "sigma": 2}, LogNormal(0.0, 2.0)),
        ({"distribution": "q_log_normal"}, Quantized(LogNormal(0.0, 1.0), 1)),
        ({"distribution": "beta", "a": 2}, Beta(2.0, 1.0)),
        ({"distribution": "q_beta", "q": 0.1}, Quantized(Beta(1.0, 1.0), 0.1)),
        ({"values": ["a", "b"], "probabilities": [0.9, 0.1]}, Categorical(("a", "b"), (0.9, 0.1))),
        ({"distribution": "int_uniform", "min": 1.0, "max": 4}, IntUniform(1, 4)),
    ],
)
def test_what_each_distribution_is_and_what_is_filled_in(spec, meant):
    assert parameter(spec) == meant


def test_w_and_bs_name_for_categories_with_probabilities_is_known():
    spec = {"distribution": "categorical_w_probabilities", "values": [1, 2], "probabilities": [0.5, 0.5]}
    assert parameter(spec) == Categorical((1, 2), (0.5, 0.5))


def test_categories_survive_exactly():
    values = [True, 1, 1.0, "1", None, [1, [2.0]], {"a": {"b": None}}, "x"]
    kept = parameter({"values": values}).values
    assert list(kept) == values
    assert [type(value) for value in kept] == [type(value) for value in values]


def test_numpy_values_become_plain_ones():
    kept = parameter({"values": np.array([1, 2])}).values
    assert [(value, type(value)) for value in kept] == [(1, int), (2, int)]
    assert parameter({"min": np.float64(0.5), "max": np.int64(2)}) == Uniform(0.5, 2.0)
    assert parameter({"values": (np.float32(0.5), np.bool_(True))}).values == (0.5, True)


def test_a_value_that_stands_twice_is_one_value():
    assert parameter({"values": [1, 2, 1]}, "grid") == Categorical((1, 2))
    spec = {"values": [1, 2, 1], "probabilities": [0.25, 0.5, 0.25]}
    assert parameter(spec) == Categorical((1, 2), (0.5, 0.5))


def test_keys_that_mean_nothing_here_are_taken_silently():
    config = {
        "apiVersion": "v1",
        "kind": "sweep",
        "controller": {"type": "cloud"},
        "method": "random",
        "parameters": LR,
    }
    assert parse_sweep(config) == parse_sweep({"method": "random", "parameters": LR})


def test_yaml_numbers_are_numbers_however_they_are_written():
    text = "{method: random, parameters: {p: {values: [1e-4, 1E5, .5e3, -2e0, 3, 4.5, 1e, e5]}}}"
    assert parse_sweep(text).parameters["p"].values == (1e-4, 1e5, 500.0, -2.0, 3, 4.5, "1e", "e5")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"method": None}, "method: missing; it is one of grid, random, bayes"),
        ({"method": "bayse"}, "method: there is no method 'bayse'; did you mean 'bayes'?"),
        ({"method": "custom"}, "method: there is no method 'custom'; expected one of grid, random, bayes"),
        ({"method": ["grid"]}, "method: there is no method ['grid']; did you mean 'grid'?"),
        ({"metod": "grid"}, "metod: no such key; did you mean 'method'?"),
        ({"method": "bayes"}, "metric: method: bayes needs it, such as {'name': 'loss', 'goal': 'minimize'}"),
        ({"metric": "loss"}, "metric: expected a mapping such as {'name': 'loss', 'goal': 'minimize'}, found 'loss'"),
        ({"metric": {"goal": "minimize"}}, "metric.name: expected the name of a logged value, found nothing"),
        (
            {"metric": {"name": "a", "goal": "minimise"}},
            "metric.goal: there is no goal 'minimise'; did you mean 'minimize'?",
        ),
        ({"metric": {"name": "a", "goals": "maximize"}}, "metric.goals: no such key; did you mean 'goal'?"),
        ({"metric": {"name": "a", "target": "high"}}, "metric.target: expected a number, found 'high'"),
        (
            {"metric": {"name": "a", "impute": "best"}},
            "metric.impute: not supported but as 'worst': the search stays away from where runs fail",
        ),
        (
            {"metric": {"name": "a", "impute_while_running": "best"}},
            "metric.impute_while_running: not supported: runs that go on count by what is expected of them",
        ),
        ({"run_cap": 0}, "run_cap: expected a whole number above 0, found 0"),
        ({"run_cap": True}, "run_cap: expected a whole number above 0, found True"),
        ({"name": 7}, "name: expected text, found 7"),
        ({"command": "python x.py"}, "command: expected a list of words such as"),
        ({"command": ["${progam}"]}, "command.0: there is no macro ${progam}; did you mean ${program}?"),
        ({"command": ["a", "--x=${args}"]}, "command.1: ${args} must be a word of its own, found '--x=${args}'"),
        ({"command": ["${HOME}"]}, "command.0: there is no macro ${HOME}; an environment variable is ${envvar:NAME}"),
        ({"command": [None]}, "command.0: expected a word, found nothing"),
        ({"job": "x"}, "job: sweeps on launch queues are not supported"),
        ({"controller": {"type": "local"}}, "controller: expected {'type': 'cloud'}, found {'type': 'local'}"),
        ({"parameters": {}}, "parameters: expected at least one parameter"),
        ({"parameters": None}, "parameters: expected at least one parameter"),
        ({"parameters": {"a": {"parameters": {}}}}, "parameters.a.parameters: expected at least one parameter"),
        ({"early_terminate": "hyperband"}, "early_terminate: expected a mapping such as"),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_path_of_the_key(change, problem):
    config = {"method": "random", "parameters": LR} | change
    assert the_problem(
        {key: value for key, value in config.items() if value is not None or key != "method"}
    ).startswith(problem)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"min_iter": 1}, "early_terminate.type: there is no early termination nothing; expected hyperband"),
        (
            {"type": "hyperbnd", "min_iter": 1},
            "early_terminate.type: there is no early termination 'hyperbnd'; did you mean 'hyperband'?",
        ),
        ({"type": "hyperband"}, "early_terminate: expected min_iter, or max_iter together with s"),
        ({"type": "hyperband", "max_iter": 9}, "early_terminate: expected min_iter, or max_iter together with s"),
        (
            {"type": "hyperband", "min_iter": 0},
            "early_terminate.min_iter: expected a whole number of at least 1, found 0",
        ),
        ({"type": "hyperband", "min_iter": 1, "eta": 1}, "early_terminate.eta: expected a number above 1, found 1"),
        ({"type": "hyperband", "min_iter": 1, "strict": 1}, "early_terminate.strict: expected true or false, found 1"),
        ({"type": "hyperband", "min_iter": 1, "ets": 2}, "early_terminate.ets: no such key; did you mean 'eta'?"),
        (
            {"type": "hyperband", "max_iter": 2, "s": 2},
            "early_terminate.max_iter: too small: with eta 3 nothing would ever be stopped before it",
        ),
    ],
)
def test_a_wrong_rule_of_early_termination_is_refused(rule, problem):
    config = {"method": "random", "metric": METRIC, "parameters": LR, "early_terminate": rule}
    assert the_problem(config) == problem


def test_early_termination_needs_a_metric():
    config = {"method": "random", "parameters": LR, "early_terminate": {"type": "hyperband", "min_iter": 2}}
    assert the_problem(config) == "metric: early_terminate needs it, such as {'name': 'loss', 'goal': 'minimize'}"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (0.1, "p: expected a mapping such as {'value': 0.1}, found 0.1"),
        ({}, "p: expected value, values, min and max, a distribution, or parameters"),
        ({"mean": 1}, "p.mean: no such key; expected one of distribution, value, values"),
        ({"valus": [1]}, "p.valus: no such key; did you mean 'values'?"),
        ({"mu": 1}, "p: expected value, values, min and max, a distribution, or parameters"),
        ({"distribution": "unifrom", "min": 0, "max": 1}, "p.distribution: there is no distribution 'unifrom'; did"),
        ({"distribution": ["uniform"]}, "p.distribution: there is no distribution ['uniform']"),
        ({"min": 1}, "p.max: missing; int_uniform needs min and max"),
        ({"max": 1.5}, "p.min: missing; uniform needs min and max"),
        ({"distribution": "categorical"}, "p.values: missing; categorical needs values"),
        ({"distribution": "constant"}, "p.value: missing; constant needs value"),
        ({"min": "1e-4", "max": 1.0}, "p.min: expected a number, found the text '1e-4' (some YAML readers take"),
        ({"min": "low", "max": 1.0}, "p.min: expected a number, found 'low'"),
        ({"min": True, "max": 2}, "p.min: expected a number, found True"),
        ({"min": 0.0, "max": float("inf")}, "p.max: expected a number, found inf"),
        ({"min": 2.0, "max": 1.0}, "p.min: expected at most max, which is 1.0, found 2.0"),
        ({"distribution": "int_uniform", "min": 1, "max": 2.5}, "p.max: int_uniform needs whole numbers, found 2.5"),
        ({"distribution": "uniform", "min": 0, "max": 1, "q": 1}, "p.q: uniform has no such key; it takes min, max"),
        ({"distribution": "normal", "min": 0}, "p.min: normal has no such key; it takes mu, sigma"),
        ({"distribution": "normal", "sigma": -1}, "p.sigma: expected a number above 0, found -1"),
        ({"distribution": "beta", "a": 0}, "p.a: expected a number above 0, found 0"),
        ({"distribution": "q_beta", "q": 0}, "p.q: expected a number above 0, found 0"),
        ({"distribution": "q_uniform", "min": 0.2, "max": 0.4}, "p.q: no multiple of 1 lies between min and max"),
        (
            {"distribution": "log_uniform_values", "min": 0, "max": 1},
            "p.min: log_uniform_values needs numbers above 0, found 0",
        ),
        (
            {"distribution": "log_uniform", "min": 0.1, "max": 0.01},
            "p.min: expected at most max, which is 0.01, found 0.1; they are exponents of e: see log_uniform_values",
        ),
        (
            {"distribution": "log_uniform", "min": 1, "max": 1000},
            "p.max: log_uniform takes exponents of e, and 1000 is too large for one: see log_uniform_values",
        ),
        ({"values": []}, "p.values: expected a list of at least one value, found []"),
        ({"values": 3}, "p.values: expected a list of at least one value, found 3"),
        ({"values": [1, 2], "probabilities": [1]}, "p.probabilities: expected one for each of the 2 values, found 1"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "p.probabilities: expected a sum of 1, found 1.1"),
        ({"values": [1, 2], "probabilities": [-1, 2]}, "p.probabilities: expected a list of numbers from 0 on"),
        ({"parameters": {"a": {"value": 1}}, "value": 2}, "p.value: a parameter that holds others has nothing but"),
        ({"values": [object()]}, "p.values: expected numbers, text, booleans, None, lists or mappings, found [<object"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_path_of_the_key(spec, problem):
    assert the_problem({"method": "random", "parameters": {"p": spec}}).startswith(f"parameters.{problem}")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"min": 0.0, "max": 1.0}, "a grid needs values that can be counted: value, values, int_uniform or q_uniform"),
        (
            {"distribution": "q_normal"},
            "a grid needs values that can be counted: value, values, int_uniform or q_uniform",
        ),
    ],
)
def test_a_grid_of_what_cannot_be_counted_is_refused(spec, problem):
    config = {"method": "grid", "parameters": {"net": {"parameters": {"p": spec}}}}
    assert the_problem(config) == f"parameters.net.p: {problem}"


def test_a_grid_with_probabilities_is_refused():
    config = {"method": "grid", "parameters": {"p": {"values": [1, 2], "probabilities": [0.5, 0.5]}}}
    assert the_problem(config) == (
        "parameters.p.probabilities: a grid has every value once; leave them out, or use method: random"
    )


def test_all_problems_are_told_at_once():
    config = {
        "metod": "random",
        "run_cap": -1,
        "parameters": {"a": {"min": 1}, "b": {"parameters": {"c": {"distribution": "gauss"}}}},
    }
    assert [problem.split(":")[0] for problem in problems(config)] == [
        "metod",
        "method",
        "parameters.a.max",
        "parameters.b.parameters.c.distribution",
        "run_cap",
    ]


@pytest.mark.parametrize("text", ["[1, 2]", "just text", "", "3"])
def test_text_that_is_no_mapping_is_refused(text):
    with pytest.raises(SweepConfigError, match="a sweep configuration is a mapping of keys to values"):
        parse_sweep(text)


def test_text_that_is_no_yaml_is_refused_with_the_line():
    with pytest.raises(SweepConfigError, match=re.compile("neither JSON nor YAML.*line 2", re.DOTALL)):
        parse_sweep("method: grid\n  parameters: [}")


@pytest.mark.parametrize(
    ("rule", "bands"),
    [
        ({"max_iter": 27, "s": 2}, (9, 3)),
        ({"max_iter": 27, "s": 9}, (9, 3, 1)),
        ({"max_iter": 5, "s": 2, "eta": 2}, (2, 1)),
        ({"max_iter": 81, "s": 3, "eta": 3, "min_iter": 2}, (27, 9, 3)),
        ({"min_iter": 3, "max_iter": 20}, (9, 3)),
        ({"min_iter": 1, "max_iter": 9}, (3, 1)),
    ],
)
def test_the_bands_of_hyperband_worked_out_by_hand(rule, bands):
    config = {"method": "random", "metric": METRIC, "parameters": LR, "early_terminate": {"type": "hyperband", **rule}}
    assert parse_sweep(config).early_terminate == Hyperband(tuple(sorted(bands)), rule.get("eta", 3), False)


def test_a_target_is_reached_from_the_right_side():
    assert [Metric("a", "minimize", 0.5).is_reached_by(value) for value in (0.4, 0.5, 0.6)] == [True, True, False]
    assert [Metric("a", "maximize", 0.5).is_reached_by(value) for value in (0.4, 0.5, 0.6)] == [False, True, True]
    assert not Metric("a").is_reached_by(0.0)
