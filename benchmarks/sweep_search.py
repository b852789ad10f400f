"""What the search of sweeps finds, and how long it takes, beside random choice and Optuna's default sampler."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.bench import Bench, BenchmarkError, Group, Target, own_environment, run_json
from benchmarks.peers import NotInstallableError, Peer, environment_python

OPTUNA = Peer("optuna", ("optuna==5.0.0", "scikit-learn==1.9.1"))
TITLE = OPTUNA.packages[0].replace("==", " ")


def answer(bench: Bench, what: str, searcher: str, *words: object) -> dict[str, float]:
    """What the case says in a fresh process; of Optuna, in an environment that has it."""

    def measure() -> dict[str, float]:
        folder = bench.fresh_folder(f"search-{searcher}")
        command = [str(python(searcher)), "-m", "benchmarks.sweep_search_case", what, searcher, *map(str, words)]
        return run_json(command, folder, own_environment(bench, folder))

    result: dict[str, float] = bench.once(("search:", what, searcher, *words), measure)
    return result


def python(searcher: str) -> Path:
    if searcher != "optuna":
        return Path(sys.executable)
    try:
        return environment_python(OPTUNA)
    except NotInstallableError as error:
        raise BenchmarkError(f"{TITLE} cannot be installed here: {error}") from None


def found(problem: str, title: str, unit: str, other: str, limit_name: str, at_most: float) -> Target:
    def median(bench: Bench, searcher: str) -> float:
        return answer(bench, "quality", searcher, problem, bench.count(20, 4))["median"]

    return Target(
        f"{title}: best of 30 runs, median of 20 seeds",
        unit,
        at_most,
        "ratio",
        lambda bench: median(bench, "bayes"),
        limit_name,
        lambda bench: median(bench, other),
    )


def proposal(method: str, at_most: float, which: str) -> Target:
    return Target(
        f"the next run by {method} after 1,000, {which}",
        "ms",
        at_most,
        "value",
        lambda bench: answer(bench, "time", method, 1000)[f"{which}_ms"],
        f"{TITLE}, default",
        lambda bench: answer(bench, "time", "optuna", 1000)[f"{which}_ms"],
    )


PROBLEMS = (
    ("branin", "Branin", "above the minimum"),
    ("hartmann6", "Hartmann6", "above the minimum"),
    ("svm", "support vector machine on the diabetes data", "RMSE"),
)

GROUP = Group(
    "sweep_search",
    "Searching parameters",
    targets=(
        *(found(*problem, "random", "random", 1.0) for problem in PROBLEMS),
        *(found(*problem, "optuna", f"{TITLE}, default", 1.1) for problem in PROBLEMS),
        *(proposal(*row, which) for row in (("random", 20), ("grid", 20), ("bayes", 300)) for which in ("p50", "p99")),
    ),
)
