"""What changed between two documents, nested or flat."""

import math

from runlake.differences import MISSING, Difference, flat_differences, nested_differences


def test_values_that_are_new_gone_or_others_are_told_with_the_keys_that_lead_to_them():
    before = {"same": 1, "gone": 2, "inside": {"a": 1, "b": {"c": 1}}, "type": 1, "nan": math.nan}
    after = {"same": 1, "inside": {"b": {"c": 2}}, "type": True, "nan": math.nan, "new": {"d": 3}}
    assert list(nested_differences(before, after)) == [
        Difference(("gone",), 2, MISSING),
        Difference(("inside", "a"), 1, MISSING),
        Difference(("inside", "b", "c"), 1, 2),
        Difference(("type",), 1, True),
        Difference(("new",), MISSING, {"d": 3}),
    ]


def test_empty_dicts_and_media_are_compared_as_a_whole():
    media = {"_type": "image-file", "path": "a.png"}
    assert list(nested_differences({"x": {}, "y": media}, {"x": {"a": 1}, "y": {**media, "path": "b.png"}})) == [
        Difference(("x",), {}, {"a": 1}),
        Difference(("y",), media, {**media, "path": "b.png"}),
    ]


def test_what_was_touched_differs_as_a_whole_whatever_it_holds():
    assert list(nested_differences({"x": {"a": 1}, "y": 2}, {"x": {"a": 1}, "y": 2}, {"x"})) == [
        Difference(("x",), {"a": 1}, {"a": 1})
    ]


def test_of_flat_documents_the_caller_says_what_is_the_same():
    before, after = {"a.b": 1, "c": 2, "d": 3}, {"a.b": 1.0, "c": 5, "e": 6}
    assert flat_differences(before, after, lambda one, other: one == other) == ({"c": 5, "e": 6}, ["d"])
    assert flat_differences(before, after, lambda one, other: one is other) == (after, ["d"])
