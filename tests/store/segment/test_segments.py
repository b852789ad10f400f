"""Segments: one suite over every implementation."""

import os
import threading
import time

import pyarrow.parquet as pq
import pytest

from runlake.model import RunPath
from runlake.store import disk
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.segment.folder import LOCK_NAME, FolderSegments, packed_of, segments_of
from runlake.store.segment.memory import MemorySegments
from runlake.store.segment.meta import new_meta, read_meta
from runlake.store.segment.publish import drop_segment, publish_meta, put_rows
from runlake.store.segment.read import rows_of_meta
from runlake.store.segment.segments import SegmentFile
from runlake.store.segment.write import write_rows
from stored import RUN, exactly, rows_as_written

NAME, OTHER = "0a" * 12, "0b" * 12


@pytest.fixture(params=["folder", "memory", "cluster"])
def places(request, tmp_path):
    """The segments of a run, and the files that it shares with other runs."""
    if request.param == "cluster":
        cluster = request.getfixturevalue("cluster")
        path = cluster.make_run()
        return cluster.segments(path), cluster.packed(path)
    if request.param == "memory":
        shared = MemorySegments()
        return MemorySegments(shared), shared
    layout = FolderStore(tmp_path)
    layout.make_run_dir(RUN)
    return segments_of(layout, RUN), packed_of(layout, RUN.entity, RUN.project)


@pytest.fixture
def segments(places):
    places[0].prepare()
    return places[0]


def create(segments, file, content, named_by=None):
    with segments.create(file, named_by) as stream:
        stream.write(content)


def test_nothing_is_there_before_the_first_segment(places):
    segments, _ = places
    assert (segments.list_names(), segments.changed_at()) == (set(), None)
    for ask in (segments.read, segments.open, segments.size_bytes, segments.written_at):
        with pytest.raises(FileNotFoundError):
            ask(f"{NAME}.meta")
    segments.remove(f"{NAME}.meta")


def test_what_was_written_is_read(segments):
    before_s = time.time() - 5
    create(segments, "a.parquet", b"0123456789")
    with segments.open("a.parquet") as opened:
        assert (opened.size(), opened.read_at(3, 4), opened.seek(1), opened.read(2)) == (10, b"456", 1, b"12")
    assert (segments.read("a.parquet"), segments.size_bytes("a.parquet")) == (b"0123456789", 10)
    assert min(segments.written_at("a.parquet"), segments.changed_at()) > before_s
    segments.sync("a.parquet")


def test_a_file_is_created_once(segments):
    create(segments, "a.parquet", b"first")
    create(segments, "a.parquet", b"other")
    assert segments.read("a.parquet") == b"first"


def test_a_file_that_no_meta_file_names_yet_is_made_anew_where_it_differs(segments):
    create(segments, "a.parquet", b"damaged")
    create(segments, "a.parquet", b"whole", named_by="a.meta")
    assert segments.read("a.parquet") == b"whole"
    segments.replace("a.meta", b"it is")
    create(segments, "a.parquet", b"other", named_by="a.meta")
    assert segments.read("a.parquet") == b"whole"


def test_a_file_whose_writer_fails_is_not_there(segments):
    with pytest.raises(TypeError), segments.create("a.parquet") as stream:
        stream.write(1)
    with pytest.raises(FileNotFoundError):
        segments.read("a.parquet")


def test_a_small_file_is_replaced(segments):
    segments.replace(f"{NAME}.meta", b"old")
    segments.replace(f"{NAME}.meta", b"new")
    assert (segments.read(f"{NAME}.meta"), segments.list_names()) == (b"new", {NAME})


def test_a_segment_is_there_when_its_meta_file_is(segments):
    create(segments, f"{NAME}-history.parquet", b"values")
    assert segments.list_names() == set()
    segments.replace(f"{NAME}.meta", b"meta")
    segments.replace(f"{OTHER}.runs", b"list")
    assert (segments.list_names(), segments.list_names(".runs")) == ({NAME}, {OTHER})
    segments.remove(f"{NAME}.meta")
    assert segments.list_names() == set()


def test_what_was_opened_can_be_read_when_it_is_gone(segments):
    create(segments, "a.parquet", b"0123456789")
    opened = segments.open("a.parquet")
    segments.remove("a.parquet")
    assert opened.read_at(10, 0) == b"0123456789"
    with pytest.raises(FileNotFoundError):
        segments.open("a.parquet")


def test_files_that_runs_share_are_named_from_the_segments_of_each(places):
    segments, shared = places
    shared.prepare()
    segments.prepare()
    create(shared, "a.parquet", b"of many")
    reference = "../../../merged/a.parquet"
    assert (segments.read(reference), segments.size_bytes(reference)) == (b"of many", 7)
    assert segments.open(reference).read() == b"of many"
    assert SegmentFile(segments, reference).name == "a.parquet"
    assert SegmentFile(segments, reference).series == (segments, "../../../merged/a.series.parquet")


def test_what_is_not_wanted_goes_when_it_is_old(segments):
    create(segments, f"{NAME}-history.parquet", b"wanted")
    create(segments, f"{OTHER}-history.parquet", b"of nobody")
    segments.sweep(lambda name: name.startswith(NAME), older_than_s=60.0)
    assert segments.read(f"{OTHER}-history.parquet") == b"of nobody"
    segments.sweep(lambda name: name.startswith(NAME), older_than_s=-60.0)
    assert segments.read(f"{NAME}-history.parquet") == b"wanted"
    with pytest.raises(FileNotFoundError):
        segments.read(f"{OTHER}-history.parquet")


def test_one_at_a_time_is_alone(segments):
    found = []

    def another():
        with segments.alone(is_waiting=False) as is_only:
            found.append(is_only)
        with segments.alone(is_waiting=True) as is_only:
            found.append(is_only)

    thread = threading.Thread(target=another)
    with segments.alone(is_waiting=True) as is_only:
        assert is_only
        thread.start()
        while not found:
            time.sleep(0.001)
    thread.join()
    assert found == [False, True]


def published(segments, rows, name=NAME, supersedes=()):
    header = PartHeader({"writer": "w", "incarnation": "i", "generation": "g", "role": "run"})
    meta = new_meta(name, "i", "g", supersedes=supersedes, writers=[WriterState("w", header)])
    put_rows(segments, RUN, meta, "history", [rows])
    publish_meta(segments, meta)
    return meta


def test_rows_that_were_published_are_read_until_they_are_dropped(segments, tmp_path):
    rows = rows_as_written(tmp_path, [{"loss": i / 4, "name": f"r{i}"} for i in range(300)])
    published(segments, rows)
    meta = read_meta(segments, NAME)
    (found,) = rows_of_meta(segments, meta, "history")
    assert exactly(found) == exactly(rows)
    assert rows_of_meta(segments, meta, "events") == []
    drop_segment(segments, meta)
    assert segments.list_names() == set()
    with pytest.raises(FileNotFoundError):
        rows_of_meta(segments, meta, "history")


def test_what_replaces_a_segment_is_there_before_that_one_goes(segments, tmp_path):
    rows = rows_as_written(tmp_path, [{"loss": 1.0}])
    old = published(segments, rows)
    published(segments, rows, OTHER, supersedes=[NAME])
    assert segments.list_names() == {NAME, OTHER}
    drop_segment(segments, old)
    assert (segments.list_names(), read_meta(segments, OTHER).supersedes) == ({OTHER}, [NAME])
    assert len(rows_of_meta(segments, read_meta(segments, OTHER), "history")) == 1


def test_both_places_hold_the_same_bytes(tmp_path):
    rows = rows_as_written(tmp_path, [{"loss": i / 4} for i in range(10)])
    folder, memory = FolderSegments(tmp_path), MemorySegments()
    for segments in (folder, memory):
        write_rows(SegmentFile(segments, "s.parquet"), RUN, "i", "g", [rows])
    for name in ("s.parquet", "s.series.parquet"):
        assert folder.read(name) == memory.read(name)
    assert pq.read_table(tmp_path / "s.parquet").num_rows == 40


# Of a folder --------------------------------------------------------------------------------------------------


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def test_the_segments_of_a_run_that_is_gone_do_not_come_back(layout):
    segments = segments_of(layout, RunPath("ann", "p", "gone"))
    layout.make_project_dir("ann", "p")
    with segments.alone(is_waiting=True) as is_only:
        assert is_only
    for write in (segments.prepare, lambda: segments.replace("a.meta", b""), lambda: create(segments, "a", b"")):
        with pytest.raises(FileNotFoundError):
            write()
    assert layout.run_ids("ann", "p") == []


def test_what_a_killed_writer_left_half_written_goes_and_locks_stay(tmp_path):
    segments = FolderSegments(tmp_path)
    names = [f"{disk.TEMPORARY_PREFIX}{name}" for name in ("99-ab12", "unused-x")] + [LOCK_NAME, ".other", "a.meta"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1e9, 1e9))
    segments.sweep(lambda name: True, older_than_s=60.0)
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])  # noqa: PTH208


def test_a_folder_in_the_place_of_a_file_is_said_to_be_one(tmp_path):
    (tmp_path / "a.parquet").mkdir()
    with pytest.raises(IsADirectoryError):
        FolderSegments(tmp_path).open("a.parquet")


def test_a_file_is_safe_before_it_has_its_name(tmp_path):
    steps = []
    with disk.watched(lambda step, place: steps.append((step, place.name.startswith(disk.TEMPORARY_PREFIX)))):
        create(FolderSegments(tmp_path), "a.parquet", b"x")
    assert steps == [("write", True), ("sync", True), ("create", False)]
