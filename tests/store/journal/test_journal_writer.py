"""The writing side, over every implementation of `Journal`."""

import itertools
import math
import os
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import rows_in, rows_of_journal, scan_all

import strategies
from runlake.errors import LogTypeError, StoreError
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.values import Json, flatten
from strategies import bits


def write(writer, data, step=0, **options):
    return writer.log(data, step=step, timestamp=1000.0 + step, runtime=step / 2, **options)


def kinds_of(data):
    """The kinds of a part's frames, in order."""
    kinds, position = [], len(record.MAGIC)
    while position < len(data):
        length, kind, _, _ = record.HEAD.unpack_from(data, position)
        kinds.append(record.KIND_NAMES[kind])
        position += record.HEAD.size + length
    return kinds


# Rows


@given(st.lists(strategies.rows, max_size=8), st.sampled_from([1, 3, 1024]))
def test_rows_come_back_as_they_were_logged(rows, rows_per_part):
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=rows_per_part))
    for step, row in enumerate(rows):
        write(writer, row, step)
    writer.end({})
    expected = [(i, 1000.0 + i, i / 2, flatten(row)) for i, row in enumerate(rows)]
    found = rows_of_journal(journal)
    assert [r[:3] for r in found] == [r[:3] for r in expected]
    assert [bits(r[3]) for r in found] == [bits(r[3]) for r in expected]
    assert [{k: type(v) for k, v in r[3].items()} for r in found] == [
        {k: type(v) for k, v in r[3].items()} for r in expected
    ]


AXIS = st.integers(-(2**63), 2**63 - 1), strategies.floats, strategies.floats


@given(st.lists(st.tuples(*AXIS), min_size=1, max_size=5))
def test_steps_and_times_are_data_of_any_value(axes):
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", {})
    for step, timestamp, runtime in axes:
        writer.log({"a": 1}, step=step, timestamp=timestamp, runtime=runtime)
    assert [bits(list(row[:3])) for row in rows_of_journal(journal)] == [bits(list(axis)) for axis in axes]


@pytest.mark.parametrize("commits", list(itertools.product([True, False], repeat=5)), ids=str)
def test_pieces_of_an_open_row_are_one_row_and_the_last_value_wins(journal, commits):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(frames_per_block=2))
    pieces = [{"a": 1}, {"a": 2.5, "s": "x"}, {"b": True}, {"a": 3, "s": None}, {}]
    expected, is_open = [], False
    for place, (piece, commit) in enumerate(zip(pieces, commits, strict=True)):
        write(writer, piece, place, commit=commit)
        row = {**(expected.pop()[3] if is_open else {}), **piece}
        expected.append((place, 1000.0 + place, place / 2, row))
        is_open = not commit
        assert rows_of_journal(journal) == expected
        assert writer.row_counts()["history"] == len(expected)
        assert rows_of_journal(journal, writer="w") == expected
    (part,) = scan_all(journal)
    assert rows_of("w", [part], "history").is_open is is_open


def test_a_key_of_several_types_in_one_row_keeps_its_last_value(journal):
    writer = JournalWriter(journal, "w", {})
    values = [1, 2.5, "x", None, True, [1], 7, "y", 0.5]
    for one, other in itertools.product(values, values):
        write(writer, {"k": one, "rest": 1}, commit=False)
        write(writer, {"k": other})
    found = [row[3]["k"] for row in rows_of_journal(journal)]
    expected = [flatten({"k": other})["k"] for _, other in itertools.product(values, values)]
    assert list(map(bits, found)) == list(map(bits, expected))


def test_a_closed_row_gets_no_more_pieces(journal):
    writer = JournalWriter(journal, "w", {})
    write(writer, {"a": 1}, commit=False)
    writer.close_row()
    writer.close_row()
    write(writer, {"b": 2}, 1, commit=False)
    writer.end({})
    assert [row[3] for row in rows_of_journal(journal)] == [{"a": 1}, {"b": 2}]
    assert scan_all(journal)[0].records[-1][1]["row_counts"] == {"history": 2, "events": 0, "console": 0}


def test_bare_rows_are_rows(journal):
    writer = JournalWriter(journal, "w", {})
    for step in range(3):
        write(writer, {}, step)
    assert rows_of_journal(journal) == [(i, 1000.0 + i, i / 2, {}) for i in range(3)]


def test_streams_share_a_part_and_keep_to_themselves(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=7))
    expected = {"history": [], "events": [], "console": []}
    for step in range(60):
        stream = ("history", "history", "events", "console", "history")[step % 5]
        row = {"x": step} if step % 3 else {"x": float(step), "s": str(step)}
        commit = step % 4 != 0
        open_row = expected[stream].pop() if expected[stream] and not expected[stream][-1][1] else ({}, False)
        expected[stream].append(({**open_row[0], **row}, commit))
        write(writer, row, step, commit=commit, stream=stream)
    for stream, rows in expected.items():
        assert [row[3] for row in rows_of_journal(journal, stream)] == [row for row, _ in rows]
    assert writer.row_counts() == {stream: len(rows) for stream, rows in expected.items()}


def test_the_axis_among_the_values_is_the_rows_own(journal):
    writer = JournalWriter(journal, "w", {})
    write(writer, {"_step": 70, "_timestamp": 3, "_runtime": 0.25, "a": 1})
    assert rows_of_journal(journal) == [(70, 3.0, 0.25, {"a": 1})]
    for bad in ({"_step": 1.0}, {"_step": True}, {"_timestamp": "now"}, {"_runtime": None}):
        with pytest.raises(LogTypeError, match="kept for the row itself"):
            write(writer, bad)
    assert len(rows_of_journal(journal)) == 1


def test_a_row_that_is_refused_leaves_nothing(journal):
    writer = JournalWriter(journal, "w", {})
    write(writer, {"a": 1})
    before = journal.read(PartName("w", 0))
    for bad in ({"a": threading.Lock()}, {1: 2}, {"b": 1, "x": {"y": object()}}, {"z": 2**5000}):
        with pytest.raises(LogTypeError):
            write(writer, bad)
    assert journal.read(PartName("w", 0)) == before
    write(writer, {"b": 1, "x": 2}, 1)
    assert [row[3] for row in rows_of_journal(journal)] == [{"a": 1}, {"b": 1, "x": 2}]


def test_a_row_too_large_for_readers_is_refused(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(max_body_bytes=5000))
    with pytest.raises(LogTypeError, match=r"bytes in one call are more than the 5000 .* run\.save"):
        write(writer, {"n": 1, "s": "x" * 5000})
    with pytest.raises(LogTypeError, match="bytes in one call are more"):
        writer.record(record.CONFIG, {"set": {"s": "x" * 5000}})
    write(writer, {"n": 2, "s": "x"})
    assert [row[3] for row in rows_of_journal(journal)] == [{"n": 2, "s": "x"}]


def test_numpy_numbers_are_packed_like_plain_ones(journal):
    writer = JournalWriter(journal, "w", {})
    row = {"a": np.float32(0.1), "b": np.int64(-3), "c": np.bool_(True), "d": np.float64("nan")}
    for step in range(3):
        write(writer, row, step)
    write(writer, {**row, "b": np.uint64(2**64 - 1)}, 3)
    expected = {"a": float(np.float32(0.1)), "b": -3, "c": True, "d": math.nan}
    found = [bits(row[3]) for row in rows_of_journal(journal)]
    assert found == [*[bits(expected)] * 3, bits({**expected, "b": Json(2**64 - 1)})]
    assert kinds_of(journal.read(PartName("w", 0)))[:5] == ["part", "shape", "row", "row", "row"]


def test_media_are_made_plain_by_prepare(journal):
    writer = JournalWriter(journal, "w", {}, prepare=lambda data, step: {k: f"{v}@{step}" for k, v in data.items()})
    write(writer, {"a": object}, 5)
    assert rows_of_journal(journal)[0][3] == {"a": f"{object}@5"}


def test_the_canonical_values_are_answered_where_they_are_more_than_the_row(journal):
    writer = JournalWriter(journal, "w", {})
    assert write(writer, {"a": {"b": 1}}) == {"a.b": 1}
    assert write(writer, {"x": 1}) == {"x": 1}
    assert write(writer, {"x": 2}) is None


# Shapes


def test_a_shape_is_declared_once_a_part(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=4))
    for step in range(8):
        write(writer, {"a": step} if step % 2 else {"b": float(step)}, step)
    first, second = (kinds_of(journal.read(PartName("w", number))) for number in (0, 1))
    assert first == ["part", "shape", "row", "shape", "row", "row", "row", "close", "block"]
    assert second == ["part", "shape", "row", "shape", "row", "row", "row"]


def test_beyond_the_cap_rows_need_no_shape(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(max_shapes=3))
    rows = [{f"k{i % 6}": i, "s": "x"} if i % 4 == 1 else {f"k{i % 6}": i / 7} for i in range(40)]
    for step, row in enumerate(rows):
        write(writer, row, step)
    assert [row[3] for row in rows_of_journal(journal)] == rows
    assert kinds_of(journal.read(PartName("w", 0))).count("shape") == 3


def test_keys_keep_the_order_they_were_logged_in(journal):
    writer = JournalWriter(journal, "w", {})
    row = {"s": "x", "a": 1, "t": "y", "b": 2.0}
    write(writer, row)
    assert list(rows_of_journal(journal)[0][3]) == list(row)


# Parts


def test_a_part_rotates_by_rows(journal):
    writer = JournalWriter(journal, "w", {"run_id": "r"}, limits=WriterLimits(rows_per_part=3))
    for step in range(8):
        write(writer, {"a": step}, step)
    writer.end({"exit_code": 0})
    parts = scan_all(journal)
    assert [part.end for part in parts] == ["closed", "closed", "ended"]
    sizes = [size for _, size in journal.list_parts()]
    firsts = [{"history": n, "events": 0, "console": 0} for n in (0, 3, 6)]
    common = {"run_id": "r", "writer": "w"}
    assert [part.header.body for part in parts] == [
        {**common, "number": 0, "first": firsts[0]},
        {**common, "number": 1, "first": firsts[1], "previous_bytes": sizes[0]},
        {**common, "number": 2, "first": firsts[2], "previous_bytes": sizes[1]},
    ]
    assert [len(rows_in([part])) for part in parts] == [3, 3, 2]
    assert rows_in(parts) == [(i, 1000.0 + i, i / 2, {"a": i}) for i in range(8)]


def test_a_part_rotates_by_bytes(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(bytes_per_part=2000))
    for step in range(10):
        write(writer, {"s": "x" * 900}, step)
    assert [len(rows_in([part])) for part in scan_all(journal)] == [3, 3, 3, 1]


def test_a_row_never_lies_in_two_parts(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=2))
    write(writer, {"a": 0}, 0)
    write(writer, {"e": 0}, 0, commit=False, stream="events")
    for step in range(1, 6):
        write(writer, {"a": step}, step)
    write(writer, {"e": 1}, 0, stream="events")
    assert len(journal.list_parts()) == 1
    write(writer, {"a": 6}, 6)
    assert [len(rows_in([part])) for part in scan_all(journal)] == [6, 1]
    assert rows_of_journal(journal, "events") == [(0, 1000.0, 0.0, {"e": 1})]


def test_blocks_cover_every_byte(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(frames_per_block=3))
    for step in range(7):
        write(writer, {"a": step}, step)
    writer.end({})
    data = journal.read(PartName("w", 0))
    assert [place for place, kind in enumerate(kinds_of(data)) if kind == "block"] == [4, 8, 12]
    assert kinds_of(data)[-2:] == ["end", "block"]
    assert scan_part(data, "w").end == "ended"


# Records


def test_records_are_stamped_by_a_clock_that_only_rises(journal):
    now = iter([5.0, 4.0, 100.0, 3.0])
    writer = JournalWriter(journal, "w", {}, clock=lambda: next(now), clock_floor=6_000_000)
    writer.record(record.START, {"a": 1})
    writer.record(record.CONFIG, {"set": {"x": Json("[1]")}})
    write(writer, {"a": 1})
    writer.record(record.SUMMARY, {"set": {}})
    writer.end({"exit_code": 3})
    (part,) = scan_all(journal)
    assert [(kind, body) for kind, body, _ in part.records] == [
        (record.START, {"clock": 6_000_001, "n": 0, "a": 1}),
        (record.CONFIG, {"clock": 6_000_002, "n": 0, "set": {"x": Json("[1]")}}),
        (record.SUMMARY, {"clock": 1_000_000_001, "n": 1, "set": {}}),
        (
            record.END,
            {"clock": 1_000_000_002, "n": 1, "exit_code": 3, "row_counts": {"history": 1, "events": 0, "console": 0}},
        ),
    ]


def test_after_the_end_nothing_is_written(journal):
    writer = JournalWriter(journal, "w", {})
    writer.end({})
    for call in (lambda: write(writer, {"a": 1}), lambda: writer.record(record.CONFIG, {}), lambda: writer.end({})):
        with pytest.raises(StoreError, match="the journal of w is closed"):
            call()
    writer.close()
    writer.sync()
    assert not journal.is_held(PartName("w", 0))


def test_a_writer_without_an_end_lets_go_all_the_same(journal):
    writer = JournalWriter(journal, "w", {})
    write(writer, {"a": 1})
    writer.close()
    assert not journal.is_held(PartName("w", 0))
    assert scan_all(journal)[0].end == "open"


def test_threads_lose_nothing_and_keep_their_order(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=500))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [
            threading.Thread(
                target=lambda t=t: [write(writer, {f"t{t % 2}": i, "s" if t == 3 else "t": t}, i) for i in range(700)]
            )
            for t in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    writer.end({})
    rows = [row[3] for row in rows_of_journal(journal)]
    for t in range(4):
        mine = [row[f"t{t % 2}"] for row in rows if row.get("t", row.get("s")) == t]
        assert mine == list(range(700))
    assert len(rows) == 2800


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_writes_nothing_into_its_parents_part(tmp_path):
    journal = FolderJournal(tmp_path)
    writer = JournalWriter(journal, "w", {})
    write(writer, {"a": 1})
    pid = os.fork()
    if pid == 0:
        writer.abandon()
        try:
            write(writer, {"a": 2})
        except StoreError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    write(writer, {"a": 3}, 1)
    assert [row[3] for row in rows_of_journal(journal)] == [{"a": 1}, {"a": 3}]
    assert journal.is_held(PartName("w", 0)) is True
    writer.close()
