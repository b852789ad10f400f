"""One history, one table: wide and long."""

import math
import time

import numpy as np
import pyarrow as pa
import pytest
from histories import make_history
from hypothesis import given
from hypothesis import strategies as st

from runlake import values
from runlake.errors import BadValueError
from runlake.query.rows.history import History, HistoryOutline, Series
from runlake.query.rows.table import ColumnPlan, column_names, long_tables, plan_columns, wide_table, wide_tables

BIG = 2**53 + 1


def columns(table):
    """Name → values, the axes left out."""
    return {name: table[name].to_pylist() for name in table.column_names[3:]}


def test_a_wide_table_has_the_axes_then_keys_as_first_logged():
    table = wide_table(make_history([{"z": 1, "a": {"x": 0.5}}, {"b": "t"}, {"b": None, "z": 2}]))
    assert table.schema == pa.schema(
        [
            ("_step", pa.int64()),
            ("_runtime", pa.float64()),
            ("_timestamp", pa.float64()),
            ("z", pa.int64()),
            ("a.x", pa.float64()),
            ("b", pa.string()),
        ]
    )
    assert table.to_pydict() == {
        "_step": [0, 1, 2],
        "_runtime": [0.0, 0.5, 1.0],
        "_timestamp": [1000.0, 1001.0, 1002.0],
        "z": [1, None, 2],
        "a.x": [0.5, None, None],
        "b": [None, "t", None],
    }


def test_nan_stays_nan_and_missing_is_null():
    column = wide_table(make_history([{"x": math.nan}, {}, {"x": -0.0}, {"x": math.inf}]))["x"]
    assert repr(column.to_pylist()) == "[nan, None, -0.0, inf]"
    assert column.null_count == 1


def test_a_key_that_was_only_ever_none_is_a_null_column():
    assert wide_table(make_history([{"n": None}, {}]))["n"].type == pa.null()


def test_integers_and_floats_join_as_floats():
    table = wide_table(make_history([{"x": 1}, {"x": 2.5}, {"x": None}, {"x": 2**53}]))
    assert columns(table) == {"x": [1.0, 2.5, None, 2.0**53]}
    assert table.schema.field("x").metadata == {b"runlake.mixed": b"i64,f64"}


@pytest.mark.parametrize("big", [BIG, -BIG, -(2**63)])
def test_integers_that_a_float_cannot_hold_join_floats_as_text(big):
    table = wide_table(make_history([{"x": big}, {"x": 2.0}, {"x": math.nan}]))
    assert columns(table) == {"x": [str(big), "2.0", '{"$float":"NaN"}']}


def test_other_mixes_are_text_with_the_rest_as_json():
    rows = [{"x": 1}, {"x": "one"}, {"x": True}, {"x": [1, {"a": math.inf}]}, {"x": 1e30}, {}]
    table = wide_table(make_history(rows))
    assert columns(table) == {"x": ["1", "one", "true", '[1,{"a":{"$float":"Infinity"}}]', "1e+30", None]}
    assert table.schema.field("x").metadata == {b"runlake.mixed": b"i64,str,bool,json,f64"}


def test_json_columns_say_so():
    table = wide_table(make_history([{"h": {"_type": "histogram", "bins": [0, 1]}}, {}]))
    assert columns(table) == {"h": ['{"_type":"histogram","bins":[0,1]}', None]}
    assert table.schema.field("h").metadata == {b"runlake.lane": b"json"}


def test_escapes_appear_only_where_two_names_would_be_alike():
    table = wide_table(make_history([{"a.b": 1, "c.d": 2}, {"a": {"b": 3}}]))
    assert columns(table) == {"a\\.b": [1, None], "c.d": [2, None], "a.b": [None, 3]}


def test_an_escaped_name_never_takes_the_name_of_another_key():
    paths = ["a.b", r"a\.b", r"a\\\.b"]
    assert column_names(paths) == {path: path for path in paths}


def test_a_key_named_as_an_axis_gets_a_backslash():
    table = wide_table(make_history([{"_step": 5, "\\_step": 6}]))
    assert table.to_pydict() | {"_runtime": 0, "_timestamp": 0} == {
        "_step": [0], "_runtime": 0, "_timestamp": 0, r"\_step": [5], r"\\_step": [6],
    }  # fmt: skip


@given(st.lists(st.lists(st.text("ab.\\_step", min_size=0, max_size=4), min_size=1, max_size=2), max_size=8))
def test_column_names_are_never_twice_the_same(keys):
    paths = list(dict.fromkeys(values.join_path(key) for key in keys))
    names = column_names(paths, ["_step", "_runtime"])
    assert len({*names.values(), "_step", "_runtime"}) == len(paths) + 2
    assert all(values.split_path(name) in (values.split_path(path), ()) or values.plain_name(path) == name
               or name == f"\\{path}" for path, name in names.items())  # fmt: skip


def test_dense_columns_are_the_arrays_of_the_history():
    count = 1_000_000
    numbers = np.random.default_rng(1).random(count)
    series = [Series(f"k{i}", "f64", None, pa.chunked_array([numbers])) for i in range(10)]
    history = History("history", np.arange(count), numbers, numbers, series)
    start = time.process_time()
    table = wide_table(history)
    assert time.process_time() - start < 0.05
    assert {table[f"k{i}"].chunk(0).buffers()[1].address for i in range(10)} == {numbers.ctypes.data}
    assert table["_timestamp"].chunk(0).buffers()[1].address == numbers.ctypes.data


def test_too_many_columns_are_refused_with_advice():
    history = make_history([{f"k{i}": i for i in range(2001)}])
    with pytest.raises(BadValueError, match=r"2,001 keys .* limit is 2,000.*keys=.*long format"):
        wide_table(history)
    assert wide_table(history, max_columns=None).num_columns == 2004


@given(st.integers(1, 5))
def test_pieces_of_a_table_make_the_table(row_limit):
    history = make_history([{"x": 1, "s": "a"}, {"x": 2.5}, {}, {"s": [1]}, {"n": None}], chunk_size=2)
    pieces = list(wide_tables(history, row_limit=row_limit))
    assert {piece.schema for piece in pieces} == {wide_table(history).schema}
    assert pa.concat_tables(pieces).equals(wide_table(history))
    assert max(piece.num_rows for piece in pieces) <= row_limit


def test_an_empty_history_is_a_table_without_rows():
    assert wide_table(make_history([])).column_names == ["_step", "_runtime", "_timestamp"]
    assert [piece.num_rows for piece in wide_tables(make_history([]))] == [0]
    assert [piece.num_rows for piece in long_tables(make_history([]))] == [0]


def test_columns_of_many_histories_hold_them_all():
    plan = ColumnPlan()
    histories = [make_history([{"x": BIG, "y": 1}]), make_history([{"y": 0.5, "x": None}]), make_history([{"x": 0.5}])]
    for history in histories:
        plan.add_outline(HistoryOutline.of(history))
    tables = [wide_table(history, columns=plan.columns()) for history in histories]
    assert columns(pa.concat_tables(tables)) == {"x": [str(BIG), None, "0.5"], "y": [1.0, 0.5, None]}


def test_a_long_table_has_a_row_for_each_value_and_keeps_its_type():
    history = make_history([{"a": 1, "b": "t"}, {"a": None}, {"a": 2.5, "d": {"e": [True]}}, {"c": False}])
    table = pa.concat_tables(long_tables(history))
    assert table.to_pylist() == [
        _long("a", "i64", 0, 1),
        _long("a", "null", 1, None),
        _long("a", "f64", 2, 2.5),
        _long("b", "str", 0, "t"),
        _long("d.e", "json", 2, "[true]"),
        _long("c", "bool", 3, False),
    ]


def _long(key, lane, row, value):
    entry = {"key": key, "lane": lane, "row": row, "step": row, "timestamp": 1000.0 + row}
    for name in ("f64", "i64", "bool", "str", "json"):
        entry[f"value_{name}"] = value if name == lane else None
    return entry


def test_columns_know_what_they_were_logged_as():
    history = make_history([{"x": 1, "y": None}, {"x": "a", "y": 2}])
    assert [(c.name, c.lanes, c.is_text_of_mixed) for c in plan_columns(history)] == [
        ("x", ("i64", "str"), True),
        ("y", ("i64",), False),
    ]
