import numpy as np
import pytest

from runlake.errors import BadValueError
from runlake.plot import confusion_matrix

RNG = np.random.default_rng(0)


def as_matrix(chart):
    names = chart.fields["classes"]
    matrix = np.zeros((len(names), len(names)), int)
    for actual, predicted, count in chart.table.data:
        matrix[names.index(actual), names.index(predicted)] = count
    return matrix


def test_it_agrees_with_scikit_learn():
    from sklearn import metrics  # it takes a second, and every process of the tests collects this file

    truth, predicted = RNG.integers(0, 4, 300), RNG.integers(0, 4, 300)
    chart = confusion_matrix(y_true=truth, preds=predicted)
    assert np.array_equal(as_matrix(chart), metrics.confusion_matrix(truth, predicted))
    assert chart.table.columns == ["Actual", "Predicted", "nPredictions"]
    assert len(chart.table.data) == 16


def test_the_highest_probability_is_the_prediction():
    probs = RNG.random((50, 3))
    truth = RNG.integers(0, 3, 50)
    names = ["a", "b", "c"]
    from_probs = confusion_matrix(probs, truth, class_names=names)
    assert from_probs.table.data == confusion_matrix(None, truth, probs.argmax(1), names).table.data
    assert from_probs.fields["classes"] == names


def test_classes_may_be_names():
    chart = confusion_matrix(y_true=["dog", "cat"], preds=["dog", "dog"])
    assert chart.table.data == [["cat", "cat", 0], ["cat", "dog", 1], ["dog", "cat", 0], ["dog", "dog", 1]]
    ordered = confusion_matrix(y_true=["dog"], preds=["dog"], class_names=["dog", "cat"])
    assert ordered.fields["classes"] == ["dog", "cat"]


def test_classes_that_never_occur_are_there():
    assert confusion_matrix(np.eye(3)[:1], [0]).fields["classes"] == ["0", "1", "2"]
    assert confusion_matrix(y_true=[0], preds=[0], class_names=["a", "b"]).fields["classes"] == ["a", "b"]
    assert confusion_matrix(y_true=[True, False], preds=[1.0, 0.0]).fields["classes"] == ["0", "1"]


def test_classes_of_one_name_stay_apart():
    chart = confusion_matrix(y_true=[0, 1], preds=[1, 1], class_names=["x", "x"])
    assert chart.fields["classes"] == ["x (0)", "x (1)"]
    assert as_matrix(chart).tolist() == [[0, 1], [0, 1]]


def test_many_classes_keep_only_the_pairs_that_occur():
    chart = confusion_matrix(y_true=[0, 500, 500], preds=[0, 1, 1], class_names=[str(i) for i in range(501)])
    assert chart.table.data == [["0", "0", 1], ["500", "1", 2]]
    assert "<svg" in chart.to_svg()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preds": [0]}, "needs y_true="),
        ({"y_true": [0]}, "either probs= or preds="),
        ({"y_true": [0], "preds": [0], "probs": [[1]]}, "either probs= or preds="),
        ({"y_true": [0, 1], "preds": [0]}, "2 true classes and 1 predicted"),
        ({"y_true": [0], "probs": [0.1]}, r"shape \(1,\)"),
        ({"y_true": [2], "preds": [0], "class_names": ["a", "b"]}, "2 class_names and class 2"),
        ({"y_true": [0], "probs": [[3, 2, 1]], "class_names": ["a"]}, "1 class_names and 3 columns of probs"),
        ({"y_true": [0.5], "preds": [0]}, "y_true with 0.5"),
        ({"y_true": ["a"], "preds": [0]}, "use one of the two"),
        ({"y_true": ["a"], "preds": ["z"], "class_names": ["a"]}, "the class 'z'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(BadValueError, match=message):
        confusion_matrix(**options)
