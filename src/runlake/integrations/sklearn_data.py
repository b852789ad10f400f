"""What the plots of scikit-learn models show, as rows of tables: computed here, logged in `sklearn`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runlake.errors import BadValueError

CLUSTER_RANGES = (1, 3, 5, 7, 9)
BIN_COUNT = 10


def plain(values: Any) -> list[Any]:
    """An array, a column or a list as a list; `BadValueError` where nothing was given."""
    if values is None:
        raise BadValueError("this plot was given no values where it needs some; see its arguments")
    return np.asarray(values).ravel().tolist()


def is_regressor(model: Any) -> bool:
    from sklearn.base import is_regressor

    return bool(is_regressor(model))


def importance_of(model: Any) -> list[float] | None:
    """One number a feature; None for a model that has none."""
    found = getattr(model, "feature_importances_", None)
    if found is None:
        found = getattr(model, "coef_", None)
        if found is None:
            return None
        found = np.abs(np.atleast_2d(np.asarray(found))).mean(axis=0)
    return [float(value) for value in np.asarray(found).ravel()]


def confusion_rows(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[Any] | None,
    true_labels: Sequence[Any] | None,
    pred_labels: Sequence[Any] | None,
    normalize: bool,
) -> tuple[list[list[Any]], list[str]]:
    """Predicted, actual and count of each pair, and the names of all classes."""
    actual, predicted = plain(y_true), plain(y_pred)
    if len(actual) != len(predicted):
        raise BadValueError(f"y_true has {len(actual)} values and y_pred {len(predicted)}; give as many")
    names = _names(sorted(set(actual) | set(predicted)), labels)
    counts = Counter(zip(predicted, actual, strict=True))
    totals = Counter(actual)
    shown_true = _picked(names, true_labels, "true_labels")
    shown_predicted = _picked(names, pred_labels, "pred_labels")
    rows = []
    for guess in shown_predicted:
        for truth in shown_true:
            count: float = counts[guess, truth]
            rows.append([names[guess], names[truth], count / max(1, totals[truth]) if normalize else count])
    return rows, list(names.values())


def summary_rows(model: Any, X_test: Any, y_test: Any) -> list[list[Any]]:
    """Name, value and model of each metric."""
    from sklearn import metrics

    if X_test is None or y_test is None:
        raise BadValueError("the summary metrics are those of a test set: give X_test= and y_test=")
    predicted = model.predict(X_test)
    if is_regressor(model):
        found = {
            "mae": metrics.mean_absolute_error(y_test, predicted),
            "mse": metrics.mean_squared_error(y_test, predicted),
            "r2_score": metrics.r2_score(y_test, predicted),
        }
    else:
        options: dict[str, Any] = {"average": "weighted", "zero_division": 0}
        found = {
            "accuracy_score": metrics.accuracy_score(y_test, predicted),
            "precision": metrics.precision_score(y_test, predicted, **options),
            "recall": metrics.recall_score(y_test, predicted, **options),
            "f1_score": metrics.f1_score(y_test, predicted, **options),
        }
    return [[name, float(value), type(model).__name__] for name, value in found.items()]


def learning_rows(model: Any, X: Any, y: Any, train_sizes: Any, options: Mapping[str, Any]) -> list[list[Any]]:
    """Dataset, mean score and number of examples."""
    from sklearn.model_selection import learning_curve

    if not options["shuffle"]:
        options = {**options, "random_state": None}
    sizes = np.linspace(0.1, 1.0, 5) if train_sizes is None else train_sizes
    counts, on_training, on_test = learning_curve(model, X, y, train_sizes=sizes, **options)[:3]
    rows = []
    for count, training, test in zip(counts.tolist(), on_training.mean(axis=1), on_test.mean(axis=1), strict=True):
        rows += [["train", float(training), count], ["test", float(test), count]]
    return rows


def proportion_rows(y_train: Any, y_test: Any, labels: Sequence[Any] | None) -> list[list[Any]]:
    """Class, dataset and count; the test set may be missing."""
    sets = {"train": Counter(plain(y_train))}
    if y_test is not None:
        sets["test"] = Counter(plain(y_test))
    names = _names(sorted(set().union(*sets.values())), labels)
    return [[name, dataset, counts[kind]] for kind, name in names.items() for dataset, counts in sets.items()]


def calibration_rows(classifier: Any, X: Any, y: Any, name: str) -> list[list[Any]]:
    """Model, share of positives, mean prediction, and of each bin the count and the lower edge."""
    from sklearn.base import clone
    from sklearn.calibration import calibration_curve
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    classes = sorted(set(plain(y)))
    if len(classes) != 2:
        raise BadValueError(f"a calibration curve is for two classes; y has {len(classes)}")
    X_fit, X_held, y_fit, y_held = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    rows: list[list[Any]] = [["Perfectly calibrated", share, share, 0, 0.0] for share in (0.0, 1.0)]
    for label, model in (("Logistic", LogisticRegression(max_iter=1000)), (name, clone(classifier))):
        fitted = model.fit(X_fit, y_fit)
        if hasattr(fitted, "predict_proba"):
            scores = np.asarray(fitted.predict_proba(X_held))[:, 1]
        else:
            decided = np.asarray(fitted.decision_function(X_held))
            scores = (decided - decided.min()) / max(float(np.ptp(decided)), 1e-12)
        shares, means = calibration_curve(np.asarray(y_held) == classes[1], scores, n_bins=BIN_COUNT)
        counts, edges = np.histogram(scores, bins=BIN_COUNT)
        rows += [
            [label, float(share), float(mean), int(count), float(edge)]
            for share, mean, count, edge in zip(shares, means, counts, edges, strict=False)
        ]
    return rows


def residual_rows(regressor: Any, X: Any, y: Any) -> list[list[Any]]:
    """Dataset, prediction, what it is off, and the R² of both datasets."""
    from sklearn.base import clone
    from sklearn.model_selection import train_test_split

    X_fit, X_held, y_fit, y_held = train_test_split(X, y, test_size=0.2, random_state=0)
    model = clone(regressor).fit(X_fit, y_fit)
    scores = [float(model.score(X_fit, y_fit)), float(model.score(X_held, y_held))]
    rows: list[list[Any]] = []
    for dataset, inputs, truth in (("train", X_fit, y_fit), ("test", X_held, y_held)):
        predicted = plain(model.predict(inputs))
        rows += [[dataset, guess, guess - true, *scores] for guess, true in zip(predicted, plain(truth), strict=True)]
    return rows


def cooks_distances(regressor: Any, X: Any, y: Any) -> tuple[list[float], float]:
    """Cook's distance of each example, and 4 / n, from which on one is worth a look."""
    from sklearn.base import clone

    inputs, truth = np.asarray(X, dtype=float), np.asarray(y, dtype=float).ravel()
    model = clone(regressor).fit(inputs, truth)
    design = np.column_stack([np.ones(len(inputs)), inputs])
    leverage = np.clip(np.einsum("ij,ji->i", design, np.linalg.pinv(design)), 0.0, 1.0 - 1e-12)
    residuals = truth - np.asarray(model.predict(inputs)).ravel()
    freedom = max(1, len(truth) - design.shape[1])
    variance = float(residuals @ residuals) / freedom or 1.0
    distances = residuals**2 / (design.shape[1] * variance) * leverage / (1.0 - leverage) ** 2
    return distances.tolist(), 4.0 / len(truth)


def elbow_rows(clusterer: Any, X: Any, ranges: Sequence[int] | None, n_jobs: int) -> list[list[Any]]:
    """Number of clusters, error, and seconds that it took."""
    from sklearn.base import clone

    if not hasattr(clusterer, "n_clusters"):
        raise BadValueError(f"an elbow curve needs a clusterer with n_clusters; a {type(clusterer).__name__} has none")
    rows = []
    for count in ranges or CLUSTER_RANGES:
        started = time.perf_counter()
        model = clone(clusterer).set_params(n_clusters=count).fit(X)
        rows.append([count, abs(float(model.score(X))), time.perf_counter() - started])
    return rows


def silhouette_rows(
    clusterer: Any, X: Any, cluster_labels: Any, labels: Sequence[Any] | None, metric: str
) -> list[list[Any]]:
    """Cluster, place from the lowest to the highest within all clusters, and silhouette."""
    from sklearn.metrics import silhouette_samples

    found = np.asarray(clusterer.fit_predict(X) if cluster_labels is None else cluster_labels)
    values = silhouette_samples(X, found, metric=metric)
    kinds = sorted(set(found.tolist()))
    names = _names(kinds, labels)
    rows: list[list[Any]] = []
    for kind in kinds:
        for value in sorted(values[found == kind].tolist()):
            rows.append([names[kind], len(rows), value])
    return rows


def _names(classes: Sequence[Any], labels: Sequence[Any] | None) -> dict[Any, str]:
    """Class → name. `labels` name classes that are numbers by their place, others in ascending order."""
    if labels is None:
        return {kind: str(kind) for kind in classes}
    texts = [str(label) for label in labels]
    if set(map(str, classes)) <= set(texts):
        return {kind: str(kind) for kind in classes}
    if all(isinstance(kind, int) and 0 <= kind < len(texts) for kind in classes):
        return {kind: texts[kind] for kind in classes}
    if len(texts) != len(classes):
        raise BadValueError(f"there are {len(texts)} labels and {len(classes)} classes; name each of them")
    return dict(zip(classes, texts, strict=True))


def _picked(names: Mapping[Any, str], labels: Sequence[Any] | None, what: str) -> list[Any]:
    if labels is None:
        return list(names)
    wanted = {str(label) for label in labels}
    picked = [kind for kind, name in names.items() if name in wanted or str(kind) in wanted]
    if not picked:
        raise BadValueError(f"{what} names none of the classes {', '.join(names.values())}")
    return picked
