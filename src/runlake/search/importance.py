"""Which parameters of a sweep matter: their importance to a random forest, and their correlation with the metric.

The forest is fitted to predict the metric from the parameters, as W&B's parameter importance does. Importances add up
to 1: how much a parameter matters beside others, whether it raises the metric or lowers it. The correlation says which
way, from -1 to 1, as far as that is a straight line.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runlake.errors import BadValueError, NotSupportedError
from runlake.values import encode_json

TREE_COUNT = 100


class ParameterImportance(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. `correlation` is None where it has none: text, or the same number in all runs.

    `run_count` is how many of the runs with a value of the metric have this parameter.
    """

    name: str
    importance: float
    correlation: float | None
    run_count: int


def parameter_importance(
    params: Sequence[Mapping[str, Any]], values: Sequence[float | None], *, seed: int = 0
) -> list[ParameterImportance]:
    """The parameters that differ between runs, the most important one first.

    `params` are those of each run, by dotted name; `values` what each run reached, None or NaN where it did not. Text
    and other things are taken apart into one column for each value, whose importances are added again. Raises
    `BadValueError` when fewer than two runs have a value, and `NotSupportedError` without scikit-learn.
    """
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError:
        raise NotSupportedError(
            "the importance of parameters needs scikit-learn, which is not installed; "
            "run: pip install 'runlake[sweeps]'"
        ) from None
    runs = [
        (run, float(value))
        for run, value in zip(params, values, strict=True)
        if value is not None and math.isfinite(value)
    ]
    if len(runs) < 2:
        raise BadValueError(f"the importance of parameters needs at least two runs with a value; there are {len(runs)}")
    reached = np.array([value for _run, value in runs])
    names = sorted({name for run, _value in runs for name in run})
    columns = {name: _columns([run.get(name, _MISSING) for run, _value in runs]) for name in names}
    columns = {name: matrix for name, matrix in columns.items() if matrix.shape[1]}
    if not columns:
        return []
    forest = RandomForestRegressor(TREE_COUNT, random_state=seed % 2**32)
    forest.fit(np.hstack(list(columns.values())), _scaled(reached))
    shares, start, found = forest.feature_importances_, 0, []
    for name, matrix in columns.items():
        end = start + matrix.shape[1]
        given = [run.get(name, _MISSING) for run, _value in runs]
        found.append(
            ParameterImportance(
                name=name,
                importance=float(shares[start:end].sum()),
                correlation=_correlation(given, reached),
                run_count=sum(value is not _MISSING for value in given),
            )
        )
        start = end
    return sorted(found, key=lambda parameter: (-parameter.importance, parameter.name))


_MISSING = object()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _columns(given: Sequence[Any]) -> NDArray[np.float64]:
    """A parameter as columns: the ranks of numbers, or one for each different value; none where all runs have the same.

    To a forest ranks are as good as numbers, and never too large.
    """
    if all(map(_is_number, given)):
        ranks = np.unique(np.array(given, dtype=np.float64), return_inverse=True)[1]
        return ranks[:, None].astype(np.float64)[:, : int(ranks.max() > 0)]
    texts = ["" if value is _MISSING else str(encode_json(value)) for value in given]
    kinds = sorted(set(texts))
    return np.array([[float(text == kind) for kind in kinds if len(kinds) > 1] for text in texts])


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between 0 and 1: a forest squares differences, and those of very large values are infinite."""
    half = values / 2 - values.min() / 2
    scaled: NDArray[np.float64] = half / half.max() if half.max() > 0 else half
    return scaled


def _correlation(given: Sequence[Any], reached: NDArray[np.float64]) -> float | None:
    """Pearson's, over the runs that have a number here."""
    pairs = [(float(value), own) for value, own in zip(given, _scaled(reached), strict=True) if _is_number(value)]
    if len(pairs) < 2 or not all(_is_number(value) for value in given if value is not _MISSING):
        return None
    numbers, metric = np.array(pairs).T
    numbers = _scaled(numbers)
    if np.ptp(numbers) == 0 or np.ptp(metric) == 0:
        return None
    return float(np.clip(np.corrcoef(numbers, metric)[0, 1], -1, 1))
