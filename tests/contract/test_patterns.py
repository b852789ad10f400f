"""Patterns of filters mean the same in a folder and at a server, and are refused in the same words."""

import re

import pytest

from runlake.errors import FilterError


@pytest.fixture
def listing(service, train):
    for run_id, name in {"a": "adam 1", "b": "ADAM\nsecond", "c": "a" * 40 + "!"}.items():
        train(run_id, name=name).finish()
    return lambda filters: [run.run_id for run in service.list_runs("ann", "mnist", filters=filters).runs]


def test_a_pattern_finds_the_same_runs_from_everywhere(listing):
    found = {
        "plain": listing({"display_name": {"$regex": "adam"}}),
        "i": listing({"display_name": {"$regex": "adam", "$options": "i"}}),
        "m": listing({"display_name": {"$regex": "^second$", "$options": "m"}}),
        "s": listing({"display_name": {"$regex": "M.second", "$options": "s"}}),
        "x": listing({"display_name": {"$regex": "a d a m # a name", "$options": "x"}}),
        "compiled": listing({"display_name": re.compile("adam.s", re.IGNORECASE | re.DOTALL)}),
        "hostile": listing({"display_name": {"$regex": "^(a+)+$"}}),
    }
    assert found == {
        "plain": ["a"],
        "i": ["a", "b"],
        "m": ["b"],
        "s": ["b"],
        "x": ["a"],
        "compiled": ["b"],
        "hostile": [],
    }


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(a)\1", r"in the filter at 'display_name': '(a)\\1' is no regular expression that can be used: "),
        ("(?=a)", "in the filter at 'display_name': '(?=a)' is no regular expression that can be used: "),
        (r"(\pL){1000}", "would take too much to match"),
        ("a" * 10_001, "the pattern has 10,001 characters"),
    ],
)
def test_what_cannot_be_matched_is_refused_in_the_same_words(listing, pattern, expected):
    with pytest.raises(FilterError, match=re.escape(expected)):
        listing({"display_name": {"$regex": pattern}})
