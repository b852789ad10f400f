"""The filter language: each operator, what is refused and how, and agreement with a naive reading over dicts."""

import datetime
import math
import operator as operators
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import FilterError
from runlake.model import RunInfo
from runlake.query.runs.filter import FIELDS, parse_filter, parse_order
from runlake.query.runs.index import RunIndex


def run(run_id="r", **fields):
    base = {"entity": "ann", "project": "p", "incarnation": "i", "generation": "g", "name": run_id, "state": "finished"}
    return RunInfo(**{**base, "run_id": run_id, **fields})


def matching(filters, runs):
    index = RunIndex(runs)
    return [index.runs[position].run_id for position in index.select(filters, "run_id")]


CONFIGS = {
    "a": {"lr": 0.1, "opt": "adam", "amp": True, "layers": [64, 32], "x": None},
    "b": {"lr": 1, "opt": "sgd", "amp": False, "layers": [], "model": {"depth": 3}},
    "c": {"lr": math.nan, "opt": "Adam", "model.depth": 3, "model": {"width": 5}},
    "d": {"lr": "0.1", "opt": 3, "big": 2**53 + 1, "layers": "64"},
}
RUNS = [run(run_id, config=config) for run_id, config in CONFIGS.items()]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, "abcd"),
        ({}, "abcd"),
        ({"config.lr": 0.1}, "a"),
        ({"config.lr": "0.1"}, "d"),
        ({"config.lr": {"$eq": 1.0}}, "b"),
        ({"config.lr": True}, ""),
        ({"config.amp": 1}, ""),
        ({"config.amp": True}, "a"),
        ({"config.amp": {"$gte": False}}, "ab"),
        ({"config.amp": {"$gt": False}}, "a"),
        ({"config.lr": {"$ne": 0.1}}, "bcd"),
        ({"config.nothing": {"$ne": 1}}, "abcd"),
        ({"config.lr": {"$gt": 0.1}}, "b"),
        ({"config.lr": {"$gte": 0.1}}, "ab"),
        ({"config.lr": {"$lt": 1}}, "a"),
        ({"config.lr": {"$lte": 1}}, "ab"),
        ({"config.lr": {"$gte": 0.05, "$lt": 1}}, "a"),
        ({"config.lr": math.nan}, ""),
        ({"config.lr": {"$ne": math.nan}}, "abcd"),
        ({"config.lr": {"$not": {"$gt": 0.1}}}, "acd"),
        ({"config.lr": {"$in": [0.1, 1, "x"]}}, "ab"),
        ({"config.lr": {"$in": []}}, ""),
        ({"config.lr": {"$nin": []}}, "abcd"),
        ({"config.lr": {"$nin": (0.1, 1)}}, "cd"),
        ({"config.opt": {"$gt": "a"}}, "ab"),
        ({"config.opt": {"$regex": "^a"}}, "a"),
        ({"config.opt": {"$regex": "^a", "$options": "i"}}, "ac"),
        ({"config.opt": re.compile("ADAM", re.IGNORECASE)}, "ac"),
        ({"config.opt": {"$in": [re.compile("^s"), "Adam"]}}, "bc"),
        ({"config.opt": {"$not": re.compile("a")}}, "bd"),
        ({"config.x": None}, "abcd"),
        ({"config.x": {"$exists": True}}, "a"),
        ({"config.x": {"$exists": False}}, "bcd"),
        ({"config.x": {"$ne": None}}, ""),
        ({"config.amp": None}, "cd"),
        ({"config.amp": {"$in": [None, True]}}, "acd"),
        ({"config.model.depth": 3}, "bc"),
        ({"config.model\\.depth": 3}, "c"),
        ({"config.model": {"$exists": True}}, "bc"),
        ({"config.model": {"depth": 3}}, "b"),
        ({"config.model.depth": None}, "ad"),
        ({"config.lr.value": 0.1}, "a"),
        ({"config.lr.value": {"$ne": 0.1}}, "bcd"),
        ({"config.model.value.depth": 3}, "bc"),
        ({"config.layers": 64}, "a"),
        ({"config.layers": [64, 32]}, "a"),
        ({"config.layers": []}, "b"),
        ({"config.layers": {"$gt": 40}}, "a"),
        ({"config.layers": {"$ne": 32}}, "bcd"),
        ({"config.layers": {"$all": [32, 64]}}, "a"),
        ({"config.layers": {"$all": [32, 16]}}, ""),
        ({"config.layers": {"$all": []}}, ""),
        ({"config.layers": {"$not": {"$all": [32]}}}, "bcd"),
        ({"config.big": 2**53 + 1}, "d"),
        ({"config.big": 2**53}, ""),
        ({"config.big": {"$gt": 2**53}}, "d"),
        ({"config.lr": {"$lt": 2**53 + 1}}, "ab"),
        ({"config.lr": np.float64(0.1)}, "a"),
        ({"$and": [{"config.lr": 0.1}, {"config.opt": "adam"}]}, "a"),
        ({"config.lr": 0.1, "config.opt": "sgd"}, ""),
        ({"$or": [{"config.lr": 0.1}, {"config.opt": "sgd"}]}, "ab"),
        ({"$nor": [{"config.lr": 0.1}, {"config.opt": "sgd"}]}, "cd"),
        ({"$not": {"config.lr": 0.1}}, "bcd"),
        ({"$or": [{"$and": []}]}, "abcd"),
        ({"$or": []}, ""),
    ],
)
def test_a_filter_matches_as_it_says(filters, expected):
    assert "".join(matching(filters, RUNS)) == expected


FULL = run(
    "id1",
    name="bright-sea-1",
    state="running",
    tags=("best", "v2"),
    notes="first try",
    group="g1",
    job_type="train",
    user="ann",
    host="box",
    program="train.py",
    sweep="s1",
    created_at=1_700_000_000.5,
    heartbeat_at=1_700_000_100.0,
    summary={"acc": 0.9, "best": {"step": 3}, "_wandb": 1},
    runtime_s=12.5,
    last_step=41,
    row_count=42,
    exit_code=0,
)


@pytest.mark.parametrize(
    "filters",
    [
        {"state": "running"},
        {"name": "id1"},
        {"name": "bright-sea-1"},
        {"name": {"$regex": "sea"}},
        {"display_name": "bright-sea-1"},
        {"displayName": "bright-sea-1"},
        {"run_id": "id1"},
        {"id": {"$in": ["id1", "id2"]}},
        {"created_at": 1_700_000_000.5},
        {"created_at": "2023-11-14T22:13:20Z"},
        {"created_at": {"$in": ["2023-11-14T22:13:20"]}},
        {"created_at": {"$lte": "2023-11-14T22:13:20Z"}},
        {"created_at": {"$not": {"$gt": "2023-11-14T22:13:20Z"}}},
        {"created_at": {"$gt": "2023-11-14T22:13:20.000"}},
        {"created_at": {"$ne": "2023-11-14T22:13:21Z"}},
        {"tags": {"$all": ["v2", "best"]}},
        {"user.username": "ann"},
        {"created_at": {"$gte": "2023-11-14T22:13:20Z"}},
        {"createdAt": {"$lt": "2023-11-14T23:13:21+01:00"}},
        {"created_at": {"$gt": datetime.datetime(2023, 11, 14, 22, 13, 20)}},
        {"created_at": {"$gt": datetime.date(2023, 11, 14), "$lt": "2023-11-15"}},
        {"heartbeatAt": {"$lte": 1_700_000_100}},
        {"heartbeat_at": {"$gt": "2023-11-14"}},
        {"group": "g1"},
        {"job_type": "train"},
        {"jobType": "train"},
        {"tags": "best"},
        {"tags": {"$in": ["best", "other"]}},
        {"tags": {"$ne": "other"}},
        {"tags": {"$nin": ["other"]}},
        {"tags": ["v2", "best"]},
        {"tags": {"$regex": "^v"}},
        {"tags": {"$exists": True}},
        {"tags": {"$ne": None}},
        {"notes": {"$regex": "try$"}},
        {"user": "ann"},
        {"username": "ann"},
        {"host": "box"},
        {"program": "train.py"},
        {"sweep": "s1"},
        {"summary_metrics.acc": {"$gte": 0.9}},
        {"summaryMetrics.acc": 0.9},
        {"summary.best.step": 3},
        {"summary._step": 41},
        {"summary_metrics._runtime": {"$gt": 12}},
        {"lastHistoryStep": 41, "row_count": 42, "duration": 12.5, "exit_code": 0},
    ],
)
def test_every_field_can_be_asked_for(filters):
    assert matching(filters, [FULL]) == ["id1"]
    assert matching({"$not": filters}, [FULL]) == []


def test_a_name_denied_is_neither_the_id_nor_the_display_name():
    runs = [run("id1", name="x"), run("x", name="id3"), run("id2", name="y")]
    assert matching({"name": {"$ne": "x"}}, runs) == ["id2"]


def test_a_field_that_is_none_or_empty_is_missing():
    assert matching({"group": None, "tags": None, "notes": {"$exists": False}}, [run("a"), FULL]) == ["a"]
    assert matching({"tags": {"$exists": False}}, [run("a"), FULL]) == ["a"]
    assert matching({"tags": []}, [run("a"), FULL]) == ["a"]


def test_nested_and_literal_keys_of_one_run_both_count():
    runs = [run("both", config={"a": {"b": 1}, "a.b": 2}), run("one", config={"a": {"b": 1}})]
    assert matching({"config.a.b": 1}, runs) == ["both", "one"]
    assert matching({"config.a.b": 2}, runs) == ["both"]
    assert matching({"config.a.b": {"$ne": 2}}, runs) == ["one"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([], "the filter must be a dict"),
        ({"stat": "x"}, "in the filter: there is no field 'stat'; did you mean state"),
        ({"lr": 1}, "is summary.lr or config.lr"),
        ({"confg.lr": 1}, "did you mean config.lr?"),
        ({"config": 1}, "'config' needs a key after it, like config.lr"),
        ({"config.lr": {"$gtee": 1}}, "in the filter at 'config.lr': there is no operator $gtee; did you mean $gte?"),
        ({"$orr": []}, "there is no operator $orr; did you mean $or?"),
        ({"$gt": 1}, "$gt belongs behind a field"),
        ({"$and": {"a": 1}}, "$and needs a list of filters"),
        ({"$and": [{"state": "x"}, 3]}, "the filter at $and[1] must be a dict"),
        ({"$or": [{"stat": 1}]}, "in the filter at $or[0]: there is no field 'stat'"),
        ({"config.lr": {"$gt": None}}, "$gt needs a number, text or a boolean, not None"),
        ({"config.lr": {"$gt": [1]}}, "$gt needs a number"),
        ({"config.lr": {"$in": "abc"}}, "$in needs a list of values, not 'abc'"),
        ({"config.lr": {"$nin": 3}}, "$nin needs a list"),
        ({"config.lr": {"$exists": 1}}, "$exists needs True or False"),
        ({"config.lr": {"$regex": 3}}, "$regex needs text"),
        ({"config.lr": {"$regex": "("}}, "is no regular expression"),
        ({"config.lr": {"$regex": "a", "$options": "q"}}, "$options knows the letters imsx"),
        ({"config.lr": {"$options": "i"}}, "$options needs a $regex"),
        ({"config.lr": {"$not": 3}}, "$not needs operators"),
        ({"config.lr": {"$gt": 3, "x": 1}}, "'x' stands among operators"),
        ({"config.lr": {"$gt": object()}}, "cannot compare with"),
        ({"config.lr": b"x"}, "cannot compare with bytes"),
        ({"state": 3}, "state holds text, and cannot be 3"),
        ({"tags": {"$in": [3]}}, "tags holds text"),
        ({"row_count": "3"}, "row_count holds a number"),
        ({"$text": {"$search": "x"}}, "$text is not supported; search one field"),
        ({"tags": {"$all": "best"}}, "$all needs a list"),
        ({"created_at": "yesterday"}, "'yesterday' is no time; write 2025-01-31T12:00:00Z"),
        ({"created_at": True}, "is no time"),
        ({"created_at": {"$regex": "2024"}}, "$regex looks at text"),
        ({3: 1}, "3 must be the name of a field"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(filters, message):
    with pytest.raises(FilterError, match=re.escape(message)):
        parse_filter(filters)


def test_a_filter_nested_without_end_is_refused():
    filters = {"state": "x"}
    for _ in range(200):
        filters = {"$and": [filters]}
    with pytest.raises(FilterError, match="nested deeper"):
        parse_filter(filters)
    condition = 3
    for _ in range(200):
        condition = {"$not": {"$gt": 3} if condition == 3 else condition}
    with pytest.raises(FilterError, match="nested deeper"):
        parse_filter({"config.a": condition})


def test_an_order_is_text_with_commas_or_a_list():
    one = parse_order("-summary_metrics.acc, +created_at,config.lr")
    assert one == parse_order(["-summary_metrics.acc", "+created_at", "config.lr"])
    assert [(key.field.text, key.is_descending) for key in one] == [
        ("summary_metrics.acc", True),
        ("created_at", False),
        ("config.lr", False),
    ]
    assert parse_order("") == parse_order([]) == ()
    assert parse_order("config.a\\,b")[0].field.paths[0] == ("a,b",)


@pytest.mark.parametrize("order", ["-creatd_at", ["lr"], 3, [3], "config."])
def test_an_order_that_cannot_be_read_is_refused(order):
    with pytest.raises(FilterError):
        parse_order(order)


# Agreement with a reading of the rules over plain dicts, value by value.

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 2**70]),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, math.inf, math.nan, 2.0**53]),
    st.sampled_from(["", "a", "b", "ab", "1"]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, min_size=1))
TREES = st.dictionaries(st.sampled_from(["a", "b", "a.b", "b.a"]), VALUES, max_size=3)
PATHS = st.sampled_from(["a", "b", "a.b", "b.a", "a.b.a"])
LIMITS = SCALARS.filter(lambda value: value is not None)
CONDITIONS = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(["$eq", "$ne"]), VALUES),
        st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), LIMITS),
        st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=3)),
        st.tuples(st.just("$exists"), st.booleans()),
        st.tuples(st.just("$regex"), st.sampled_from(["a", "^b", "^$"])),
    ).map(lambda pair: dict([pair])),
    lambda inner: st.builds(lambda condition: {"$not": condition}, inner),
    max_leaves=2,
)
FILTERS = st.recursive(
    st.builds(lambda path, condition: {f"config.{path}": condition}, PATHS, CONDITIONS),
    lambda inner: st.one_of(
        st.builds(
            lambda name, parts: {name: parts}, st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, max_size=3)
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)


def naive_family(value):
    if isinstance(value, bool):
        return bool
    return float if isinstance(value, int | float) else type(value)


def naive_equal(left, right):
    if naive_family(left) is not naive_family(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(naive_equal(x, y) for x, y in zip(left, right, strict=True))
    if isinstance(left, dict):
        return set(left) == set(right) and all(naive_equal(left[key], right[key]) for key in left)
    return left == right


def naive_find(tree, path):
    found = []
    for key, value in tree.items():
        if key == path:
            found.append(value)
        elif path.startswith(key + ".") and isinstance(value, dict):
            found.extend(naive_find(value, path[len(key) + 1 :]))
    return found


def naive_condition(found, condition):
    ((operator, operand),) = condition.items()
    cells = found + [item for value in found if isinstance(value, list) for item in value]
    match operator:
        case "$not":
            return not naive_condition(found, operand)
        case "$ne":
            return not naive_condition(found, {"$eq": operand})
        case "$nin":
            return not naive_condition(found, {"$in": operand})
        case "$in":
            return any(naive_condition(found, {"$eq": value}) for value in operand)
        case "$eq":
            return (operand is None and not found) or any(naive_equal(cell, operand) for cell in cells)
        case "$exists":
            return bool(found) is operand
        case "$regex":
            return any(isinstance(cell, str) and re.search(operand, cell) for cell in cells)
    compare = {"$gt": operators.gt, "$gte": operators.ge, "$lt": operators.lt, "$lte": operators.le}[operator]
    return any(naive_family(cell) is naive_family(operand) and compare(cell, operand) for cell in cells)


def naive_match(tree, filters):
    ((key, operand),) = filters.items()
    match key:
        case "$and":
            return all(naive_match(tree, part) for part in operand)
        case "$or":
            return any(naive_match(tree, part) for part in operand)
        case "$nor":
            return not any(naive_match(tree, part) for part in operand)
        case "$not":
            return not naive_match(tree, operand)
    return naive_condition(naive_find(tree, key.removeprefix("config.")), operand)


@given(st.lists(TREES, max_size=6), FILTERS)
def test_columns_agree_with_a_naive_reading(trees, filters):
    runs = [run(str(number), config=tree) for number, tree in enumerate(trees)]
    assert matching(filters, runs) == [str(number) for number, tree in enumerate(trees) if naive_match(tree, filters)]


def test_the_page_of_fields_names_attributes_that_exist():
    attributes = {name for _, names in FIELDS.values() for name in names}
    assert attributes <= set(RunInfo.__struct_fields__)
