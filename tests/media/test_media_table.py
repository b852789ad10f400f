import copy
import datetime
import decimal
import json
import math
import pickle
import uuid

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError, CorruptError, LogTypeError, RunlakeWarning
from runlake.media.histogram import Histogram
from runlake.media.html import Html
from runlake.media.image import Image
from runlake.media.read import read_media
from runlake.media.table import Table


def round_trip(table, files):
    return read_media(table.stored(files.write, "t", 0), files.open)


def same(left, right):
    """Equal with types, NaN equal to NaN."""
    return repr(left) == repr(right)


def test_the_stored_form_of_a_table(files):
    table = Table(columns=["name", "score"], data=[["a", 1], ["b", math.nan]])
    value = table.stored(files.write, "val/examples", 4)
    ((path, content),) = files.items()
    assert path == f"media/table/val/examples_4_{value['sha256'][:20]}.table.json"
    assert content == b'{"columns":["name","score"],"data":[["a",1],["b",{"$float":"NaN"}]]}'
    assert value == {
        "_type": "table-file",
        "path": path,
        "sha256": value["sha256"],
        "size": len(content),
        "ncols": 2,
        "nrows": 2,
    }


TEXT = st.text()
CELLS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats(width=64)
    | st.text(st.characters())
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter("_type".__ne__), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_a_table_comes_back_as_it_went_in(new_files, data):
    columns = data.draw(st.lists(TEXT | st.integers(), max_size=4))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(columns), max_size=len(columns)), max_size=5))
    again = round_trip(Table(columns=columns, data=rows), new_files())
    assert same((again.columns, again.data), (columns, rows))


def test_a_table_without_columns_has_the_three_of_wandb():
    table = Table()
    table.add_data(1, 2, 3)
    assert (table.columns, table.data) == (["Input", "Output", "Expected"], [[1, 2, 3]])


@pytest.mark.parametrize(
    "arguments",
    [
        {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]},
        {"columns": ["a", "b"], "data": ((1, "x"), (2, "y"))},
        {"columns": ("a", "b"), "rows": [[1, "x"], [2, "y"]]},
        {"columns": ["a", "b"], "data": np.array([[1, "x"], [2, "y"]], object)},
        {"dataframe": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})},
        {"data": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})},
        {"dataframe": pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})},
        {"columns": ["a", "b"], "data": pd.DataFrame({"b": ["x", "y"], "c": [0, 0], "a": [1, 2]})},
        {"columns": ["a", "b"], "data": pd.DataFrame({"p": [1, 2], "q": ["x", "y"]})},
        {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]], "allow_mixed_types": True, "log_mode": "MUTABLE"},
        {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]], "dtype": [int, str], "optional": [True, False]},
        {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]], "dtype": str, "optional": False, "log_mode": None},
    ],
)
def test_a_table_can_be_made_of(arguments):
    table = Table(**arguments)
    assert same((table.columns, table.data), (["a", "b"], [[1, "x"], [2, "y"]]))


def test_what_pandas_calls_missing_becomes_none(files):
    when = pd.Timestamp("2024-05-01 12:00")
    frame = pd.DataFrame(
        {
            "float": [1.5, math.nan],
            "text": ["x", None],
            "nullable": pd.array([1, None], "Int64"),
            "flag": pd.array([True, None], "boolean"),
            "when": [when, pd.NaT],
            "mixed": pd.Series([math.nan, pd.NA], dtype=object),
            "kind": pd.Categorical(["k", None]),
            7: [1, 2],
            ("a", "b"): [1, 2],
        }
    )
    table = Table(dataframe=frame)
    assert table.columns == ["float", "text", "nullable", "flag", "when", "mixed", "kind", 7, "('a', 'b')"]
    assert same(table.data, [[1.5, "x", 1, True, when, math.nan, "k", 1, 1], [math.nan, *[None] * 6, 2, 2]])
    assert round_trip(table, files).data[0][4] == "2024-05-01T12:00:00"


def test_a_frame_without_rows_is_a_table_without_rows(files):
    again = round_trip(Table(dataframe=pd.DataFrame({"a": []})), files)
    assert (again.columns, again.data) == (["a"], [])


def test_cells_of_other_types_are_stored_as_plain_data(files):
    row = [
        np.float32(0.5),
        np.int64(2**40),
        np.array([[1, 2]]),
        (1, 2),
        datetime.date(2024, 5, 1),
        decimal.Decimal("0.10"),
        uuid.UUID(int=1),
        datetime.timedelta(hours=1),
    ]
    table = Table(columns=list("abcdefgh"), data=[row])
    assert same(
        round_trip(table, files).data,
        [
            [
                0.5,
                2**40,
                [[1, 2]],
                [1, 2],
                "2024-05-01",
                "0.10",
                "00000000-0000-0000-0000-000000000001",
                "PT1H",
            ]
        ],
    )


def test_cells_may_be_media(files):
    picture = np.array([[0, 255]], np.uint8)
    histogram = Histogram([0, 1], num_bins=2)
    table = Table(
        columns=["image", "page", "counts", "several"],
        data=[[Image(picture, caption="x"), Html("<p>é"), histogram, [Image(picture), 5]]],
    )
    value = table.stored(files.write, "t", 3)
    assert sorted(name.split("/")[1] for name in files) == ["html", "images", "table"]
    ((image, page, counts, several),) = read_media(value, files.open).data
    assert (image.to_numpy().tolist(), image.caption) == ([[0, 255]], "x")
    assert page.html == "<p>é"
    assert (counts.histogram, counts.bins) == (histogram.histogram, histogram.bins)
    assert (several[0].to_numpy().tolist(), several[1]) == ([[0, 255]], 5)


def test_cells_may_be_pictures_and_frames_of_other_packages(files):
    picture = PIL.Image.fromarray(np.array([[0, 255]], np.uint8))
    table = Table(columns=["image", "frame"], data=[[picture, pd.DataFrame({"a": [1]})]])
    ((image, frame),) = round_trip(table, files).data
    assert (image.to_numpy().tolist(), frame.columns, frame.data) == ([[0, 255]], ["a"], [[1]])


def test_a_cell_that_cannot_be_stored_is_named(files):
    table = Table(columns=["a", "b"], data=[[1, 2], [3, object()]])
    with pytest.raises(LogTypeError, match=r"row 1, column 'b' of a table: .*builtins.object"):
        table.stored(files.write, "t", 0)
    assert files == {}


def test_rows_and_columns_can_be_added(files):
    table = Table(columns=["x"])
    table.add_data(1)
    table.add_row(2)
    table.add_column("y", np.array([0.5, 1.5]))
    table.add_computed_columns(lambda index, row: {"sum": row["x"] + row["y"], "row": index})
    assert same((table.columns, table.data), (["x", "y", "sum", "row"], [[1, 0.5, 1.5, 0], [2, 1.5, 3.5, 1]]))
    assert table.get_column("sum") == [1.5, 3.5]
    assert table.get_column("row", convert_to="numpy").tolist() == [0, 1]
    assert list(table.iterrows()) == [(0, [1, 0.5, 1.5, 0]), (1, [2, 1.5, 3.5, 1])]


def test_the_first_column_of_an_empty_table_makes_its_rows():
    table = Table(columns=[])
    table.add_column("a", [1, 2])
    assert (table.columns, table.data) == (["a"], [[1], [2]])


def test_logging_stores_the_rows_as_they_are_then(files):
    table = Table(columns=["x"], data=[[1]])
    value = table.stored(files.write, "t", 0)
    table.add_data(2)
    assert read_media(value, files.open).data == [[1]]
    assert read_media(table.stored(files.write, "t", 1), files.open).data == [[1], [2]]


def test_the_number_of_a_row_knows_the_row():
    table = Table(columns=["x", 2], data=[["a", 1], ["b", 2]])
    assert [index.get_row() for index, _ in table.iterrows()] == [{"x": "a", 2: 1}, {"x": "b", 2: 2}]
    assert (table.get_index(), table.index_ref(1).get_row()) == ([0, 1], {"x": "b", 2: 2})


def test_types_and_keys_of_columns_are_taken_and_change_nothing(files):
    table, other = Table(columns=["x"], data=[["a"]]), Table(columns=["y"], data=[["a"]])
    assert (table.cast("x", int), table.has_been_logged()) == (int, False)
    table.set_pk("x")
    other.set_fk("y", table, "x")
    assert (round_trip(table, files).data, table.has_been_logged()) == ([["a"]], True)


@given(st.lists(st.lists(CELLS, max_size=4), max_size=5))
def test_a_table_that_grows_stores_what_is_new_and_reads_back_whole(new_files, parts):
    files = new_files()
    table = Table(columns=["x"], log_mode="INCREMENTAL")
    rows, stored = [], []
    for step, part in enumerate(parts):
        for cell in part:
            table.add_data(cell)
            rows.append([cell])
        value = table.stored(files.write, "t", step)
        assert (value["_type"], value["ncols"], value["nrows"]) == ("incremental-table-file", 1, len(rows))
        stored.append((value, list(rows)))
    assert len(files) == sum(bool(part) for part in parts[1:]) + bool(parts)
    for value, expected in stored:
        again = read_media(value, files.open)
        assert same((again.data, again.log_mode), (expected, "INCREMENTAL"))


def test_a_table_that_shrank_changed_columns_or_went_elsewhere_is_stored_whole(new_files):
    here, there = new_files(), new_files()
    table = Table(columns=["x"], data=[[1], [2]], log_mode="INCREMENTAL")
    table.stored(here.write, "t", 0)
    assert read_media(table.stored(there.write, "t", 0), there.open).data == [[1], [2]]
    table.add_data(3)
    assert read_media(table.stored(here.write, "t", 1), here.open).data == [[1], [2], [3]]
    assert read_media(table.stored(here.write, "other", 1), here.open).data == [[1], [2], [3]]
    del table.data[1:]
    assert read_media(table.stored(here.write, "other", 2), here.open).data == [[1]]
    table.add_column("y", [5])
    again = read_media(table.stored(here.write, "other", 3), here.open)
    assert (again.columns, again.data) == (["x", "y"], [[1, 5]])


def test_a_copy_of_a_table_that_grows_leaves_the_run_behind(files):
    table = Table(columns=["x"], data=[[1]], log_mode="INCREMENTAL")
    table.stored(files.write, "t", 0)
    for twin in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        assert (twin.columns, twin.data, twin.log_mode, twin._increment) == (["x"], [[1]], "INCREMENTAL", None)


def test_growing_tables_of_the_official_client_say_that_they_are_the_last_rows(files):
    files["media/table/inc"] = b'{"columns":["a"],"data":[[2]]}'
    value = {"_type": "incremental-table-file", "path": "media/table/inc", "previous_increments_paths": ["x"]}
    with pytest.warns(RunlakeWarning, match="earlier rows of the history"):
        assert read_media(value, files.open).data == [[2]]


def test_a_table_is_a_frame():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, math.nan], "c": ["x", "y"]})
    pd.testing.assert_frame_equal(Table(dataframe=frame).get_dataframe(), frame)
    assert Table(columns=[]).get_dataframe().shape == (0, 0)
    image = Image(np.zeros((2, 2), np.uint8))
    assert Table(columns=["i"], data=[[image]]).get_dataframe()["i"][0] is image


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Table(columns=["a"], data=[[1, 2]]), BadValueError, r"a row of 2 cells .* 1 columns \(a\)"),
        (lambda: Table(data=[[1, 2]]), BadValueError, r"columns=\["),
        (lambda: Table(columns=["a"], data=[5]), BadValueError, "a table row is 5"),
        (lambda: Table(columns=["a"], data=["x"]), BadValueError, "a table row is 'x'"),
        (lambda: Table(columns=["a"], data=[{"a": 1}]), BadValueError, "a table row is {'a': 1}"),
        (lambda: Table(columns=["a"], data=[], rows=[]), BadValueError, "give one of them"),
        (lambda: Table(columns=["a"], dataframe=pd.DataFrame({"x": [1], "y": [2]})), BadValueError, "name some"),
        (lambda: Table(columns=["a"]).add_column("a", []), BadValueError, "column 'a' already"),
        (lambda: Table(columns=["a"]).add_column("b", [1]), BadValueError, "1 cells and the table 0 rows"),
        (lambda: Table(columns=["a"]).get_column("b"), BadValueError, "no column 'b' in the table; it has 'a'"),
        (lambda: Table(columns=["a"]).get_column("a", convert_to="list"), BadValueError, "'list'"),
        (lambda: Table(columns=["a"]).cast("b", int), BadValueError, "no column 'b'"),
        (lambda: Table(columns=["a"]).set_pk("b"), BadValueError, "no column 'b'"),
        (lambda: Table(columns=["a"]).set_fk("a", Table(columns=["x"]), "b"), BadValueError, "no column 'b'"),
        (lambda: Table(columns=["a"], data=[[0]]).index_ref(1), BadValueError, "no row 1 in a table of 1 rows"),
        (lambda: Table(log_mode="GROWING"), BadValueError, "IMMUTABLE, MUTABLE, INCREMENTAL"),
        (
            lambda: Table(columns=["a"], data=[[0], [1]]).add_computed_columns(lambda i, row: {str(i): 0}),
            BadValueError,
            "return the same for every row",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"columns": []}', b"null"])
def test_a_file_that_is_no_table_is_named(files, content):
    files["media/table/x"] = content
    with pytest.raises(CorruptError, match=r"'media/table/x'.*not a table"):
        read_media({"_type": "table-file", "path": "media/table/x"}, files.open)


def test_a_table_file_is_plain_json_for_any_reader(files):
    Table(columns=["a"], data=[["ü"], [None], [[1.5]]]).stored(files.write, "t", 0)
    ((_, content),) = files.items()
    assert json.loads(content) == {"columns": ["a"], "data": [["ü"], [None], [[1.5]]]}


def test_the_notebook_shows_the_first_rows():
    table = Table(columns=["<a>", "i"], data=[["<script>" * 50, Image(np.zeros((2, 2), np.uint8))]] * 12)
    html = table._repr_html_()
    assert html.count("<tr>") == 11
    assert html.count("<img") == 10
    assert "… 2 more rows" in html
    assert "&lt;a&gt;" in html
    assert "<script>" not in html
    assert repr(table) == "Table(12 rows × 2 columns: <a>, i)"
    assert "<td>[1, null]</td>" in Table(columns=["x"], data=[[[1, None]]])._repr_html_()
