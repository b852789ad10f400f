"""confusion_matrix: which class was taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from runlake.errors import BadValueError
from runlake.media.arrays import as_array, plain
from runlake.media.table import Table
from runlake.plot.chart import Chart

ALL_PAIRS_CLASS_COUNT = 100
"""With more classes than this, the table has only the pairs that occur."""


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[Any] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> Chart:
    """How often each class was predicted for each true one.

    `y_true` are the true classes; the predicted ones are `preds`, or the highest of `probs` (n × classes). Classes are
    numbers from 0 that `class_names` names, or names themselves. The table has the columns Actual, Predicted and
    nPredictions, with every pair up to a hundred classes. Raises `BadValueError` where they do not fit.
    """
    if y_true is None:
        raise BadValueError("confusion_matrix needs y_true=, the true classes")
    if (probs is None) == (preds is None):
        raise BadValueError("confusion_matrix takes either probs= or preds=; give one of them")
    actual = _labels(y_true, "y_true")
    class_count = 0
    if probs is None:
        predicted = _labels(preds, "preds")
    else:
        predicted, class_count = _highest(probs)
    if len(actual) != len(predicted):
        raise BadValueError(
            f"confusion_matrix has {len(actual)} true classes and {len(predicted)} predicted ones; give as many"
        )
    names = _names(actual, predicted, class_names, class_count)
    counts = Counter(zip(actual, predicted, strict=True))
    pairs: Any = counts
    if len(names) <= ALL_PAIRS_CLASS_COUNT:
        pairs = ((row, column) for row in names for column in names)
    data = [[names[row], names[column], counts[row, column]] for row, column in pairs]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=data)
    fields = {
        "actual": "Actual",
        "predicted": "Predicted",
        "count": "nPredictions",
        "classes": list(names.values()),
    }
    return Chart("confusion", table, fields, "Confusion Matrix" if title is None else title)


def _labels(values: Any, what: str) -> list[Any]:
    given = plain(values)
    labels = []
    for label in given if isinstance(given, Iterable) and not isinstance(given, str) else [given]:
        if hasattr(label, "item"):
            label = label.item()
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if not isinstance(label, int | str):
            raise BadValueError(f"confusion_matrix was given {what} with {label!r:.80}; classes are numbers or names")
        labels.append(int(label) if isinstance(label, bool) else label)
    return labels


def _highest(probs: Any) -> tuple[list[int], int]:
    """The place of the highest number of each row, and how many there are in a row."""
    scores = as_array(probs, "a confusion matrix")
    if scores.ndim != 2 or not scores.shape[1]:
        raise BadValueError(f"confusion_matrix was given probs of shape {scores.shape}; give n × classes")
    places: list[int] = scores.argmax(axis=1).tolist()
    return places, scores.shape[1]


def _names(
    actual: list[Any], predicted: list[Any], class_names: Sequence[Any] | None, class_count: int
) -> dict[Any, str]:
    """Every class → its name, in the order of the axes. Two classes of one name are told apart by their number."""
    present = set(actual) | set(predicted)
    if all(isinstance(label, int) for label in present):
        if class_names is None:
            found = sorted(present.union(range(class_count)))
            return {label: str(label) for label in found}
        bad = sorted(label for label in present if not 0 <= label < len(class_names))
        if bad or class_count > len(class_names):
            what = f"class {bad[0]}" if bad else f"{class_count} columns of probs"
            raise BadValueError(
                f"confusion_matrix has {len(class_names)} class_names and {what}; classes are numbered from 0: "
                "name each of them"
            )
        texts = [str(name) for name in class_names]
        repeated = {text for text, count in Counter(texts).items() if count > 1}
        return {label: f"{text} ({label})" if text in repeated else text for label, text in enumerate(texts)}
    if not all(isinstance(label, str) for label in present):
        raise BadValueError(
            "confusion_matrix was given classes that are numbers and others that are names; use one of the two"
        )
    order = sorted(present) if class_names is None else [str(name) for name in class_names]
    unknown = sorted(present.difference(order))
    if unknown:
        raise BadValueError(f"confusion_matrix has the class {unknown[0]!r}, which is not among its class_names")
    return {name: name for name in order}
