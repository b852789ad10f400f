"""ROC and precision-recall curves, one against the rest for each class.

The definitions are those of scikit-learn (`roc_curve`, `precision_recall_curve`, `roc_auc_score`,
`average_precision_score`): thresholds are the different scores, from the highest down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, warn
from runlake.media.arrays import as_array
from runlake.media.table import Table
from runlake.plot.chart import Chart

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_POINT_COUNT = 10_000
"""Of a longer curve, this many points are kept, evenly from first to last; its score is that of the whole."""


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> Chart:
    """The true positive rate over the false positive rate, for each class against the rest.

    `y_true` are n classes, `y_probas` their scores as n × classes, or n numbers for the second of two classes. Columns
    belong to the classes in ascending order; `labels` name them, `classes_to_plot` picks some (classes or their names).
    The table has the columns class, fpr and tpr, without points that lie on a line between others; the drawing
    tells the area under each curve. A class that has no example, or only examples, has no curve and is
    named in a warning. Raises `BadValueError` for what does not fit.
    """
    data, scores = [], {}
    for name, is_positive, score in _classes(y_true, y_probas, labels, classes_to_plot, "roc_curve", both=True):
        curve = _count_down(is_positive, score)
        fpr, tpr = curve.false_positives / curve.false_positives[-1], curve.true_positives / curve.true_positives[-1]
        scores[name] = float(((fpr[1:] - fpr[:-1]) * (tpr[1:] + tpr[:-1])).sum() / 2)
        kept = _corners(curve)
        data += [[name, x, y] for x, y in zip(fpr[kept].tolist(), tpr[kept].tolist(), strict=True)]
    fields = {
        "x": "fpr",
        "y": "tpr",
        "stroke": "class",
        "x_label": "False positive rate",
        "y_label": "True positive rate",
        "score_name": "AUC",
        "scores": scores,
    }
    return Chart(
        "roc", Table(columns=["class", "fpr", "tpr"], data=data), fields, "ROC Curve" if title is None else title
    )


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int | None = 21,
    title: str | None = None,
    split_table: bool = False,
) -> Chart:
    """The precision over the recall, for each class against the rest.

    The table has the columns class, recall and precision at `interp_size` recalls evenly from 0 to 1: the precision
    of the highest threshold that reaches the recall, and 1 at recall 0. With ``interp_size=None`` it has every point.
    The drawing tells the average precision of each whole curve. Otherwise as `roc_curve`.
    """
    import numpy as np

    if interp_size is not None and (isinstance(interp_size, bool) or interp_size < 2):
        raise BadValueError(
            f"pr_curve was asked for interp_size={interp_size!r} points; give 2 or more, or None for all"
        )
    data, scores = [], {}
    for name, is_positive, score in _classes(y_true, y_probas, labels, classes_to_plot, "pr_curve", both=False):
        curve = _count_down(is_positive, score)
        found, total = curve.true_positives, curve.true_positives[-1]
        taken = found + curve.false_positives
        # Nothing taken is what the curve begins with: precision 1 by definition.
        precision = np.divide(found, taken, out=np.ones(len(found)), where=taken > 0)
        recall = found / total
        scores[name] = float(((recall[1:] - recall[:-1]) * precision[1:]).sum())
        if interp_size is None:
            places = _thin(np.arange(len(recall)))
            recalls, precisions = recall[places], precision[places]
        else:
            recalls = np.linspace(0, 1, interp_size)
            # In counts, since 0.15 and 3 / 20 need not be the same float.
            precisions = precision[np.searchsorted(found, np.ceil(recalls * total - 1e-9))]
        data += [[name, x, y] for x, y in zip(recalls.tolist(), precisions.tolist(), strict=True)]
    fields = {
        "x": "recall",
        "y": "precision",
        "stroke": "class",
        "x_label": "Recall",
        "y_label": "Precision",
        "score_name": "AP",
        "scores": scores,
    }
    table = Table(columns=["class", "recall", "precision"], data=data)
    return Chart("pr", table, fields, "Precision-Recall Curve" if title is None else title)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Positives and negatives at or above each threshold, from none (0, 0) to all; float64[thresholds + 1]."""

    true_positives: npt.NDArray[np.float64]
    false_positives: npt.NDArray[np.float64]


def _count_down(is_positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> _Counts:
    import numpy as np

    order = np.argsort(-score, kind="stable")
    score, is_positive = score[order], is_positive[order]
    ends = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    found = np.cumsum(is_positive)[ends]
    return _Counts(np.append(0.0, found), np.append(0.0, 1 + ends - found))


def _corners(curve: _Counts) -> npt.NDArray[np.intp]:
    """The places where the curve turns, with the first and the last."""
    import numpy as np

    across, up = np.diff(curve.false_positives), np.diff(curve.true_positives)
    turns = across[1:] * up[:-1] != across[:-1] * up[1:]
    return _thin(np.flatnonzero(np.concatenate([[True], turns, [True]])))


def _thin(places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    import numpy as np

    if len(places) <= MAX_POINT_COUNT:
        return places
    return places[np.linspace(0, len(places) - 1, MAX_POINT_COUNT).round().astype(np.intp)]


def _classes(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[Any] | None,
    classes_to_plot: Sequence[Any] | None,
    what: str,
    *,
    both: bool,
) -> Iterator[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.float64]]]:
    """For each class to plot: its name, which examples are of it, and their scores."""
    import numpy as np

    if y_true is None or y_probas is None:
        raise BadValueError(f"{what} needs y_true=, the classes, and y_probas=, their scores")
    truth, scores = as_array(y_true, "a curve").ravel(), as_array(y_probas, "a curve")
    if scores.ndim not in (1, 2) or scores.dtype.kind not in "biuf" or len(scores) != len(truth) or not len(truth):
        raise BadValueError(
            f"{what} was given {len(truth)} classes and scores of shape {scores.shape} and type {scores.dtype}; "
            "give n classes, at least one, and n × classes scores"
        )
    scores = scores.astype(np.float64).reshape(len(truth), -1)
    if np.isnan(scores).any():
        raise BadValueError(
            f"{what} was given {int(np.isnan(scores).sum())} scores that are NaN of {scores.size}; a curve needs an "
            "order of them: leave those examples out"
        )
    columns = _columns(truth, scores.shape[1], labels, what)
    wanted = None if classes_to_plot is None else [str(one) for one in classes_to_plot]
    unknown = [one for one in wanted or () if not any(one in (str(value), name) for value, name, _ in columns)]
    if unknown:
        known = ", ".join(name for _, name, _ in columns)
        raise BadValueError(f"{what} was asked for the class {unknown[0]!r}; the classes are {known}")
    without = []
    for value, name, column in columns:
        if wanted is not None and str(value) not in wanted and name not in wanted:
            continue
        is_positive = truth == value
        if not is_positive.any() or (both and is_positive.all()):
            without.append(name)
            continue
        yield name, is_positive, scores[:, column]
    if without:
        warn(f"{what}: no curve for {', '.join(without)}: the {len(truth)} examples are all, or none, of that class")


def _columns(
    truth: npt.NDArray[Any], column_count: int, labels: Sequence[Any] | None, what: str
) -> list[tuple[Any, str, int]]:
    """Class, name and column of the scores, for every class."""
    import numpy as np

    found: list[Any] = np.unique(truth).tolist()
    are_numbers = all(isinstance(value, int | float) and float(value).is_integer() for value in found)
    if column_count == 1:
        if len(found) > 2:
            raise BadValueError(
                f"{what} was given one score for each example and {len(found)} classes; give n × classes"
            )
        # The score is that of the second class; with examples of one class only, 0 is the first of two.
        positive = found[-1] if len(found) == 2 or not (are_numbers and found[0] == 0) else 1
        name = labels[-1] if labels is not None and len(labels) in (1, 2) else positive
        return [(positive, str(name), 0)]
    classes = found
    if are_numbers and found[0] >= 0 and found[-1] < column_count:
        classes = list(range(column_count))
    elif len(found) < column_count and labels is not None and set(found) <= set(labels):
        classes = sorted(set(labels))
    if len(classes) != column_count:
        raise BadValueError(
            f"{what} was given scores for {column_count} classes and examples of {len(found)} "
            f"({', '.join(map(str, found[:10]))}); number the classes from 0, or name all of them in labels="
        )
    if labels is None or not are_numbers:
        return [(value, str(value), column) for column, value in enumerate(classes)]
    if len(labels) != column_count or len(set(map(str, labels))) != column_count:
        raise BadValueError(
            f"{what} was given {len(labels)} labels, {len(set(map(str, labels)))} of them different, "
            f"for {column_count} classes; give each class a name of its own"
        )
    return [(value, str(labels[column]), column) for column, value in enumerate(classes)]
