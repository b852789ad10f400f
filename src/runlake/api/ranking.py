"""The runs of a sweep, judged by its metric; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runlake.model import RunInfo
from runlake.query.rows.metric import metric_of
from runlake.sweep_model import SweepInfo

NEVER_BEST = ("failed", "crashed")
"""States of runs whose values do not count."""


class JudgedRun(Struct, frozen=True):
    """A run of a sweep, and the value of the metric that counts for it.

    `value` is None where none was logged, it is not finite, or the run failed or crashed. `params` are those that the
    sweep searches, by dotted name.
    """

    run: RunInfo
    value: float | None
    params: dict[str, Any]


def metric_name_of(sweep: SweepInfo) -> str | None:
    """The metric by which the sweep judges; None where it has none."""
    name: str | None = (sweep.config.get("metric") or {}).get("name")
    return name


def goal_of(sweep: SweepInfo) -> str:
    """``minimize`` or ``maximize``."""
    return str((sweep.config.get("metric") or {}).get("goal", "minimize"))


def judge_runs(
    sweep: SweepInfo, runs: Sequence[RunInfo], *, metric: str | None = None, goal: str | None = None
) -> list[JudgedRun]:
    """Each run with its value and its parameters; by another metric than the sweep's when one is named."""
    name, goal = metric or metric_name_of(sweep), goal or goal_of(sweep)
    paths = searched_params(sweep.config)
    return [
        JudgedRun(
            run=run,
            value=None if name is None or run.state in NEVER_BEST else metric_of(run, name, goal),
            params=_params_of(run.config, paths),
        )
        for run in runs
    ]


def best_first(judged: Sequence[JudgedRun], goal: str) -> list[JudgedRun]:
    """Those that have a value, the best one first; of equal ones the one that came first."""
    found = [(one.value, one) for one in judged if one.value is not None]
    sign = -1.0 if goal == "maximize" else 1.0
    return [one for _, one in sorted(found, key=lambda pair: sign * pair[0])]


def best_so_far(judged: Sequence[JudgedRun], goal: str) -> list[float]:
    """Of each run that has a value the best of it and those before it."""
    best: list[float] = []
    pick = max if goal == "maximize" else min
    for one in judged:
        if one.value is not None:
            best.append(pick(best[-1], one.value) if best else one.value)
    return best


def searched_params(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The keys that lead to each parameter of a sweep's configuration which may have more than one value."""
    from runlake.search.configuration import parse_sweep
    from runlake.search.plan import leaves

    return [path for path, space in leaves(parse_sweep(config).parameters) if space.value_count != 1]


def _params_of(config: dict[str, Any], paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    from runlake.search.plan import MISSING, look_up

    found = {".".join(path): look_up(config, path) for path in paths}
    return {name: value for name, value in found.items() if value is not MISSING}
