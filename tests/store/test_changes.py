"""Changes: each is told once, loose or packed, and nothing is lost between packers and readers."""

import os
import time

import pytest

from runlake.errors import ReadOnlyError, StoreError
from runlake.model import RunPath
from runlake.store import changes
from runlake.store.changes import (
    Change,
    ChangeScan,
    SeenChanges,
    append_change,
    latest_death,
    pack_changes,
    parse_name,
    read_changes,
)
from runlake.store.layout import Layout

RUN = RunPath("ann", "mnist", "a1")


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def folder(layout):
    return layout.changes_dir("ann", "mnist")


def note(layout, run_id="a1", action="init", incarnation="i1", **options):
    append_change(layout, RunPath("ann", "mnist", run_id), "w1", action, incarnation, **options)


def brief(scan):
    return [(change.action, change.folder, change.incarnation) for change in scan.changes]


def test_a_project_without_changes_has_none(folder):
    assert read_changes(folder, SeenChanges()) == ChangeScan()


def test_changes_come_in_the_order_of_their_times_and_say_when(layout, folder):
    before_us = time.time_ns() // 1000
    note(layout, "b", "init", "i2")
    note(layout, "a1", "init", "i1")
    note(layout, "a1", "finish", "i1")
    scan = read_changes(folder, SeenChanges())
    assert brief(scan) == [("init", "b", "i2"), ("init", "a1", "i1"), ("finish", "a1", "i1")]
    assert all(before_us <= change.at_us <= time.time_ns() // 1000 for change in scan.changes)
    assert not scan.is_garbled


def test_only_what_is_new_is_told_again(layout, folder):
    note(layout)
    first = read_changes(folder, SeenChanges())
    assert brief(read_changes(folder, first.seen)) == []
    note(layout, action="edit")
    second = read_changes(folder, first.seen)
    assert brief(second) == [("edit", "a1", "i1")]
    assert brief(read_changes(folder, second.seen)) == []


def test_packing_tells_nothing_twice_and_nothing_new(layout, folder):
    note(layout, "a")
    note(layout, "b")
    first = read_changes(folder, SeenChanges())
    note(layout, "c")
    assert pack_changes(folder) == 3
    assert pack_changes(folder) == 0
    assert [file.name for file in folder.iterdir()] == ["packed"]
    second = read_changes(folder, first.seen)
    assert brief(second) == [("init", "c", "i1")]
    assert brief(read_changes(folder, second.seen)) == []
    assert sorted(brief(read_changes(folder, SeenChanges()))) == [("init", name, "i1") for name in "abc"]


def test_a_packer_that_was_killed_before_it_removed_the_files_loses_and_doubles_nothing(layout, folder):
    note(layout, "a")
    first = read_changes(folder, SeenChanges())
    names = [file.name for file in folder.iterdir()]
    pack_changes(folder)
    for name in names:
        (folder / name).touch()
    note(layout, "b")
    scan = read_changes(folder, first.seen)
    assert brief(scan) == [("init", "b", "i1")]
    assert pack_changes(folder) == 2
    assert brief(read_changes(folder, scan.seen)) == []
    assert sorted(set(brief(read_changes(folder, SeenChanges())))) == [("init", "a", "i1"), ("init", "b", "i1")]


@pytest.mark.parametrize("look", ["_loose_names", "_pack_names"])
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "behind"])
def test_a_reader_that_lists_while_a_packer_works_misses_nothing(layout, folder, monkeypatch, look, is_before):
    """The packer goes in before or behind the reader's look at the loose changes, or at the packs."""
    note(layout, "a")
    pack_changes(folder)
    note(layout, "b")
    real = getattr(changes, look)

    def packed_meanwhile(changes_dir):
        monkeypatch.setattr(changes, look, real)
        if is_before:
            pack_changes(folder)
        found = real(changes_dir)
        if not is_before:
            pack_changes(folder)
        return found

    monkeypatch.setattr(changes, look, packed_meanwhile)
    first = read_changes(folder, SeenChanges())
    assert sorted(brief(first)) == [("init", "a", "i1"), ("init", "b", "i1")]
    assert brief(read_changes(folder, first.seen)) == []


def test_packers_that_never_rest_do_not_keep_a_reader_waiting(layout, folder, monkeypatch):
    note(layout, "a")
    real, numbers = changes._read_pack, iter(range(100))

    def another_is_packed(changes_dir, name):
        note(layout, f"later{next(numbers)}")
        pack_changes(folder)
        return real(changes_dir, name)

    pack_changes(folder)
    monkeypatch.setattr(changes, "_read_pack", another_is_packed)
    first = read_changes(folder, SeenChanges())
    assert brief(first) == [("init", "a", "i1")]
    assert brief(read_changes(folder, first.seen)) == [("init", "later0", "i1")]


def test_a_pack_that_is_not_as_it_was_written_is_told_of(layout, folder):
    note(layout)
    pack_changes(folder)
    (pack,) = (folder / "packed").iterdir()
    pack.write_bytes(pack.read_bytes()[:-5])
    scan = read_changes(folder, SeenChanges())
    assert (scan.changes, scan.is_garbled) == ([], True)
    assert not read_changes(folder, scan.seen).is_garbled


def test_two_copies_are_brought_together_by_copying_files(layout, folder, tmp_path):
    other = Layout(tmp_path / "other")
    note(layout, "a")
    note(other, "b")
    seen = read_changes(folder, SeenChanges()).seen
    for file in other.changes_dir("ann", "mnist").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert brief(read_changes(folder, seen)) == [("init", "b", "i1")]


@pytest.mark.parametrize("run_id", ["with space", "Ünï", "a%b~", "😀" * 300, "UPPER", "x" * 195])
def test_a_change_names_the_folder_of_its_run(layout, folder, run_id):
    path = RunPath("ann", "mnist", run_id)
    append_change(layout, path, "a-long-writer" * 20, "undelete", "0123456789abcdefghi")
    (change,) = read_changes(folder, SeenChanges()).changes
    assert (change.folder, change.incarnation) == (layout.run_dir(path).name, "0123456789abcdefghi")


@pytest.mark.parametrize(
    "name", ["", "packed", "w1", "00#init#i#a", "zz#init#i#a#w", "00#explode#i#a#w", "00#init##a#w", "00#init#i##w"]
)
def test_what_is_no_change_is_none(name):
    assert parse_name(name) is None


def test_foreign_files_are_left_alone(layout, folder):
    note(layout)
    (folder / "notes.txt").write_text("init b i2\n")
    (folder / "c#sharp.txt").write_text("")
    assert brief(read_changes(folder, SeenChanges())) == [("init", "a1", "i1")]
    assert pack_changes(folder) == 1
    assert {file.name for file in folder.iterdir()} == {"packed", "notes.txt", "c#sharp.txt"}


def test_the_last_death_of_an_incarnation_is_found_wherever_it_is(layout, folder):
    assert latest_death(folder, "i1") is None
    note(layout, action="delete", incarnation="i1", after_us=2**51)
    note(layout, action="delete", incarnation="i2", after_us=2**52)
    pack_changes(folder)
    assert latest_death(folder, "i1") == Change("delete", "a1", "i1", 2**51 + 1)
    note(layout, action="undelete", incarnation="i1", after_us=2**53)
    note(layout, action="edit", incarnation="i1", after_us=2**54)
    assert latest_death(folder, "i1") == Change("undelete", "a1", "i1", 2**53 + 1)


def test_a_store_that_cannot_be_written_is_an_error_of_its_own(layout, folder, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(ReadOnlyError, match=r"cannot note in .* that ann/mnist/a1 changed"):
        note(layout)


def test_a_project_that_is_being_removed_is_not_read_for_ever(folder, monkeypatch):
    monkeypatch.setattr(changes, "_pack_names", lambda _: frozenset({"gone.changes"}))
    with pytest.raises(StoreError, match="changes too fast"):
        read_changes(folder, SeenChanges())
