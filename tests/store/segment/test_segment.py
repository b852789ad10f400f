"""Segments: what goes in comes out, to the bit, through runlake or any Parquet reader alone."""

import math
import os
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from runlake.errors import CorruptError, NewerFormatError
from runlake.store.run.view import slice_stretch
from runlake.store.segment import schema
from runlake.store.segment.folder import FolderSegments
from runlake.store.segment.pyramid import PYRAMID_STEP, pyramid
from runlake.store.segment.read import open_parquet, read_keys, read_outline, read_pyramid, read_rows
from runlake.store.segment.schema import series_file
from runlake.store.segment.segments import SegmentFile
from runlake.store.segment.write import write_rows
from runlake.store.series import Series, WriterRows
from stored import RUN, as_dicts, exactly, rows_as_written

SCALARS = st.one_of(
    st.floats(),
    st.sampled_from([math.nan, -0.0, 0.0, math.inf, -math.inf, 5e-324]),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.lists(st.one_of(st.floats(), st.integers(-(2**80), 2**80), st.text(max_size=3)), max_size=3),
    st.binary(max_size=4),
    st.just({}),
)
KEYS = st.sampled_from(["a", "b", "c.d", "e\\f", "_x", "ünï", "", "loss/train"])
ROWS = st.lists(
    st.dictionaries(KEYS, SCALARS | st.dictionaries(KEYS, SCALARS, max_size=2), max_size=5), min_size=1, max_size=40
)


def in_folder(folder, name):
    return SegmentFile(FolderSegments(Path(folder)), name)


def written(folder, rows):
    """The file of values, as those find it who read segments."""
    file = in_folder(folder, "s.parquet")
    write_rows(file, RUN, "inc", "gen", [rows])
    return file


@given(ROWS, st.sampled_from([1, 7, 10_000]))
def test_rows_come_back_as_they_went_in_to_the_bit(rows, rows_per_part):
    with tempfile.TemporaryDirectory() as folder:
        before = rows_as_written(Path(folder), rows, rows_per_part=rows_per_part)
        (after,) = read_rows(written(folder, before), "history")
        assert exactly(after) == exactly(before)


def test_the_bits_of_a_nan_survive(tmp_path):
    odd = np.array([0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000], np.uint64)
    rows = [{"x": float(value)} for value in odd.view(np.float64)]
    (after,) = read_rows(written(tmp_path, rows_as_written(tmp_path, rows)), "history")
    assert after.series[0].values.to_numpy().view(np.uint64).tolist() == odd.tolist()


def test_a_key_of_several_types_has_a_series_a_type(tmp_path):
    rows = [{"k": 1}, {"k": 0.5}, {"k": "text"}, {"k": True}, {"k": None}, {"k": [1]}, {"k": 2}]
    (after,) = read_rows(written(tmp_path, rows_as_written(tmp_path, rows)), "history")
    assert [(s.key, s.lane, s.rows.tolist(), s.values.to_pylist()) for s in after.series] == [
        ("k", "i64", [0, 6], [1, 2]),
        ("k", "f64", [1], [0.5]),
        ("k", "str", [2], ["text"]),
        ("k", "bool", [3], [True]),
        ("k", "null", [4], [None]),
        ("k", "json", [5], ["[1]"]),
    ]


def test_rows_without_any_key_are_rows(tmp_path):
    (after,) = read_rows(written(tmp_path, rows_as_written(tmp_path, [{}, {}, {"a": 1}])), "history")
    assert as_dicts(after) == [{"_step": 0}, {"_step": 10}, {"_step": 20, "a": 1}]


def test_a_stream_without_rows_is_an_empty_file_that_can_be_read(tmp_path):
    file = in_folder(tmp_path, "s.parquet")
    write_rows(file, RUN, "inc", "gen", [])
    assert read_rows(file, "history") == []
    assert read_keys([(file, {}, None)]) == []
    assert read_pyramid([(file, None)], frozenset({"a"})) is None


def test_several_writers_keep_apart(tmp_path):
    one = rows_as_written(tmp_path, [{"a": 1}, {"a": 2}])
    other = replace(rows_as_written(tmp_path, [{"a": 3.5}, {"b": 4}]), writer="v")
    file = in_folder(tmp_path, "s.parquet")
    write_rows(file, RUN, "inc", "gen", [one, other])
    after = {rows.writer: exactly(rows) for rows in read_rows(file, "history")}
    assert after == {"w": exactly(one), "v": exactly(other)}


@pytest.mark.slow
def test_more_rows_than_a_chunk_come_back_as_one_stretch(tmp_path):
    count = schema.CHUNK_ROWS + 5_000
    rows = [{"i": i, "x": i / 7} if i % 3 else {"i": i} for i in range(count)]
    before = rows_as_written(tmp_path, rows, rows_per_part=40_000)
    (after,) = read_rows(written(tmp_path, before), "history")
    assert exactly(after) == exactly(before)
    (one_key,) = read_rows(in_folder(tmp_path, "s.parquet"), "history", frozenset({"x"}), axes=["_step"])
    assert one_key.series[0].rows.tolist() == [i for i in range(count) if i % 3]
    assert len(one_key.timestamp) == 0


def sparse_and_dense(tmp_path):
    """Three chunks of rows: one key in all, one in every 1,000th, one in every third, one in the last alone."""
    count = 2 * schema.CHUNK_ROWS + 5_000
    rows = [{"i": i} for i in range(count)]
    for i in range(0, count, 1000):
        rows[i]["rare"] = i / 7
    for i in range(0, count, 3):
        rows[i]["third"] = i
    rows[-1]["late"] = "x"
    return rows_as_written(tmp_path, rows, rows_per_part=40_000)


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory):
    """These rows, and the file of their values."""
    folder = tmp_path_factory.mktemp("many")
    rows = sparse_and_dense(folder)
    return rows, written(folder, rows)


def pieces_of(file):
    table = read_outline(file)
    columns = (table[name].to_pylist() for name in ("key", "first_n", "row_count"))
    return sorted(each for each in zip(*columns, strict=True) if each[0] in ("i", "rare", "third", "late"))


@pytest.mark.long
def test_a_series_is_cut_by_its_values_and_not_by_rows(many_rows):
    chunk = schema.CHUNK_ROWS
    before, file = many_rows
    assert pieces_of(file) == [
        *(("i", start, min(chunk, before.row_count - start)) for start in range(0, before.row_count, chunk)),
        ("late", 2 * chunk, 5_000),
        ("rare", 0, before.row_count),
        ("third", 0, before.row_count),
    ]
    (after,) = read_rows(file, "history")
    assert exactly(after) == exactly(before)


@pytest.mark.slow
@pytest.mark.parametrize("low", [0, 70_000, 2 * schema.CHUNK_ROWS + 3_000])
def test_some_rows_of_a_run_have_their_values_of_sparse_series_and_no_others(many_rows, low):
    before, file = many_rows
    (some,) = read_rows(file, "history", ranges={before.writer: (low, low + 1_000)})
    first, last = some.first_n, some.first_n + some.row_count
    assert first <= low < low + 1_000 <= last
    found, expected = exactly(some), exactly(slice_stretch(before, first, last))
    assert {**found, "series": sorted(found["series"])} == {**expected, "series": sorted(expected["series"])}


def test_segments_whose_series_were_cut_by_rows_are_read_as_before(tmp_path, many_rows):
    def by_rows(where, row_count):
        for start in range(0, row_count, schema.CHUNK_ROWS):
            stop = min(start + schema.CHUNK_ROWS, row_count)
            low, high = (start, stop) if where is None else np.searchsorted(where, (start, stop)).tolist()
            if high > low:
                yield start, stop, low, high

    before, new = many_rows
    old = in_folder(tmp_path, "old.parquet")
    write_rows(old, RUN, "inc", "gen", [before], cut=by_rows)
    assert len(pieces_of(old)) > len(pieces_of(new))
    for keys, ranges in [(None, None), (frozenset({"rare"}), None), (None, {before.writer: (70_000, 70_010)})]:
        ours, theirs = (exactly(*read_rows(file, "history", keys, ranges=ranges)) for file in (new, old))
        assert ours == theirs
    assert read_keys([(old, {}, None)]) == read_keys([(new, {}, None)])


def test_keys_are_listed_in_first_logged_order(tmp_path):
    rows = rows_as_written(tmp_path, [{"z": 1, "b": "x"}, {"a": 1, "z": 2.5}, {"y": [1], "c.d": 1}])
    assert read_keys([(written(tmp_path, rows), {}, None)]) == ["z", "b", "a", "y", "c\\.d"]


@given(
    st.integers(1, 6 * PYRAMID_STEP + 3),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.booleans(),
)
def test_a_pyramid_keeps_the_ends_and_the_extremes_of_every_bucket(count, seed, nan_share, spiky):
    random = np.random.default_rng(seed)
    values = random.normal(size=count)
    values[random.random(count) < nan_share] = math.nan
    if spiky:
        values[random.integers(count)] = math.inf
    picks = pyramid(values)
    assert (np.diff(picks) > 0).all()
    assert {0, count - 1} <= set(picks.tolist())
    if count <= 2 * PYRAMID_STEP:
        assert len(picks) == count
        return
    assert len(picks) <= 2 * -(-count // PYRAMID_STEP) + 2
    for start in range(0, count, PYRAMID_STEP):
        bucket = values[start : start + PYRAMID_STEP]
        kept = values[picks[(picks >= start) & (picks < start + PYRAMID_STEP)]]
        assert len(kept)
        if not np.isnan(bucket).all():
            assert (np.nanmin(kept), np.nanmax(kept)) == (np.nanmin(bucket), np.nanmax(bucket))


def test_a_stored_pyramid_says_where_the_extremes_are(tmp_path):
    values = [math.sin(i / 50) for i in range(3000)]
    values[1234] = 9.0
    file = written(tmp_path, rows_as_written(tmp_path, [{"x": v} for v in values]))
    steps, points, count, name = read_pyramid([(file, None)], frozenset({"x"}))
    assert (count, name, points.max(), steps[points.argmax()]) == (3000, "x", 9.0, 12340)
    assert (points[0], points[-1], steps[0], steps[-1]) == (values[0], values[-1], 0, 29990)


def test_whole_numbers_beyond_what_a_float_tells_have_no_pyramid(tmp_path):
    file = written(tmp_path, rows_as_written(tmp_path, [{"x": 2**60 + i} for i in range(4)]))
    assert read_pyramid([(file, None)], frozenset({"x"})) is None


ROWS_FOR_OTHERS = [
    {"loss": i / 4, "name": f"r{i}", "ok": i % 2 == 0, **({"rare": i} if i % 5 == 0 else {})} for i in range(20)
]


def test_duckdb_alone_reads_a_segment(tmp_path):
    written(tmp_path, rows_as_written(tmp_path, ROWS_FOR_OTHERS))
    file = tmp_path / "s.parquet"
    query = duckdb.connect()
    found = query.execute(
        f"select n, step, f64 from '{file}' where run_id = 'r' and key = 'loss' order by n"
    ).fetchall()
    assert found == [(i, i * 10, i / 4) for i in range(20)]
    assert query.execute(f"select n, i64 from '{file}' where key = 'rare' order by n").fetchall() == [
        (i, i) for i in range(0, 20, 5)
    ]
    assert query.execute(
        f"select key, lane, min, max, sum from '{series_file(file)}' where key = 'loss'"
    ).fetchall() == [("loss", "f64", 0.0, 4.75, sum(i / 4 for i in range(20)))]


def test_polars_alone_reads_a_segment(tmp_path):
    written(tmp_path, rows_as_written(tmp_path, ROWS_FOR_OTHERS))
    file = tmp_path / "s.parquet"
    frame = pl.scan_parquet(file).filter(pl.col("key") == "name").sort("n").select("n", "step", "str").collect()
    assert frame.rows() == [(i, i * 10, f"r{i}") for i in range(20)]
    assert pl.read_parquet(file).filter(pl.col("key") == "ok").get_column("bool").to_list() == [
        i % 2 == 0 for i in range(20)
    ]


def test_equal_inputs_make_equal_names_whatever_their_order():
    one = schema.segment_name([("w", 1), ("w", 0)], ["b", "a"])
    assert one == schema.segment_name([("w", 0), ("w", 1)], ["a", "b"])
    assert one != schema.segment_name([("w", 0)], ["a", "b"])
    assert one != schema.segment_name([("w", 0), ("w", 1)], ["a"])


def test_a_file_of_a_newer_format_is_refused_by_name(tmp_path):
    file = tmp_path / "later.parquet"
    written(tmp_path, rows_as_written(tmp_path, [{"a": 1}]))
    table = pq.read_table(tmp_path / "s.parquet")
    pq.write_table(table.replace_schema_metadata({"runlake.segment": "9"}), file)
    with pytest.raises(NewerFormatError, match=r"later\.parquet"):
        open_parquet(in_folder(tmp_path, file.name))


@pytest.mark.parametrize("end", [0, 3, 100])
def test_a_file_that_was_cut_is_corrupt_by_name(tmp_path, end):
    file = written(tmp_path, rows_as_written(tmp_path, [{"a": 1}]))
    file.segments.replace(file.name, file.segments.read(file.name)[:end])
    with pytest.raises(CorruptError, match=r"s\.parquet"):
        read_rows(file, "history")


@pytest.mark.slow
def test_a_long_series_is_read_in_pieces_by_several_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    row_count = 8 * schema.GROUP_VALUES + 5_000
    step = np.arange(row_count)
    values = pa.chunked_array([step])
    before = WriterRows("w", "history", 0, step, 1000.0 + step, step / 2, [Series("i", "i64", None, values)])
    (after,) = read_rows(written(tmp_path, before), "history")
    assert (after.series[0].values.num_chunks, after.series[0].values.equals(values)) == (9, True)
    for name in ("step", "timestamp", "runtime"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
