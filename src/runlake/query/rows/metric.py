"""One metric as plain numbers: the values of a history, and the one by which a run is judged."""

from __future__ import annotations

import numpy as np

from runlake.model import RunInfo
from runlake.query.rows.history import History
from runlake.query.runs.nested import find_values


def numbers_in_order(history: History) -> list[float]:
    """The values of all numeric series of a history in reading order; of a row with several, one behind the other."""
    rows, values = [], []
    for series in history.series:
        if series.lane in ("i64", "f64"):
            numbers = series.values.to_numpy().astype(np.float64)
            rows.append(series.positions(history.row_count))
            values.append(numbers)
    if not values:
        return []
    order = np.argsort(np.concatenate(rows), kind="stable")
    return [float(value) for value in np.concatenate(values)[order]]


def metric_of(run: RunInfo, name: str, goal: str) -> float | None:
    """The value by which a run is judged: of its summary, nested or not. None where it is no finite number.

    Where `define_metric` keeps several aggregates of the metric, the one that the goal asks for.
    """
    for value in find_values(run.summary, tuple(name.split("."))):
        if isinstance(value, dict):
            wanted = ("best", "min" if goal == "minimize" else "max", "last", "mean")
            value = next((value[key] for key in wanted if key in value), None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
            return number if abs(number) < float("inf") else None
    return None
