"""What a request may cost in memory: rows that come in, and tables that go out."""

import gzip
import json
import tracemalloc

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from runlake.errors import BadValueError, NotFoundError
from runlake.query.rows.history import History, Series
from runlake.query.rows.table import narrow_tables, wide_table
from runlake.server.wandb.ingest.stream import MAX_LINE_CHARACTERS, MAX_LINES, read_batch, read_body
from runlake.service.local.service import LocalService
from runlake.service.wire import rows as wire_rows
from runlake.sweep_model import SweepPath

BASE = {"history": 0, "events": 0, "console": 0}
MIB = 2**20


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def body_of(name, lines, offset=0):
    return msgspec.json.encode({"files": {name: {"offset": offset, "content": lines}}})


def go_through(body):
    batch = read_batch(body, BASE)
    return {stream: sum(1 for _ in rows) for stream, rows in batch.rows.items()}


@pytest.mark.parametrize("name", ["wandb-history.jsonl", "wandb-events.jsonl", "output.log"])
def test_a_small_body_of_many_empty_lines_is_refused_before_there_is_an_object_for_each(name):
    zipped = gzip.compress(b'{"files":{"%s":{"content":[%s""]}}}' % (name.encode(), b'"",' * (8 * MIB)))
    assert len(zipped) < 64_000

    def refuse():
        with pytest.raises(BadValueError, match="lines in one request"):
            read_batch(read_body(zipped, "gzip"), BASE)

    assert peak_bytes(refuse) < 100 * MIB


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("wandb-history.jsonl", '{"_step":1,"a":1,"b":2}'),
        ("wandb-events.jsonl", '{"_timestamp":1.5,"c":1}'),
        ("output.log", "2026-01-01T00:00:00.000000 x"),
        ("output.log", "x"),
    ],
)
def test_rows_take_little_more_room_than_their_lines(name, line):
    body = body_of(name, [line] * 8_000)
    # A text of Python alone takes 49 bytes, however short it is.
    lines_bytes = len(body) + 8_000 * (49 + 8)
    assert peak_bytes(lambda: go_through(body)) < lines_bytes + 4 * MIB


def test_as_much_as_the_client_sends_at_once_is_taken():
    history = [json.dumps({"_step": step, "_timestamp": 1.5, "loss": 0.5, "n": step}) for step in range(10_000)]
    console = ["2026-01-01T00:00:00.000000 "] * 10_000
    content = {"wandb-history.jsonl": {"content": history}, "output.log": {"content": console}}
    assert go_through(msgspec.json.encode({"files": content})) == {"history": 10_000, "console": 10_000}
    assert MAX_LINES * len('"2026-01-01T00:00:00.000000 ",') > 10 * MIB


def test_a_line_that_no_client_sends_is_refused():
    body = body_of("wandb-history.jsonl", ["{}", '{"a":"' + "x" * MAX_LINE_CHARACTERS + '"}'])
    with pytest.raises(BadValueError, match="a line has"):
        go_through(body)


def test_rows_can_be_cut_and_gone_through_again():
    lines = [json.dumps({"_step": step, "_timestamp": 1.5, "v": step}) for step in range(2_500)]
    rows = read_batch(body_of("wandb-history.jsonl", lines, 10), BASE).rows["history"]
    assert (len(rows), len(rows[2_000:]), len(rows[:0])) == (2_500, 500, 0)
    assert [row.step for row in rows[1_990:][5:20]] == list(range(1_995, 2_010))
    assert [row.values for row in rows] == [{"v": step} for step in range(2_500)]
    assert (rows[-1].values, list(rows) == list(rows[:])) == ({"v": 2_499}, True)
    with pytest.raises(IndexError):
        rows[::2]


def test_long_lines_are_pieces_of_their_own():
    lines = [json.dumps({"_step": step, "_timestamp": 1.5, "v": "x" * 200_000}) for step in range(7)]
    rows = read_batch(body_of("wandb-history.jsonl", lines), BASE).rows["history"]
    assert [(row.step, len(row.values["v"])) for row in rows] == [(step, 200_000) for step in range(7)]


def sparse_history(row_count, key_count):
    """A row has one of the keys, as where each step logs another."""
    series = [
        Series(
            f"k{key}",
            "f64",
            np.arange(key, row_count, key_count),
            pa.chunked_array([np.arange(key, row_count, key_count).astype(float)]),
        )
        for key in range(key_count)
    ]
    times = np.arange(row_count).astype(float)
    return History("history", np.arange(row_count), times, times, series)


def test_a_table_comes_in_pieces_that_are_the_whole_one():
    history = sparse_history(9_000, 100)
    content = b"".join(wire_rows.write_tables(narrow_tables(history)))
    table, problems = wire_rows.read_table(pa.BufferReader(content))
    assert (table, problems) == (wide_table(history), {})
    assert sum(1 for _ in narrow_tables(history)) == 2
    empty = History("history", np.zeros(0, np.int64), None, None)
    nothing, _ = wire_rows.read_table(pa.BufferReader(b"".join(wire_rows.write_tables(narrow_tables(empty)))))
    assert nothing.num_rows == 0


@pytest.mark.slow
def test_a_table_of_gaps_takes_the_room_of_a_piece():
    """As a whole it would take 320 MB: the values of it take 1 MB."""
    history = sparse_history(100_000, 400)
    before = pa.total_allocated_bytes()
    most = 0
    for piece in wire_rows.write_tables(narrow_tables(history)):
        assert piece
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 30 * MIB


def test_a_table_of_too_many_columns_is_refused_at_once():
    with pytest.raises(BadValueError, match="columns"):
        narrow_tables(sparse_history(2_500, 2_500))


def test_asking_for_sweeps_that_are_not_there_leaves_nothing_behind(tmp_path):
    service = LocalService(tmp_path / "store", default_entity="ann")
    service.create_project("ann", "p")

    def ask(count):
        for number in range(count):
            with pytest.raises(NotFoundError):
                service.read_sweep(SweepPath("ann", "p", f"s{number}"))

    ask(10)
    tracemalloc.start()
    try:
        ask(10)
        before = tracemalloc.get_traced_memory()[0]
        ask(500)
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    service.close()
    assert left < 500 * 200
