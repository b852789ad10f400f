"""The filter language over things that are no runs."""

from dataclasses import dataclass, field

import pytest

from runlake.errors import FilterError
from runlake.query.runs.listed import Listed, ListedField


@dataclass
class Thing:
    name: str
    size: int | None = None
    at: float = 0.0
    tags: list = field(default_factory=list)
    metadata: dict = field(default_factory=dict)


THINGS = [
    Thing("b", 3, 1_700_000_000.5, ["x", "y"], {"lr": 0.1, "net": {"depth": 2}}),
    Thing("a", None, 1_700_000_001.0, [], {"lr": "high"}),
    Thing("c", 1, 1_700_000_002.0, ["y"], {"a.b": None}),
]
LISTED = Listed(
    {
        "name": ListedField("text", lambda thing: thing.name),
        "size": ListedField("number", lambda thing: thing.size),
        "created_at": ListedField("time", lambda thing: thing.at),
        "tags": ListedField("tags", lambda thing: thing.tags),
    },
    lambda thing: thing.metadata,
)


def names(filters=None, order=None):
    return "".join(thing.name for thing in LISTED.select(THINGS, filters, order))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (None, "bac"),
        ({}, "bac"),
        ({"name": "a"}, "a"),
        ({"name": {"$in": ["a", "c", "z"]}}, "ac"),
        ({"name": {"$regex": "^[bc]$"}}, "bc"),
        ({"$or": [{"name": "a"}, {"size": {"$gt": 2}}]}, "ba"),
        ({"$and": [{"name": {"$ne": "a"}}, {"size": {"$lt": 2}}]}, "c"),
        ({"$nor": [{"name": "a"}]}, "bc"),
        ({"size": None}, "a"),
        ({"size": {"$exists": True}}, "bc"),
        ({"tags": "y"}, "bc"),
        ({"tags": {"$all": ["x", "y"]}}, "b"),
        ({"tags": {"$exists": False}}, "a"),
        ({"created_at": "2023-11-14T22:13:20Z"}, "b"),
        ({"created_at": {"$gt": "2023-11-14T22:13:20Z"}}, "ac"),
        ({"metadata.lr": 0.1}, "b"),
        ({"metadata.net.depth": {"$gte": 2}}, "b"),
        ({"metadata.a.b": {"$exists": True}}, "c"),
    ],
)
def test_a_filter_finds_what_it_would_find_among_runs(filters, found):
    assert names(filters) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [(None, "bac"), ("", "bac"), ("name", "abc"), ("-name", "cba"), ("+size", "cba"), ("-size, name", "bca")],
)
def test_an_order_sorts_and_puts_what_is_missing_last(order, found):
    assert names(order=order) == found


def test_a_field_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FilterError, match="there is no field 'nam'; did you mean name"):
        names({"nam": 1})
    with pytest.raises(FilterError, match=r"fields are name, size, created_at, tags, metadata\.…"):
        names({"summary.loss": 1})
    with pytest.raises(FilterError, match="there is no field 'config'"):
        names(order="config")
    with pytest.raises(FilterError, match=r"there is no field 'metadata\.lr'"):
        Listed(LISTED.fields).select(THINGS, {"metadata.lr": 1}, None)


def test_nothing_is_found_among_nothing():
    assert LISTED.select([], {"name": {"$regex": "a"}}, "-size") == []
