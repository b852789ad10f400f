"""Values come back as they went in, bit for bit."""

import datetime
import enum
import json
import math
import threading
from collections import OrderedDict, UserDict, namedtuple
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import example, given

import strategies
from runlake.errors import LogTypeError
from runlake.values import (
    I64_MAX,
    I64_MIN,
    MAX_DEPTH,
    Json,
    canonical,
    decode_json,
    encode_json,
    escape_key,
    flatten,
    join_path,
    lane_of,
    plain_name,
    read_value,
    split_path,
    unflatten,
)
from strategies import as_stored, bits


@given(strategies.keys, strategies.keys)
def test_paths_keep_their_keys_apart(one, other):
    assert split_path(join_path([one, other])) == (one, other)
    assert split_path(escape_key(one)) == (one,)
    assert plain_name(join_path([one, other])) == f"{one}.{other}"


@given(strategies.values)
def test_json_reads_back_as_it_was_written(value):
    text = encode_json(value)
    assert bits(decode_json(text)) == bits(as_stored(value))
    text.encode()  # what is not valid Unicode is escaped


@given(strategies.values)
def test_json_is_plain_json_for_everybody_else(value):
    json.loads(encode_json(value), parse_constant=pytest.fail)


@given(strategies.values)
def test_json_of_json_is_itself(value):
    text = encode_json(value)
    assert encode_json(text) == text
    assert encode_json(decode_json(text)) == text


@given(strategies.rows)
@example({"a": {"b": 1}, "a.b": 2})
@example({"a": {}, "b": {"c": {}}, "d": {"_type": "x"}})
@example({"": {"": 1}, ".": 2})
def test_rows_read_back_as_they_were_flattened(row):
    flat = flatten(row)
    assert bits(unflatten(flat.items())) == bits(_rounded(row))


def _rounded(row):
    """Floats on their own keep all their bits; those in lists and marked dicts go through JSON."""

    def plain(value):
        if isinstance(value, dict) and value and "_type" not in value:
            return {key: plain(item) for key, item in value.items()}
        return value if isinstance(value, float) else as_stored(value)

    return plain(row) if row else {}


@given(strategies.values)
def test_canonical_values_have_a_lane_and_read_back(value):
    stored = canonical(value)
    lane = lane_of(stored)
    assert lane in ("i64", "f64", "bool", "str", "null", "json")
    if lane == "i64":
        assert I64_MIN <= stored <= I64_MAX
    if lane == "str":
        stored.encode()
    assert bits(read_value(stored)) == bits(value if lane == "f64" else as_stored(value))


def test_a_nested_dict_and_a_dotted_key_stay_apart():
    assert flatten({"a": {"b": 1}, "a.b": 2}) == {"a.b": 1, "a\\.b": 2}


def test_a_later_item_wins_over_an_earlier_one():
    assert unflatten([("a", 1), ("a.b", 2), ("c.d", 1), ("c", 3)]) == {"a": {"b": 2}, "c": 3}


class Color(enum.Enum):
    RED = "red"


class Number(int):
    pass


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float16("nan"), math.nan),
        (np.longdouble(0.5), 0.5),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), Json("18446744073709551615")),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.bytes_(b"x"), Json('{"$bytes":"eA=="}')),
        (np.array([1.0, math.nan]), Json('[1.0,{"$float":"NaN"}]')),
        (np.array(3), 3),
        (np.array([[1], [2]]), Json("[[1],[2]]")),
        (np.datetime64("2024-05-06"), "2024-05-06"),
        (Number(7), 7),
        (Color.RED, "red"),
        (Point(1, 2), Json("[1,2]")),
        ({3}, Json("[3]")),
        (range(3), Json("[0,1,2]")),
        (bytearray(b"x"), Json('{"$bytes":"eA=="}')),
        (datetime.date(2024, 5, 6), "2024-05-06"),
        (PurePosixPath("a/b"), "a/b"),
        (UserDict(a=1), Json('{"a":1}')),
        (OrderedDict(a=1), Json('{"a":1}')),
        ({"$float": "NaN"}, Json('{"$dict":[["$float","NaN"]]}')),
        ({"$float": "NaN", "b": 1}, Json('{"$float":"NaN","b":1}')),
        (2**63, Json("9223372036854775808")),
        ("\ud800", Json('"\\ud800"')),
    ],
    ids=repr,
)
def test_what_is_like_a_plain_value_becomes_one(value, stored):
    found = canonical(value)
    assert type(found) is type(stored)
    assert bits(found) == bits(stored)


def test_media_are_asked_of_the_converter():
    lock = threading.Lock()
    assert flatten({"a": {"b": lock}}, lambda value: {"_type": "lock", "of": [1]}) == {
        "a.b": Json('{"_type":"lock","of":[1]}')
    }


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"a": {"b": threading.Lock()}}, "'a.b': a value of type _thread.lock cannot be stored"),
        ({"a": [1, threading.Lock()]}, "'a': a value of type _thread.lock cannot be stored"),
        ({"a": {"b": iter([1])}}, "'a.b': a value of type builtins.list_iterator cannot be stored"),
        ({"z": 2**5000}, "'z': an integer of more than 4096 bits cannot be stored"),
        ({"z": [2**5000]}, "'z': an integer of more than 4096 bits cannot be stored"),
        ({"z": [[-(2**20000)]]}, "'z': an integer of more than 4096 bits cannot be stored"),
        ({1: 2}, "the key 1 is a int; keys must be strings"),
        ({"a": {"\ud800": 2}}, r"the key '\\ud800' is not valid Unicode"),
        ({"\ud800": 2}, r"the key '\\ud800' is not valid Unicode"),
    ],
)
def test_what_is_no_value_is_refused_by_its_place(row, complaint):
    with pytest.raises(LogTypeError, match=complaint):
        flatten(row)


def test_a_cycle_and_a_deep_nest_are_refused():
    cycle = {}
    cycle["a"] = cycle
    ring = []
    ring.append(ring)
    for row in ({"x": cycle}, {"x": ring}, {"x": {"_type": "y", "in": cycle}}):
        with pytest.raises(LogTypeError, match="nested deeper than 100 levels; is there a cycle"):
            flatten(row)


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"k": value}, lambda value: {"_type": value}])
def test_nests_of_nan_are_kept_down_to_the_last_level(wrap):
    value = math.nan
    for _ in range(MAX_DEPTH - 1):
        value = wrap(value)
    row = {"x": value}
    assert bits(unflatten(flatten(row).items())) == bits(row)


def test_text_of_ten_megabytes_is_text():
    assert flatten({"t": "é" * 10_000_000})["t"] == "é" * 10_000_000
