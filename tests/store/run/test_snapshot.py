"""What a reader sees of a run whose parts were cut short, went missing, or were left by their writer."""

import os
import threading
from contextlib import suppress

import pytest
from journals import rows_in

from runlake.errors import CorruptError, NotFoundError
from runlake.store import disk
from runlake.store.compact.seal import seal_run
from runlake.store.disk import watched
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.journal.scan import scan_part
from runlake.store.opening.writers import NewWriter, begin_writer
from runlake.store.run import snapshot
from runlake.store.run.snapshot import read_consistently, take_snapshot
from runlake.store.run.state import read_run
from stored import RUN, Clock, Writer, edit_config, part_names
from whole_run import everything


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path)


def journal_rows(layout):
    """The values of all rows that are not sealed, as a reader of the run gets them."""

    def read(snapshot):
        return rows_in([snapshot.scan(name) for name in snapshot.parts])

    return [values for _, _, _, values in read_consistently(layout, RUN, read)]


def file_of(layout, writer, number):
    return layout.journal_dir(RUN) / str(PartName(writer.id, number))


def frames_of(data):
    places, position = [], len(record.MAGIC)
    while position < len(data):
        places.append(position)
        position += record.HEAD.size + record.HEAD.unpack_from(data, position)[0]
    return places


@pytest.fixture
def three_parts(layout):
    """A crashed run of 25 rows, in two closed parts and an open one."""
    return Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25)).die()


@pytest.mark.parametrize(
    ("row_count", "text", "has_threads"),
    [(25, "few", False), (25, "x" * 2**15, True), (120, "many", True)],
    ids=["few small parts", "large parts", "many parts"],
)
def test_parts_come_in_order_and_other_threads_read_them_where_that_is_sooner(layout, row_count, text, has_threads):
    Writer(layout, rows_per_part=10).log_many({"a": text} for _ in range(row_count)).die()

    def read(snapshot):
        found = snapshot.scan_each(snapshot.parts, lambda part: (part.header.number, threading.current_thread().name))
        return list(found)

    numbers, threads = zip(*read_consistently(layout, RUN, read), strict=True)
    assert numbers == tuple(range(-(-row_count // 10)))
    is_shared = has_threads and (os.cpu_count() or 1) > 1
    assert {name.startswith("runlake-scan") for name in threads} == {is_shared}


def test_a_closed_part_that_was_cut_short_is_damage_at_every_byte(layout, three_parts):
    file = file_of(layout, three_parts, 1)
    data = file.read_bytes()
    for size in range(len(data) - 1, -1, -1):
        file.write_bytes(data[:size])
        if size % 9 == 0 or size > len(data) - 40 or size < 20:
            with pytest.raises(CorruptError, match=rf"ann/p/r: {three_parts.id}-001\.part: cut short at byte \d+"):
                journal_rows(layout)
    with pytest.raises(CorruptError, match="restore the file from a backup, or run `runlake check`"):
        read_run(layout, RUN)
    file.write_bytes(data)
    assert journal_rows(layout) == [{"a": i} for i in range(25)]


def test_the_newest_part_may_end_anywhere(layout, three_parts):
    file = file_of(layout, three_parts, 2)
    data = file.read_bytes()
    for size in range(0, len(data) + 1, 7):
        file.write_bytes(data[:size])
        assert journal_rows(layout) == [{"a": i} for i in range(20 + len(rows_in([scan_part(data[:size], "w")])))]


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_part_is_damage(layout, three_parts, number):
    file_of(layout, three_parts, number).unlink()
    with pytest.raises(
        CorruptError, match=f"{three_parts.id}-00{number}.part: this part is missing, and in no segment"
    ):
        journal_rows(layout)
    with pytest.raises(CorruptError, match="this part is missing"):
        read_run(layout, RUN)


def test_a_part_whose_segment_is_not_named_yet_is_waited_for(layout):
    """Hosts that share a disk hear of names late: the sealed part is gone already, and its segment not there yet."""
    writer = Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25))
    assert seal_run(layout, RUN) == 20
    assert part_names(layout) == [(writer.id, 2)]
    listings = []

    def late(step, place):
        if (step, place) == ("list", layout.segments_dir(RUN)):
            listings.append(place)
            if len(listings) <= 10:
                raise FileNotFoundError(place)

    with disk.watched(late):
        assert read_run(layout, RUN).row_count == 25
    assert len(listings) > 10


def test_a_part_that_is_missing_from_a_run_at_rest_is_said_at_once(layout, three_parts, monkeypatch):
    file_of(layout, three_parts, 1).unlink()
    os.utime(layout.journal_dir(RUN), (1e9, 1e9))
    monkeypatch.setattr(snapshot.time, "sleep", None)
    with pytest.raises(CorruptError, match="this part is missing"):
        read_run(layout, RUN)


def test_nothing_is_sealed_behind_a_part_that_was_cut_short(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25)).end()
    first = file_of(layout, writer, 0)
    data = first.read_bytes()
    first.write_bytes(data[: len(data) // 2])
    for call in (seal_run, read_run):
        with pytest.raises(CorruptError, match=r"-000\.part: cut short"):
            call(layout, RUN)
    first.write_bytes(data)
    assert seal_run(layout, RUN) == 25
    edit_config(layout, {"x": 1})
    edit_config(layout, {"x": 2})
    assert read_run(layout, RUN).config == {"x": 2}


def test_a_run_of_which_a_part_is_missing_is_not_sealed(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25)).end()
    file_of(layout, writer, 1).unlink()
    with pytest.raises(CorruptError, match=r"-001\.part: this part is missing"):
        seal_run(layout, RUN)
    assert part_names(layout) == [(writer.id, 0), (writer.id, 2)]
    with pytest.raises(CorruptError, match=r"-001\.part: this part is missing"):
        read_run(layout, RUN)


def test_an_empty_part_is_one_that_just_begins(layout, three_parts):
    file_of(layout, three_parts, 2).write_bytes(b"")
    assert journal_rows(layout) == [{"a": i} for i in range(20)]
    assert len(take_snapshot(layout, RUN).parts) == 2


def part_that_breaks(write_number, part="-000.part"):
    """A disk on which that part of a writer takes that write in part, and then neither grows nor shrinks."""
    left = [write_number]

    def watch(step, place):
        if step != "write" or not place.name.endswith(part):
            return None
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "input/output error")
        return None if left[0] else -3

    return watched(watch)


@pytest.mark.parametrize("seals", [False, True])
def test_a_part_that_was_left_is_read_as_far_as_it_counts(layout, seals):
    kept = []
    with part_that_breaks(8):
        writer = Writer(layout)
        for i in range(20):
            row = {"a": i} if i % 2 else {"a": i, "s": "text"}
            try:
                writer.log(row)
            except OSError:
                continue
            kept.append(row)
        writer.end()
    assert [row["a"] for row in kept] == [*range(5), *range(6, 20)]
    assert part_names(layout) == [(writer.id, 0), (writer.id, 1)]
    assert journal_rows(layout) == kept
    assert read_run(layout, RUN).row_count == 19
    if seals:
        assert seal_run(layout, RUN) == 19
        assert part_names(layout) == []
    info = read_run(layout, RUN)
    assert (info.row_count, info.summary, info.state) == (19, {"a": 19, "s": "text"}, "finished")


def test_a_part_that_was_left_before_its_header_was_whole_is_sealed_with_the_next(layout):
    with part_that_breaks(1, "-001.part"):
        writer = Writer(layout, rows_per_part=10)
        for i in range(25):
            with suppress(OSError):
                writer.log({"a": i})
    assert scan_part(file_of(layout, writer, 1).read_bytes(), "w").header is None
    assert [row["a"] for row in journal_rows(layout)] == [i for i in range(25) if i != 10]
    assert part_names(layout) == [(writer.id, number) for number in range(4)]
    before = everything(layout)

    seal_run(layout, RUN)
    assert (part_names(layout), everything(layout)) == ([(writer.id, 3)], before)
    writer.end()
    seal_run(layout, RUN)
    assert (part_names(layout), everything(layout).rows) == ([], before.rows)


@pytest.mark.slow
def test_a_part_that_was_left_is_read_whatever_was_written_of_the_header_of_the_next(layout):
    with part_that_breaks(8):
        writer = Writer(layout)
        for i in range(20):
            with suppress(OSError):
                writer.log({"a": i})
    before = [row["a"] for row in journal_rows(layout)]
    file = file_of(layout, writer, 1)
    data = file.read_bytes()
    header_bytes = next(size for size in range(len(data)) if scan_part(data[:size], "w").header is not None)
    first = [number for number in before if number < 5]
    for size in range(header_bytes):  # killed there
        file.write_bytes(data[:size])
        assert [row["a"] for row in journal_rows(layout)] == first
        assert read_run(layout, RUN).row_count == 5
    assert seal_run(layout, RUN) == 0  # as the newest part of a process that was killed
    assert [row["a"] for row in everything(layout).rows["history"]] == first


def test_a_part_that_was_left_and_then_lost_its_end_is_damage(layout):
    with part_that_breaks(8):
        writer = Writer(layout)
        for i in range(20):
            with suppress(OSError):
                writer.log({"a": i})
        writer.end()
    file = file_of(layout, writer, 0)
    data = file.read_bytes()
    counted = scan_part(file_of(layout, writer, 1).read_bytes(), "w").header.previous_bytes
    assert counted < len(data)
    file.write_bytes(data[:counted])
    assert len(journal_rows(layout)) == 19
    file.write_bytes(data[: counted - 1])
    with pytest.raises(CorruptError, match=r"-000\.part: cut short"):
        journal_rows(layout)


def test_a_run_that_is_not_there_is_not_found(layout):
    with pytest.raises(NotFoundError, match="there is no project ann/p in"):
        take_snapshot(layout, RUN)
    Writer(layout).end()
    with pytest.raises(NotFoundError, match=r'run "other" not in project ann/p \(1 runs\)'):
        take_snapshot(layout, RUN._replace(run_id="other"))


def test_a_run_whose_writer_has_only_said_who_it_is_is_not_there_yet(layout):
    layout.make_run_dir(RUN)
    writer = begin_writer(layout, NewWriter(RUN, "0", "0", "0", "run", journal=None), clock=Clock()).writer
    with pytest.raises(NotFoundError, match="just beginning"):
        read_run(layout, RUN)
    writer.record(record.START, {"name": "first", "set": {"lr": 1}})
    assert (read_run(layout, RUN).name, read_run(layout, RUN).config) == ("first", {"lr": 1})
