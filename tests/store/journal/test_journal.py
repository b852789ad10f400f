"""Journals: one suite over every implementation."""

import time
from pathlib import Path

import pytest

from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.journal import PartName


def test_a_part_is_claimed_once(journal):
    part = journal.claim(PartName("w", 0))
    with pytest.raises(FileExistsError):
        journal.claim(PartName("w", 0))
    part.close()
    with pytest.raises(FileExistsError):
        journal.claim(PartName("w", 0))


def test_what_is_written_can_be_read_from_any_byte_at_once(journal):
    name = PartName("w", 0)
    part = journal.claim(name)
    assert part.write(b"abc") == 3
    assert part.write(b"def") == 3
    assert (journal.read(name), journal.read(name, 4), journal.read(name, 9)) == (b"abcdef", b"ef", b"")
    part.truncate(2)
    part.write(b"X")
    assert (journal.read(name), part.size_bytes()) == (b"abX", 3)
    part.close()


def test_parts_are_listed_by_writer_and_number(journal):
    names = [PartName(w, n) for w in ("a", "b-1", "b") for n in (0, 2, 999, 1000)]
    for name in reversed(names):
        part = journal.claim(name)
        part.write(b"x" * name.number)
        part.close()
    assert journal.list_parts() == [(name, name.number) for name in sorted(names)]
    journal.drop(names[0])
    journal.drop(names[0])
    assert len(journal.list_parts()) == len(names) - 1


def test_a_part_is_held_as_long_as_it_is_open(journal):
    name = PartName("w", 0)
    part = journal.claim(name)
    assert journal.is_held(name) is True
    assert abs(journal.last_write_at(name) - time.time()) < 60
    part.close()
    assert journal.is_held(name) is False
    journal.sync(name)


def test_what_is_not_there_is_said(journal):
    name = PartName("w", 7)
    for call in (journal.read, journal.sync, journal.last_write_at):
        with pytest.raises(FileNotFoundError):
            call(name)
    assert journal.is_held(name) is None
    assert journal.list_parts() == []
    assert FolderJournal(Path("/no such folder")).list_parts() == []


@pytest.mark.parametrize("name", [PartName("w", 0), PartName("a-b", 12), PartName("x", 123456)])
def test_a_parts_name_is_its_files(name):
    assert PartName.parse(str(name)) == name


@pytest.mark.parametrize("name", ["x.part", "x-12.part", "x-012.part.tmp", "-001.part", ".runlake-tmp-1"])
def test_other_files_are_no_parts(name, tmp_path):
    (tmp_path / name).touch()
    assert FolderJournal(tmp_path).list_parts() == []
