"""Searches measured in a process of their own: runlake's, and Optuna's default in an environment that has Optuna.

``python -m benchmarks.sweep_search_case quality SEARCHER PROBLEM SEED_COUNT`` and ``… time SEARCHER TRIAL_COUNT``.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

BUDGET = 30
PROPOSAL_COUNT = 200


@dataclass(frozen=True)
class Problem:
    """Something to minimize; `space` as the parameters of a sweep. The value is above the least there is."""

    space: dict[str, Any]
    loss: Callable[[dict[str, Any]], float]


def cube(count: int) -> dict[str, Any]:
    return {f"x{index}": {"min": 0.0, "max": 1.0} for index in range(count)}


def branin(params: dict[str, Any]) -> float:
    x, y = 15 * params["x0"] - 5, 15 * params["x1"]
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


HARTMANN_WIDTHS = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
HARTMANN_CENTRES = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann(params: dict[str, Any]) -> float:
    point = [params[f"x{index}"] for index in range(6)]
    value = 3.32237
    for height, widths, centres in zip((1, 1.2, 3, 3.2), HARTMANN_WIDTHS, HARTMANN_CENTRES, strict=True):
        away = sum(w * (x - c) ** 2 for w, x, c in zip(widths, point, centres, strict=True))
        value -= height * math.exp(-away)
    return value


@cache
def diabetes() -> tuple[Any, Any]:
    from sklearn.datasets import load_diabetes
    from sklearn.preprocessing import StandardScaler

    features, progress = load_diabetes(return_X_y=True, scaled=False)
    return StandardScaler().fit_transform(features), progress


def regression(params: dict[str, Any]) -> float:
    """How far a support vector machine is off, on the diabetes data, in three-fold cross-validation."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVR

    features, progress = diabetes()
    model = SVR(**params, max_iter=20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a bad choice need not converge
        scores = cross_val_score(model, features, progress, cv=3, scoring="neg_root_mean_squared_error")
    return float(-scores.mean())


PROBLEMS = {
    "branin": Problem(cube(2), branin),
    "hartmann6": Problem(cube(6), hartmann),
    "svm": Problem(
        {
            "kernel": {"values": ["rbf", "poly", "sigmoid"]},
            "C": {"distribution": "log_uniform_values", "min": 1e-1, "max": 1e4},
            "gamma": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e1},
            "epsilon": {"distribution": "log_uniform_values", "min": 1e-2, "max": 50},
            "degree": {"min": 1, "max": 4},
            "coef0": {"min": 0.0, "max": 1.0},
        },
        regression,
    ),
}
MIXED = cube(6) | {"kind": {"values": ["a", "b", "c", None]}, "size": {"min": 1, "max": 64}}


def best_of_runlake(method: str, problem: Problem, seed: int) -> float:
    from runlake.search.configuration import parse_sweep
    from runlake.search.propose import Trial, propose

    plan = parse_sweep({"method": method, "metric": {"name": "loss"}, "parameters": problem.space})
    trials: list[Trial] = []
    for number in range(BUDGET):
        params = propose(plan, number, trials, seed=seed)
        trials.append(Trial(number=number, params=params, value=problem.loss(params), state="finished"))
    return min(trial.value for trial in trials if trial.value is not None)


def suggested(trial: Any, space: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a sweep as Optuna is asked for them."""
    params = {}
    for name, spec in space.items():
        if "values" in spec:
            params[name] = trial.suggest_categorical(name, spec["values"])
        elif isinstance(spec["min"], int) and isinstance(spec["max"], int) and "distribution" not in spec:
            params[name] = trial.suggest_int(name, spec["min"], spec["max"])
        else:
            params[name] = trial.suggest_float(name, spec["min"], spec["max"], log="distribution" in spec)
    return params


def best_of_optuna(problem: Problem, seed: int) -> float:
    """Its default sampler, which is what ``create_study()`` has; the seed makes it repeatable and nothing else."""
    study = optuna_study(seed)
    study.optimize(lambda trial: problem.loss(suggested(trial, problem.space)), BUDGET)
    return float(study.best_value)


def optuna_study(seed: int) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    study.sampler = type(study.sampler)(seed=seed)
    return study


def runlake_seconds(method: str, trial_count: int) -> Iterator[float]:
    """The time of each proposal, after so many runs."""
    from runlake.search.configuration import parse_sweep
    from runlake.search.propose import Trial, propose

    space = MIXED if method != "grid" else {f"k{index}": {"min": 1, "max": 12} for index in range(6)}
    plan = parse_sweep({"method": method, "metric": {"name": "loss"}, "parameters": space})
    drawn = parse_sweep({"method": "random", "parameters": space})
    trials = []
    for number in range(trial_count):
        params = propose(drawn, number, [], seed=0)
        value = hartmann(params) if method != "grid" else float(params["k0"])
        trials.append(Trial(number=number, params=params, value=value, state="finished"))
    propose(plan, trial_count, trials, seed=0)  # loads what it needs
    for number in range(PROPOSAL_COUNT):
        begin = time.perf_counter()
        propose(plan, trial_count + number, trials, seed=0)
        yield time.perf_counter() - begin


def optuna_seconds(trial_count: int) -> Iterator[float]:
    study = optuna_study(0)
    study.sampler = type(study.sampler)(seed=0, n_startup_trials=trial_count)
    study.optimize(lambda trial: hartmann(suggested(trial, MIXED)), trial_count)
    study.sampler = type(study.sampler)(seed=0)
    for _ in range(PROPOSAL_COUNT):
        begin = time.perf_counter()
        trial = study.ask()
        params = suggested(trial, MIXED)
        seconds = time.perf_counter() - begin
        study.tell(trial, hartmann(params))
        yield seconds


def main(what: str, searcher: str, *words: str) -> None:
    if what == "quality":
        problem, seeds = PROBLEMS[words[0]], range(int(words[1]))
        best = [
            best_of_optuna(problem, seed) if searcher == "optuna" else best_of_runlake(searcher, problem, seed)
            for seed in seeds
        ]
        print(json.dumps({"median": statistics.median(best)}))
    else:
        count = int(words[0])
        seconds = sorted(optuna_seconds(count) if searcher == "optuna" else runlake_seconds(searcher, count))
        last = math.ceil(0.99 * len(seconds)) - 1
        print(json.dumps({"p50_ms": 1e3 * statistics.median(seconds), "p99_ms": 1e3 * seconds[last]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
