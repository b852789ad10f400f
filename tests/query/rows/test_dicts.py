"""Rows come back as they were logged."""

import math
import time

import numpy as np
import pyarrow as pa
import pytest
from histories import make_history
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError
from runlake.query.rows.dicts import iter_rows
from runlake.query.rows.history import History, Series
from runlake.query.rows.select import key_matches, slice_rows, take_rows, with_keys

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
leaves = scalars | st.lists(scalars, max_size=3)
names = st.sampled_from(["a", "b", "loss", "a.b", "train/acc", "x\\y", "é", "c"])
nested = st.dictionaries(st.sampled_from(["p", "q", "r.s"]), leaves, max_size=2)
row_lists = st.lists(st.dictionaries(names, leaves | nested, max_size=4), max_size=12)


def same(left, right):
    """Equal, types and NaN and the sign of zero included."""
    return repr(left) == repr(right)


def without_axes(row):
    return {key: value for key, value in row.items() if key not in ("_step", "_runtime", "_timestamp")}


def by_key(value):
    """Nested values with every dict's keys in one order: where a key stands follows from who logged it first."""
    if isinstance(value, dict):
        return sorted((key, by_key(item)) for key, item in value.items())
    return [by_key(item) for item in value] if isinstance(value, list) else value


@given(row_lists, st.integers(1, 5), st.integers(1, 4))
def test_rows_hold_exactly_what_was_logged(rows, batch, chunk):
    history = make_history(rows, chunk_size=chunk)
    read = list(iter_rows(history, batch_row_count=batch))
    assert [row["_step"] for row in read] == list(range(len(rows)))
    assert same(by_key([without_axes(row) for row in read]), by_key(rows))


def test_rows_carry_the_axes_first_then_keys_as_first_logged():
    history = make_history([{"b": 1, "a": {"x": 2.0}}, {"a": {"x": None}}])
    assert [list(row.items()) for row in iter_rows(history)] == [
        [("_step", 0), ("_runtime", 0.0), ("_timestamp", 1000.0), ("b", 1), ("a", {"x": 2.0})],
        [("_step", 1), ("_runtime", 0.5), ("_timestamp", 1001.0), ("a", {"x": None})],
    ]


def test_with_keys_rows_have_all_of_them_and_the_step_only():
    history = make_history([{"a": 1}, {"a": 2, "b": "x", "c": 0}, {"b": "y"}, {"b": "z", "a": 3}])
    assert list(iter_rows(history, ["b", "a"])) == [{"_step": 1, "a": 2, "b": "x"}, {"_step": 3, "a": 3, "b": "z"}]
    assert next(iter_rows(history, ["_timestamp", "a"])) == {"_step": 0, "_timestamp": 1000.0, "a": 1}
    assert list(iter_rows(history, ["a", "nothing"])) == []
    assert len(list(iter_rows(history, ["_runtime"]))) == 4


def test_a_key_named_as_an_axis_stands_beside_it_with_a_backslash():
    assert list(iter_rows(make_history([{"_step": 7.5}]), axes=["_step"])) == [{"_step": 0, "\\_step": 7.5}]


def test_dotted_keys_find_nested_and_literal_ones():
    history = make_history([{"a": {"b": 1}}, {"a.b": 2}, {"ab": 3}])
    assert list(iter_rows(history, ["a.b"])) == [{"_step": 0, "a": {"b": 1}}, {"_step": 1, "a.b": 2}]
    assert key_matches(r"a\.b", r"a\.b")
    assert not key_matches("a.b", r"a\.b")


def test_a_key_of_several_types_counts_as_one_key():
    history = make_history([{"k": 1, "m": 0}, {"k": 1.5}, {"k": "x", "m": 1}])
    assert [row["k"] for row in iter_rows(history, ["k"])] == [1, 1.5, "x"]
    assert [row["k"] for row in iter_rows(history, ["k", "m"])] == [1, "x"]


def test_any_keeps_rows_with_one_of_the_keys():
    history = make_history([{"a": 1}, {"c": 1}, {"b": 2}])
    assert list(iter_rows(with_keys(history, ["a", "b"], "any"), axes=["_step"])) == [
        {"_step": 0, "a": 1},
        {"_step": 2, "b": 2},
    ]


def test_outer_makes_one_row_of_each_step_and_the_last_value_wins():
    rows = [{"a": 1}, {"b": 10}, {"a": 2}, {"c": 0}, {"b": 30}, {"a": "late"}]
    history = make_history(rows, steps=[1, 1, 2, 2, 0, 1])
    assert list(iter_rows(with_keys(history, ["a", "b"], "outer"))) == [
        {"_step": 0, "_runtime": 2.0, "_timestamp": 1004.0, "b": 30},
        {"_step": 1, "_runtime": 2.5, "_timestamp": 1005.0, "b": 10, "a": "late"},
        {"_step": 2, "_runtime": 1.0, "_timestamp": 1002.0, "a": 2},
    ]


def test_an_unknown_join_is_refused():
    with pytest.raises(BadValueError, match="join='left'; it can be 'inner', 'outer' or 'any'"):
        with_keys(make_history([{"a": 1}]), ["a"], "left")


@given(row_lists, st.data())
def test_taking_rows_is_taking_rows(rows, data):
    history = make_history(rows, chunk_size=2)
    keep = sorted(data.draw(st.sets(st.integers(0, max(0, len(rows) - 1)), max_size=len(rows)))) if rows else []
    taken = take_rows(history, np.array(keep, dtype=np.int64))
    assert same(by_key(list(iter_rows(taken))), by_key([list(iter_rows(history))[place] for place in keep]))
    start, stop = sorted((data.draw(st.integers(0, len(rows))), data.draw(st.integers(0, len(rows)))))
    assert same(by_key(list(iter_rows(slice_rows(history, start, stop)))), by_key(list(iter_rows(history))[start:stop]))


@given(row_lists, st.lists(names, min_size=1, max_size=3))
def test_keys_keep_the_rows_that_have_every_one(rows, keys):
    def has(row, key):
        return any(key_matches(path, key) for path in _paths(row))

    kept = [place for place, row in enumerate(rows) if all(has(row, key) for key in keys)]
    assert [row["_step"] for row in iter_rows(make_history(rows), keys)] == kept


def _paths(row):
    return [series.key for series in make_history([row]).series]


def test_axes_that_were_not_read_are_not_in_the_rows():
    history = History("history", np.array([4]), None, None, [])
    assert list(iter_rows(history)) == [{"_step": 4}]
    with pytest.raises(BadValueError, match="read without _timestamp"):
        list(iter_rows(history, ["_timestamp"]))


def test_100k_rows_of_10_keys_take_well_under_a_second():
    count = 100_000
    numbers = np.arange(count) / 3
    dense = [Series(f"k{i}", "f64", None, pa.chunked_array([numbers])) for i in range(10)]
    history = History("history", np.arange(count), numbers, numbers, dense)
    start = time.process_time()
    total = math.fsum(row["k9"] for row in iter_rows(history))
    assert time.process_time() - start < 1.5  # 0.2 s on an idle machine
    assert total == math.fsum(numbers)


@pytest.mark.slow
def test_twenty_thousand_sparse_keys_are_read_by_what_they_hold():
    count = 20_000
    series = [Series(f"k{i}", "i64", np.array([i]), pa.chunked_array([pa.array([i])])) for i in range(count)]
    history = History("history", np.arange(count), None, None, series)
    start = time.process_time()
    assert all(row == {"_step": place, f"k{place}": place} for place, row in enumerate(iter_rows(history)))
    assert time.process_time() - start < 3
