"""Journals: one suite over every implementation."""

import threading
import time
from contextlib import suppress

import pytest

from runlake.model import RunPath
from runlake.store.disk import watched
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import FolderJournal, journal_in, journal_of
from runlake.store.journal.journal import PartName

NAME = PartName("w", 0)


def written(journal, name, data):
    """A part with these bytes that nobody holds."""
    part = journal.create_part(name)
    part.write(data)
    part.close()


# Parts that are made


def test_a_part_is_made_once(journal):
    part = journal.create_part(NAME)
    with pytest.raises(FileExistsError):
        journal.create_part(NAME)
    part.close()
    with pytest.raises(FileExistsError):
        journal.create_part(NAME)
    assert journal.list_parts() == [(NAME, 0)]


def test_of_several_who_make_a_part_at_once_one_gets_it(journal):
    start, got = threading.Barrier(4), []

    def make(number):
        for part_number in range(50):
            start.wait()
            with suppress(FileExistsError):
                journal.create_part(PartName("w", part_number)).close()
                got.append(part_number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(50))


def test_parts_are_made_in_the_run_of_bind(journal):
    journal.bind()
    assert journal.is_here()
    written(journal, NAME, b"abc")
    assert (journal.is_here(), journal.read(NAME)) == (True, b"abc")


def test_a_place_that_is_there_may_be_prepared_again(journal):
    written(journal, NAME, b"abc")
    journal.prepare()
    assert journal.read(NAME) == b"abc"


# Bytes


def test_what_is_written_can_be_read_from_any_byte_at_once(journal):
    part = journal.create_part(NAME)
    assert part.write(b"abc") == 3
    assert part.write(b"def") == 3
    assert (journal.read(NAME), journal.read(NAME, 4), journal.read(NAME, 9)) == (b"abcdef", b"ef", b"")
    assert (journal.read(NAME, 0, 2), journal.read(NAME, 2, 3), journal.read(NAME, 5, 9)) == (b"ab", b"cde", b"f")
    assert (journal.read(NAME, 1, 0), journal.read(NAME, 9, 2)) == (b"", b"")
    assert journal.size_bytes(NAME) == part.size_bytes() == 6
    part.close()


def test_a_write_that_was_not_taken_whole_is_taken_back(journal):
    part = journal.create_part(NAME)
    part.write(b"abcdef")
    part.truncate(2)
    assert (journal.read(NAME), part.size_bytes()) == (b"ab", 2)
    part.write(b"X")
    assert (journal.read(NAME), part.size_bytes()) == (b"abX", 3)
    part.close()


def test_a_part_that_nobody_holds_grows_by_whole_pieces(journal):
    written(journal, NAME, b"abc")
    journal.append(NAME, b"def", 3)
    journal.append(NAME, b"", 6)
    journal.append(NAME, b"g", 6)
    assert (journal.read(NAME), bool(journal.is_held(NAME))) == (b"abcdefg", False)


def test_a_torn_tail_is_read_until_it_is_taken_back(journal):
    written(journal, NAME, b"whole" + b"to")
    assert journal.read(NAME) == b"wholeto"
    journal.truncate(NAME, 5)
    journal.append(NAME, b"more", 5)
    assert (journal.read(NAME), journal.list_parts()) == (b"wholemore", [(NAME, 9)])


def test_a_part_is_read_while_it_grows(journal):
    part = journal.create_part(NAME)
    seen = []
    for number in range(100):
        part.write(bytes([number]))
        seen.append(journal.read(NAME, number))
    part.close()
    assert seen == [bytes([number]) for number in range(100)]


# Lists


def test_parts_are_listed_by_writer_and_number(journal):
    names = [PartName(w, n) for w in ("a", "b-1", "b") for n in (0, 2, 999, 1000)]
    for name in reversed(names):
        written(journal, name, b"x" * name.number)
    assert journal.list_parts() == [(name, name.number) for name in sorted(names)]
    journal.drop(names[0])
    journal.drop(names[0])
    assert journal.list_parts() == [(name, name.number) for name in sorted(names)[1:]]


def test_parts_that_stay_are_listed_while_others_are_dropped_and_made(journal):
    kept = [PartName(f"{number:02}", 0) for number in range(0, 60, 2)]
    moving = [PartName(f"{number:02}", 0) for number in range(1, 60, 2)]
    for name in kept:
        written(journal, name, b"x")
    is_over = threading.Event()

    def move():
        while not is_over.is_set():
            for name in moving:
                written(journal, name, b"yy")
            for name in moving:
                journal.drop(name)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for _ in range(50):
            listed = journal.list_parts()
            assert [part for part in listed if part[0] in kept] == [(name, 1) for name in kept]
            assert {name for name, _ in listed} <= {*kept, *moving}
    finally:
        is_over.set()
        thread.join()


def test_it_is_said_when_a_part_came_or_went(journal):
    before = time.time() - 5
    written(journal, NAME, b"x")
    assert before < journal.moved_at() < time.time() + 5
    journal.drop(NAME)
    assert before < journal.moved_at() < time.time() + 5


# Holders


def test_a_part_is_held_as_long_as_it_is_open(journal, has_locks):
    part = journal.create_part(NAME)
    assert journal.is_held(NAME) is (True if has_locks else None)
    assert abs(journal.last_write_at(NAME) - time.time()) < 60
    part.close()
    assert journal.is_held(NAME) is (False if has_locks else None)
    journal.sync(NAME)
    assert journal.read(NAME) == b""


def test_one_part_is_held_and_the_other_is_not(journal, has_locks):
    first, second = journal.create_part(PartName("a", 0)), journal.create_part(PartName("b", 0))
    first.close()
    assert [journal.is_held(PartName(writer, 0)) for writer in "ab"] == ([False, True] if has_locks else [None, None])
    second.close()


# What is not there


def test_what_is_not_there_is_said(journal):
    calls = (journal.read, journal.sync, journal.last_write_at, journal.size_bytes)
    for call in calls:
        with pytest.raises(FileNotFoundError):
            call(NAME)
    with pytest.raises(FileNotFoundError):
        journal.append(NAME, b"x", 0)
    with pytest.raises(FileNotFoundError):
        journal.truncate(NAME, 0)
    assert (journal.is_held(NAME), journal.list_parts()) == (None, [])
    journal.drop(NAME)


def test_a_part_that_was_dropped_is_not_there(journal):
    written(journal, NAME, b"abc")
    journal.drop(NAME)
    with pytest.raises(FileNotFoundError):
        journal.read(NAME)
    assert (journal.is_held(NAME), journal.list_parts()) == (None, [])


# As files of a folder


def test_a_folder_that_is_not_there_has_no_parts(tmp_path):
    journal = journal_in(tmp_path / "gone")
    assert (journal.list_parts(), journal.moved_at()) == ([], None)
    for call in (journal.bind, journal.prepare, lambda: journal.create_part(NAME)):
        with pytest.raises(FileNotFoundError):
            call()


def test_a_run_that_was_deleted_gets_no_parts_and_neither_does_its_successor(tmp_path):
    layout, path = FolderStore(tmp_path), RunPath("ann", "p", "r")
    layout.make_run_dir(path)
    journal = journal_of(layout, path)
    journal.bind()
    layout.run_dir(path).rename(tmp_path / "deleted")
    assert not journal.is_here()
    with pytest.raises(FileNotFoundError):
        journal.create_part(NAME)
    layout.make_run_dir(path)
    assert not journal.is_here()
    with pytest.raises(FileNotFoundError, match="the run was deleted or moved"):
        journal.create_part(NAME)
    assert (journal.list_parts(), journal_in(tmp_path / "deleted").list_parts()) == ([], [])


def test_a_run_that_is_deleted_while_a_part_is_made_gets_none(tmp_path):
    journal = FolderJournal(tmp_path / "journal")
    journal.prepare()
    journal.bind()

    def delete(step, place):
        if step == "create":
            (tmp_path / "journal").rename(tmp_path / "deleted")
            (tmp_path / "journal").mkdir()

    with watched(delete), pytest.raises(FileNotFoundError):
        journal.create_part(NAME)
    assert journal.list_parts() == journal_in(tmp_path / "deleted").list_parts() == []


def test_a_row_is_one_write(tmp_path):
    journal, steps = FolderJournal(tmp_path), []

    def note(step, place):
        steps.append((step, place.name))

    with watched(note):
        part = journal.create_part(NAME)
        steps.clear()
        part.write(b"abc")
    part.close()
    assert steps == [("write", "w-000.part")]


def test_a_disk_that_is_full_takes_all_of_a_piece_or_nothing(tmp_path):
    journal = FolderJournal(tmp_path)
    written(journal, NAME, b"abc")
    took = iter((2, 0))

    def is_full(step, place):
        return next(took) if step == "write" else None

    with watched(is_full), pytest.raises(OSError, match="No space left"):
        journal.append(NAME, b"defg", 3)
    assert journal.read(NAME) == b"abc"


@pytest.mark.parametrize("name", [PartName("w", 0), PartName("a-b", 12), PartName("x", 123456)])
def test_a_parts_name_is_its_files(name, tmp_path):
    assert PartName.parse(str(name)) == name
    assert FolderJournal(tmp_path).place_of(name) == tmp_path / str(name)


@pytest.mark.parametrize("name", ["x.part", "x-12.part", "x-012.part.tmp", "-001.part", ".runlake-tmp-1"])
def test_other_files_are_no_parts(name, tmp_path):
    (tmp_path / name).touch()
    assert FolderJournal(tmp_path).list_parts() == []
