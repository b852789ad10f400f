"""Plots of scikit-learn models: the right numbers, under W&B's keys, with W&B's columns."""

import importlib
import json
import warnings

import numpy as np
import pytest

import runlake
from runlake.errors import BadValueError, RunlakeWarning
from runlake.integrations import sklearn as plots
from runlake.sdk.active_run import NotStartedError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 3))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
Z = X @ [2.0, -1.0, 0.5] + 1


@pytest.fixture(scope="module")
def sklearn():
    """It takes seconds to load: who only collects these tests does without."""
    return importlib.import_module("sklearn")


@pytest.fixture(scope="module")
def classifier(sklearn):
    return sklearn.linear_model.LogisticRegression().fit(X, Y)


@pytest.fixture
def logged(store):
    """Calls a plot and answers, by key, the columns and the rows of what it logged."""

    def call(plot, *arguments, **options):
        with runlake.init(project="p") as run:
            plot(*arguments, **options)
        found = {}
        for row in store.run(run.id).scan_history():
            for key, value in row.items():
                if not key.startswith("_"):
                    assert value["_type"] == "custom-chart"
                    table = json.loads((store.file(run.id, value["table"]["path"])).read_text())
                    found[key] = (table["columns"], table["data"])
        return found

    return call


def test_a_confusion_matrix_counts_every_pair(logged):
    found = logged(plots.plot_confusion_matrix, [0, 0, 1, 1, 1], [0, 1, 1, 1, 0], ["cat", "dog"])
    assert found == {
        "confusion_matrix": (
            ["Predicted", "Actual", "Count"],
            [["cat", "cat", 1], ["cat", "dog", 1], ["dog", "cat", 1], ["dog", "dog", 2]],
        )
    }


def test_a_confusion_matrix_may_be_shares_of_some_classes(logged):
    _, rows = logged(
        plots.plot_confusion_matrix,
        ["a", "b", "b", "c"],
        ["a", "b", "a", "c"],
        true_labels=["b"],
        pred_labels=["a", "b"],
        normalize=True,
    )["confusion_matrix"]
    assert rows == [["a", "b", 0.5], ["b", "b", 0.5]]


def test_importances_are_those_of_the_model_the_highest_first(logged, sklearn):
    forest = sklearn.ensemble.RandomForestClassifier(3, random_state=0).fit(X, Y)
    columns, rows = logged(plots.plot_feature_importances, forest, ["a", "b", "c"])["feature_importances"]
    expected = dict(zip("abc", forest.feature_importances_.tolist(), strict=True))
    assert columns == ["feature_names", "importances"]
    assert rows == [list(item) for item in sorted(expected.items(), key=lambda item: -item[1])]


def test_a_linear_model_has_the_size_of_its_coefficients(logged, sklearn):
    model = sklearn.linear_model.LinearRegression().fit(X, Z)
    _, rows = logged(plots.plot_feature_importances, model, max_num_features=2)["feature_importances"]
    assert [(name, round(value, 6)) for name, value in rows] == [("0", 2.0), ("1", 1.0)]


def test_a_model_without_importances_is_told(store, sklearn):
    runlake.init(project="p")
    with pytest.warns(RunlakeWarning, match="GaussianNB has neither"):
        plots.plot_feature_importances(sklearn.naive_bayes.GaussianNB().fit(X, Y))


def test_summary_metrics_are_those_of_the_test_set(logged, classifier, sklearn):
    columns, rows = logged(plots.plot_summary_metrics, classifier, X, Y, X, Y)["summary_metrics"]
    assert columns == ["metric_name", "metric_value", "model_name"]
    assert rows[0] == ["accuracy_score", classifier.score(X, Y), "LogisticRegression"]
    assert [row[0] for row in rows] == ["accuracy_score", "precision", "recall", "f1_score"]
    model = sklearn.linear_model.LinearRegression().fit(X, Z)
    _, rows = logged(plots.plot_summary_metrics, model, X, Z, X, Z)["summary_metrics"]
    assert [(row[0], round(row[1], 6)) for row in rows] == [("mae", 0.0), ("mse", 0.0), ("r2_score", 1.0)]


def test_class_proportions_count_both_sets(logged):
    columns, rows = logged(plots.plot_class_proportions, [0, 0, 1], [1], ["no", "yes"])["class_proportions"]
    assert columns[:3] == ["class", "dataset", "count"]
    assert [row[:3] for row in rows] == [["no", "train", 2], ["no", "test", 0], ["yes", "train", 1], ["yes", "test", 1]]


def test_a_learning_curve_has_both_scores_for_each_size(logged, classifier):
    columns, rows = logged(plots.plot_learning_curve, classifier, X, Y, train_sizes=[20, 40])["learning_curve"]
    assert columns == ["dataset", "score", "train_size"]
    assert [(row[0], row[2]) for row in rows] == [("train", 20), ("test", 20), ("train", 40), ("test", 40)]
    assert all(0 <= row[1] <= 1 for row in rows)


def test_a_calibration_curve_has_the_perfect_line_and_two_models(logged, classifier):
    columns, rows = logged(plots.plot_calibration_curve, classifier, X, Y, "mine")["calibration_curve"]
    assert columns == ["model", "fraction_of_positives", "mean_predicted_value", "hist_dict", "edge_dict"]
    assert list(dict.fromkeys(row[0] for row in rows)) == ["Perfectly calibrated", "Logistic", "mine"]
    with pytest.raises(BadValueError, match="two classes; y has 3"):
        logged(plots.plot_calibration_curve, classifier, X, np.arange(80) % 3)


def test_residuals_are_what_the_predictions_are_off(logged, sklearn):
    columns, rows = logged(plots.plot_residuals, sklearn.linear_model.LinearRegression(), X, Z)["residuals"]
    assert columns == ["dataset", "y_pred", "residuals", "train_score", "test_score"]
    assert {row[0]: round(row[3], 6) for row in rows} == {"train": 1.0, "test": 1.0}
    assert len(rows) == 80
    assert max(abs(row[2]) for row in rows) < 1e-9


def test_an_example_that_pulls_the_fit_is_an_outlier_candidate(logged, sklearn):
    pulled = Z.copy()
    pulled[7] += 100
    _, rows = logged(plots.plot_outlier_candidates, sklearn.linear_model.LinearRegression(), X, pulled)[
        "outlier_candidates"
    ]
    distance, index, share, threshold = max(rows)
    assert (index, threshold) == (7, 4 / 80)
    assert distance > threshold
    assert 0 < share < 100


def test_an_elbow_curve_falls(logged, sklearn):
    columns, rows = logged(plots.plot_elbow_curve, sklearn.cluster.KMeans(2, n_init=1, random_state=0), X, [1, 2, 4])[
        "elbow_curve"
    ]
    assert columns == ["cluster_ranges", "errors", "clustering_time"]
    assert [row[0] for row in rows] == [1, 2, 4]
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


def test_silhouettes_are_those_of_each_example_by_cluster(logged, sklearn):
    clusters = (X[:, 0] > 0).astype(int)
    _, rows = logged(plots.plot_silhouette, None, X, clusters, labels=["low", "high"])["silhouette"]
    expected = sklearn.metrics.silhouette_samples(X, clusters)
    low = sorted(expected[clusters == 0].tolist())
    assert [row[2] for row in rows if row[0] == "low"] == low
    assert [row[1] for row in rows] == list(range(80))


@pytest.mark.slow
def test_each_kind_of_model_has_all_its_plots(logged, classifier, sklearn):
    predicted, probabilities = classifier.predict(X), classifier.predict_proba(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        found = logged(
            plots.plot_classifier, classifier, X, X, Y, Y, predicted, probabilities, ["no", "yes"], feature_names="abc"
        )
    assert list(found) == [
        "feature_importances", "confusion_matrix", "summary_metrics", "class_proportions", "calibration_curve", "roc",
        "precision_recall",
    ]  # fmt: skip
    assert list(logged(plots.plot_regressor, sklearn.linear_model.LinearRegression().fit(X, Z), X, X, Z, Z)) == [
        "summary_metrics", "learning_curve", "outlier_candidates", "residuals",
    ]  # fmt: skip
    clusterer = sklearn.cluster.KMeans(2, n_init=1, random_state=0).fit(X)
    assert list(logged(plots.plot_clusterer, clusterer, X, clusterer.labels_)) == ["elbow_curve", "silhouette"]


def test_without_a_run_the_plot_is_named(store):
    with pytest.raises(NotStartedError, match=r"sklearn\.confusion_matrix"):
        plots.plot_confusion_matrix([0, 1], [0, 1])


def test_lengths_and_labels_that_do_not_fit_are_refused(store, sklearn):
    runlake.init(project="p")
    with pytest.raises(BadValueError, match="2 values and y_pred 1"):
        plots.plot_confusion_matrix([0, 1], [0])
    with pytest.raises(BadValueError, match="3 labels and 2 classes"):
        plots.plot_confusion_matrix([-1, 1], [1, 1], ["a", "b", "c"])
    with pytest.raises(BadValueError, match="1 feature_names and 3 importances"):
        plots.plot_feature_importances(sklearn.linear_model.LogisticRegression().fit(X, Y), ["a"])


def test_a_disabled_run_takes_every_plot_and_keeps_none(store, classifier):
    runlake.init(project="p", mode="disabled")
    plots.plot_confusion_matrix([0, 1], [0, 1])
    plots.plot_feature_importances(classifier)
    runlake.finish()
    assert not store.root.exists()
