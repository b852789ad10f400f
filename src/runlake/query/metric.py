"""One metric of a history as plain numbers."""

from __future__ import annotations

import numpy as np

from runlake.query.history import History


def numbers_in_order(history: History) -> list[float]:
    """The values of all numeric series of a history in reading order; of a row with several, one behind the other."""
    rows, values = [], []
    for series in history.series:
        if series.lane in ("i64", "f64"):
            numbers = series.values.to_numpy().astype(np.float64)
            rows.append(np.arange(len(numbers)) if series.rows is None else np.asarray(series.rows))
            values.append(numbers)
    if not values:
        return []
    order = np.argsort(np.concatenate(rows), kind="stable")
    return [float(value) for value in np.concatenate(values)[order]]
