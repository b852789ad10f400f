"""Plots of scikit-learn models, as charts and tables of the active run.

Each function logs one row with one key, which is also the key that W&B gives it: the data of the plot as a table with
W&B's columns, drawn as a chart of `runlake.plot`. The three for a whole kind of model log several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runlake.errors import BadValueError, warn
from runlake.integrations.boosters import active_run
from runlake.integrations.sklearn_data import (
    calibration_rows,
    confusion_rows,
    cooks_distances,
    elbow_rows,
    importance_of,
    learning_rows,
    plain,
    proportion_rows,
    residual_rows,
    silhouette_rows,
    summary_rows,
)
from runlake.media.table import Table
from runlake.plot import Chart, bar, line, pr_curve, roc_curve, scatter

__all__ = [
    "plot_calibration_curve",
    "plot_class_proportions",
    "plot_classifier",
    "plot_clusterer",
    "plot_confusion_matrix",
    "plot_elbow_curve",
    "plot_feature_importances",
    "plot_learning_curve",
    "plot_outlier_candidates",
    "plot_precision_recall",
    "plot_regressor",
    "plot_residuals",
    "plot_roc",
    "plot_silhouette",
    "plot_summary_metrics",
]


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[Any] | None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[Any] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """All that there is for a classifier: importances, confusion matrix, metrics, proportions, calibration, ROC, PR.

    The calibration curve is there for two classes; the learning curve, which fits the model many times, when it is
    asked for. `labels` name the classes in ascending order. Each is a row of its own, see the single functions.
    """
    plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X=X_train, y=y_train, X_test=X_test, y_test=y_test)
    plot_class_proportions(y_train, y_test, labels)
    if len(set(plain(y_train))) == 2:
        plot_calibration_curve(model, X_train, y_train, model_name)
    plot_roc(y_test, y_probas, labels)
    plot_precision_recall(y_test, y_probas, labels)


def plot_regressor(
    model: Any, X_train: Any, X_test: Any, y_train: Any, y_test: Any, model_name: str = "Regressor"
) -> None:
    """All that there is for a regressor: metrics, learning curve, outlier candidates, residuals."""
    plot_summary_metrics(model, X=X_train, y=y_train, X_test=X_test, y_test=y_test)
    plot_learning_curve(model, X_train, y_train)
    plot_outlier_candidates(model, X_train, y_train)
    plot_residuals(model, X_train, y_train)


def plot_clusterer(
    model: Any, X_train: Any, cluster_labels: Any, labels: Sequence[Any] | None = None, model_name: str = "Clusterer"
) -> None:
    """All that there is for a clusterer: the elbow curve where it has `n_clusters`, and the silhouettes."""
    if hasattr(model, "n_clusters"):
        plot_elbow_curve(model, X_train)
    plot_silhouette(model, X_train, cluster_labels, labels=labels)


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[Any] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> None:
    """How often each class was taken for which, under ``confusion_matrix``.

    `labels` name the classes in ascending order; `true_labels` and `pred_labels` pick some of them for either side.
    With `normalize` the counts are shares of each true class.
    """
    rows, names = confusion_rows(y_true, y_pred, labels, true_labels, pred_labels, normalize)
    table = Table(columns=["Predicted", "Actual", "Count"], data=rows)
    fields = {"actual": "Actual", "predicted": "Predicted", "count": "Count", "classes": names}
    _log("confusion_matrix", Chart("confusion", table, fields, "Confusion Matrix"))


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """The ROC curve of each class, under ``roc``; see `runlake.plot.roc_curve`. There are no averaged curves."""
    _log("roc", roc_curve(y_true, y_probas, labels, classes_to_plot))


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """The precision over the recall of each class, under ``precision_recall``; see `runlake.plot.pr_curve`."""
    _log("precision_recall", pr_curve(y_true, y_probas, labels, classes_to_plot))


def plot_feature_importances(
    model: Any = None,
    feature_names: Sequence[Any] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """The importance of each feature, the highest first, under ``feature_importances``.

    Of a linear model these are the absolute coefficients. A model that has neither is told in a warning.
    """
    importances = importance_of(model)
    if importances is None:
        kind = type(model).__name__
        warn(f"a {kind} has neither feature_importances_ nor coef_, or is not fitted: no chart of importances")
        return
    names = list(range(len(importances))) if feature_names is None else list(feature_names)
    if len(names) != len(importances):
        raise BadValueError(f"there are {len(names)} feature_names and {len(importances)} importances; name each one")
    highest_first = sorted(zip(names, importances, strict=True), key=lambda pair: -pair[1])[:max_num_features]
    rows = [[str(name), importance] for name, importance in highest_first]
    table = Table(columns=["feature_names", "importances"], data=rows)
    _log("feature_importances", bar(table, "feature_names", "importances", title=title))


def plot_summary_metrics(
    model: Any = None, X: Any = None, y: Any = None, X_test: Any = None, y_test: Any = None
) -> None:
    """The usual metrics of a fitted model on the test set, under ``summary_metrics``.

    Accuracy, precision, recall and F1 (weighted) of a classifier; mean absolute and squared error and R² of a
    regressor.
    """
    table = Table(columns=["metric_name", "metric_value", "model_name"], data=summary_rows(model, X_test, y_test))
    _log("summary_metrics", bar(table, "metric_name", "metric_value", title="Summary Metrics"))


def plot_learning_curve(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """The score on training and test sets over the number of examples, under ``learning_curve``; fits many times."""
    options = {"cv": cv, "shuffle": shuffle, "random_state": random_state, "n_jobs": n_jobs, "scoring": scoring}
    table = Table(columns=["dataset", "score", "train_size"], data=learning_rows(model, X, y, train_sizes, options))
    _log("learning_curve", line(table, "train_size", "score", stroke="dataset", title="Learning Curve"))


def plot_class_proportions(y_train: Any = None, y_test: Any = None, labels: Sequence[Any] | None = None) -> None:
    """How many examples of each class there are in the training and the test set, under ``class_proportions``."""
    rows = [[*row, f"{row[0]}, {row[1]}"] for row in proportion_rows(y_train, y_test, labels)]
    table = Table(columns=["class", "dataset", "count", "bar"], data=rows)
    _log("class_proportions", bar(table, "bar", "count", title="Class Proportions"))


def plot_calibration_curve(clf: Any = None, X: Any = None, y: Any = None, clf_name: str = "Classifier") -> None:
    """How often what is predicted with a probability comes true, under ``calibration_curve``.

    Beside the classifier stand the perfect line and a logistic regression; all are fitted on a part of the data and
    judged on the rest. For two classes.
    """
    columns = ["model", "fraction_of_positives", "mean_predicted_value", "hist_dict", "edge_dict"]
    table = Table(columns=columns, data=calibration_rows(clf, X, y, clf_name))
    _log(
        "calibration_curve",
        line(table, "mean_predicted_value", "fraction_of_positives", stroke="model", title="Calibration Curve"),
    )


def plot_residuals(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """What the predictions are off, over the predictions, under ``residuals``; on training data and on a held out part.

    The regressor is fitted anew, on four fifths of the data.
    """
    columns = ["dataset", "y_pred", "residuals", "train_score", "test_score"]
    table = Table(columns=columns, data=residual_rows(regressor, X, y))
    _log("residuals", scatter(table, "y_pred", "residuals", title="Residuals"))


def plot_outlier_candidates(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Cook's distance of each example, under ``outlier_candidates``: how much the fit hangs on it alone."""
    distances, threshold = cooks_distances(regressor, X, y)
    share = 100.0 * sum(distance > threshold for distance in distances) / max(1, len(distances))
    rows = [[distance, index, share, threshold] for index, distance in enumerate(distances)]
    columns = ["distance", "instance_indicies", "outlier_percentage", "influence_threshold"]
    _log(
        "outlier_candidates",
        scatter(Table(columns=columns, data=rows), "instance_indicies", "distance", title="Outlier Candidates"),
    )


def plot_elbow_curve(
    clusterer: Any = None,
    X: Any = None,
    cluster_ranges: Sequence[int] | None = None,
    n_jobs: int = 1,
    show_cluster_time: bool = True,
) -> None:
    """The error over the number of clusters, under ``elbow_curve``; fits once for each (1, 3, 5, 7, 9)."""
    rows = elbow_rows(clusterer, X, cluster_ranges, n_jobs)
    table = Table(columns=["cluster_ranges", "errors", "clustering_time"], data=rows)
    _log("elbow_curve", line(table, "cluster_ranges", "errors", title="Elbow Curve"))


def plot_silhouette(
    clusterer: Any = None,
    X: Any = None,
    cluster_labels: Any = None,
    labels: Sequence[Any] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> None:
    """How much closer each example is to its own cluster than to the next, under ``silhouette``, in order by cluster.

    `labels` name the clusters; without `cluster_labels` the clusterer is asked for them.
    """
    rows = silhouette_rows(clusterer, X, cluster_labels, labels, metric)
    table = Table(columns=["cluster", "position", "silhouette"], data=rows)
    _log("silhouette", line(table, "position", "silhouette", stroke="cluster", title="Silhouette"))


def _log(key: str, chart: Chart) -> None:
    active_run(f"sklearn.{key}").log({key: chart})
