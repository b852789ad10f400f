import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError, RunlakeWarning
from runlake.plot import pr_curve, roc_curve
from runlake.plot.curves import MAX_POINT_COUNT

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def metrics():
    """Those of scikit-learn, which take a second to import: every process of the tests collects this file."""
    from sklearn import metrics

    return metrics


binary = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)),
        st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]) | st.floats(-1e9, 1e9), min_size=n, max_size=n),
    )
)


def columns(chart):
    """The two columns of numbers, by class."""
    found = {}
    for name, x, y in chart.table.data:
        found.setdefault(name, ([], []))
        found[name][0].append(x)
        found[name][1].append(y)
    return found


@given(binary)
def test_roc_agrees_with_scikit_learn(metrics, example):
    truth, score = np.array(example[0]), np.array(example[1])
    chart = roc_curve(truth, score)
    ((name, (fpr, tpr)),) = columns(chart).items()
    expected_fpr, expected_tpr, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
    places = [(x, y) for x, y in zip(expected_fpr, expected_tpr, strict=True)]
    assert name == "True"
    assert set(zip(fpr, tpr, strict=True)) <= set(places)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    # The points left out lie on the lines between the others.
    for x, y in places:
        assert np.isclose(np.interp(x, fpr, tpr), y) or x in fpr
    assert chart.fields["scores"] == {"True": pytest.approx(metrics.roc_auc_score(truth, score))}
    assert metrics.auc(fpr, tpr) == pytest.approx(metrics.roc_auc_score(truth, score))


@given(binary)
def test_every_point_of_a_pr_curve_agrees_with_scikit_learn(metrics, example):
    truth, score = np.array(example[0]), np.array(example[1])
    chart = pr_curve(truth, score, interp_size=None)
    ((_, (recall, precision)),) = columns(chart).items()
    expected_precision, expected_recall, _ = metrics.precision_recall_curve(truth, score)
    assert np.array_equal(recall, expected_recall[::-1])
    assert np.array_equal(precision, expected_precision[::-1])
    assert chart.fields["scores"] == {"True": pytest.approx(metrics.average_precision_score(truth, score))}


@given(binary, st.integers(2, 30))
def test_a_pr_curve_on_a_grid_has_the_precision_that_reaches_each_recall(metrics, example, size):
    truth, score = np.array(example[0]), np.array(example[1])
    ((_, (recall, precision)),) = columns(pr_curve(truth, score, interp_size=size)).items()
    expected_precision, expected_recall, _ = metrics.precision_recall_curve(truth, score)
    assert np.array_equal(recall, np.linspace(0, 1, size))
    for r, p in zip(recall, precision, strict=True):
        reached = [q for at, q in zip(expected_recall, expected_precision, strict=True) if at >= r - 1e-9]
        assert p == reached[-1]


def test_every_class_has_its_curve_against_the_rest(metrics):
    truth = RNG.integers(0, 3, 200)
    scores = RNG.random((200, 3))
    chart = roc_curve(truth, scores, labels=["cat", "dog", "bird"], title="mine")
    assert chart.fields["scores"] == {
        name: pytest.approx(metrics.roc_auc_score(truth == place, scores[:, place]))
        for place, name in enumerate(["cat", "dog", "bird"])
    }
    assert (list(columns(chart)), chart.title, chart.table.columns) == (
        ["cat", "dog", "bird"],
        "mine",
        ["class", "fpr", "tpr"],
    )
    picked = pr_curve(truth, scores, labels=["cat", "dog", "bird"], classes_to_plot=[2, "cat"])
    assert (list(columns(picked)), len(picked.table.data)) == (["cat", "bird"], 42)
    assert picked.table.columns == ["class", "recall", "precision"]


def test_columns_belong_to_classes_in_ascending_order():
    truth = ["dog", "cat", "dog", "cat"]
    scores = [[0.1, 0.9], [0.8, 0.2], [0.2, 0.8], [0.7, 0.3]]
    assert roc_curve(truth, scores, labels=["dog", "cat"]).fields["scores"] == {"cat": 1.0, "dog": 1.0}
    assert list(columns(roc_curve([10, 20, 10], [[1, 0], [0, 1], [1, 0]]))) == ["10", "20"]


def test_a_class_without_examples_is_named_and_has_no_curve():
    with pytest.warns(RunlakeWarning, match="roc_curve: no curve for c: the 3 examples") as caught:
        chart = roc_curve([0, 1, 1], np.eye(3), labels=["a", "b", "c"])
    assert list(columns(chart)) == ["a", "b"]
    assert caught[0].filename == __file__
    with pytest.warns(RunlakeWarning, match="no curve for 0"):
        assert columns(roc_curve([0, 0], [[0.1], [0.2]], labels=["neg", "0"])) == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert columns(pr_curve([1, 1], [0.2, 0.1], interp_size=2)) == {"1": ([0.0, 1.0], [1.0, 1.0])}


def test_a_long_curve_is_thinned_and_its_score_is_not(metrics):
    truth, score = RNG.integers(0, 2, 60_000), RNG.random(60_000)
    chart = roc_curve(truth, score)
    assert len(chart.table.data) == MAX_POINT_COUNT
    assert chart.table.data[-1] == ["1", 1.0, 1.0]
    assert chart.fields["scores"]["1"] == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((None, [1]), {}, "needs y_true="),
        (([0, 1], [[0.1, 0.2]]), {}, "2 classes and scores of shape"),
        (([], []), {}, "at least one"),
        (([0, 1], ["a", "b"]), {}, "type <U1"),
        (([0, 1], [[0.1, 0.2], [0.1]]), {}, "made of a list"),
        (([0, 1], [0.1, float("nan")]), {}, "1 scores that are NaN of 2"),
        (([0, 1, 2], [0.1, 0.2, 0.3]), {}, "3 classes; give n × classes"),
        (([0, 5], np.zeros((2, 3))), {}, "3 classes and examples of 2"),
        (([0, 1], np.eye(2)), {"labels": ["a"]}, "1 labels"),
        (([0, 1], np.eye(2)), {"labels": ["a", "a"]}, "1 of them different"),
        (([0, 1], np.eye(2)), {"classes_to_plot": ["x"]}, "class 'x'; the classes are 0, 1"),
    ],
)
def test_what_gives_no_curve_is_refused(arguments, options, message):
    for curve in (roc_curve, pr_curve):
        with pytest.raises(BadValueError, match=message):
            curve(*arguments, **options)


def test_a_grid_needs_two_points():
    with pytest.raises(BadValueError, match="interp_size=1"):
        pr_curve([0, 1], [0.1, 0.2], interp_size=1)
