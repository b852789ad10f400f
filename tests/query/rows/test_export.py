"""Files of other programs hold what the history holds."""

import csv
import errno
import io
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import make_history
from hypothesis import given
from hypothesis import strategies as st

from runlake import values
from runlake.errors import BadValueError
from runlake.query.rows.dicts import iter_rows
from runlake.query.rows.export import check_format, open_destination, open_table_writer, write_json_lines
from runlake.query.rows.table import wide_table, wide_tables

TRICKY = [
    {"x": 1.0, "s": 'say "hi", twice', "n": 1, "j": [1, math.nan]},
    {"x": math.nan, "s": "", "b": True},
    {"x": -0.0, "s": "line\nbreak", "n": -(2**63)},
    {"x": math.inf, "s": " naïve — ✓ ", "k": None},
    {"x": 1e300, "b": False},
    {"x": -math.inf, "s": "plain"},
    {},
]


def written(format, tables):
    file = io.BytesIO()
    tables = list(tables)
    writer = open_table_writer(file, format, tables[0].schema)
    for table in tables:
        writer.write(table)
    writer.close()
    return file.getvalue()


def test_csv_is_what_the_page_says():
    text = written("csv", wide_tables(make_history(TRICKY), axes=["_step"], row_limit=3)).decode()
    assert text == (
        "_step,x,s,n,j,b,k\n"
        '0,1.0,"say ""hi"", twice",1,"[1,{""$float"":""NaN""}]",,\n'
        '1,NaN,"",,,true,\n'
        '2,-0.0,"line\nbreak",-9223372036854775808,,,\n'
        "3,inf, naïve — ✓ ,,,,\n"
        "4,1e+300,,,,false,\n"
        "5,-inf,plain,,,,\n"
        "6,,,,,,\n"
    )


@given(st.lists(st.floats() | st.none(), min_size=1))
def test_floats_in_csv_read_back_to_the_same_bits(numbers):
    history = make_history([{} if number is None else {"x": number} for number in numbers])
    if not history.series:
        return
    _, *rows = csv.reader(io.StringIO(written("csv", [wide_table(history)]).decode()))
    assert [repr(float(row[3])) if row[3] else None for row in rows] == [
        None if number is None else repr(number) for number in numbers
    ]
    assert not any(row[3].lstrip("-").isdigit() for row in rows)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.none(), min_size=1, max_size=5))
def test_texts_in_csv_read_back_as_they_were(texts):
    history = make_history([{"s": text} for text in texts])
    content = written("csv", [wide_table(history, axes=["_step"])]).decode()
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["s"] for row in rows] == [text or "" for text in texts]


def test_a_csv_of_one_column_has_a_line_for_each_row():
    history = make_history([{"x": None}, {"x": 1}, {}])
    text = written("csv", [wide_table(history, axes=[])]).decode()
    assert text == 'x\n""\n1\n""\n'


def test_a_csv_of_very_many_columns_is_joined_right():
    history = make_history([{f"k{i}": i for i in range(1000)}])
    text = written("csv", [wide_table(history, axes=[])]).decode()
    assert text == ",".join(f"k{i}" for i in range(1000)) + "\n" + ",".join(map(str, range(1000))) + "\n"


def test_csv_goes_through_pandas_to_the_same_frame():
    history = make_history([{"a": 0.1 + 0.2, "b": 3}, {"a": 1e-310, "b": 4}])
    frame = pd.read_csv(io.BytesIO(written("csv", [wide_table(history)])))
    pd.testing.assert_frame_equal(frame, wide_table(history).to_pandas(), rtol=1e-15)


def test_parquet_and_arrow_are_the_table():
    history = make_history(TRICKY)
    table = wide_table(history)
    pieces = list(wide_tables(history, row_limit=2))
    for read in (
        pq.read_table(io.BytesIO(written("parquet", pieces))),
        pa.ipc.open_file(written("arrow", pieces)).read_all(),
    ):
        assert read.schema.equals(table.schema)
        assert str(read.to_pydict()) == str(table.to_pydict())


def test_a_disk_that_is_full_in_the_midst_of_a_parquet_file_is_told():
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() > 2**20:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    table = pa.table({"x": np.random.default_rng(0).random(200_000)})
    writer = open_table_writer(Full(), "parquet", table.schema)

    def write_all():
        try:
            for _ in range(20):
                writer.write(table)
        finally:
            writer.close()

    with pytest.raises(OSError, match="No space left"):
        write_all()


def test_json_lines_are_the_rows():
    file = io.BytesIO()
    counts = []
    rows = write_json_lines(file, make_history(TRICKY), first={"run": "r"}, axes=["_step"], progress=counts.append)
    lines = file.getvalue().decode().splitlines()
    assert rows == sum(counts) == len(lines) == 7
    assert lines[0] == '{"run":"r","_step":0,"x":1.0,"s":"say \\"hi\\", twice","n":1,"j":[1,{"$float":"NaN"}]}'
    assert lines[1] == '{"run":"r","_step":1,"x":{"$float":"NaN"},"s":"","b":true}'
    assert lines[6] == '{"run":"r","_step":6}'
    assert all(json.loads(line) for line in lines)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"))
datum = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab$float."), inner))


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b.c", "$float", "$dict"]), datum, max_size=2), max_size=4))
def test_json_lines_read_back_to_what_was_logged(rows):
    file = io.BytesIO()
    history = make_history(rows)
    write_json_lines(file, history)
    read = [values.decode_json(line) for line in file.getvalue().decode().split("\n")[:-1]]
    assert repr(read) == repr(list(iter_rows(history)))


def test_an_export_that_fails_leaves_what_was_there(tmp_path):
    place = tmp_path / "out.csv"
    place.write_text("before")
    with pytest.raises(TypeError), open_destination(place) as file:
        file.write(b"half") + file.write("text is refused")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "before")]
    with open_destination(place) as file:
        file.write(b"whole")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "whole")]


def test_a_stream_is_written_to_and_stays_open():
    stream = io.BytesIO()
    with open_destination(stream) as file:
        file.write(b"x")
    assert stream.getvalue() == b"x"


def test_an_unknown_format_is_refused():
    with pytest.raises(BadValueError, match="format='xlsx'; it can be csv, parquet, jsonl, arrow"):
        check_format("xlsx")
