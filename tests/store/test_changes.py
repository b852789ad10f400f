"""Changes: each is told once, loose or packed, and nothing is lost between packers and readers."""

import errno
import threading
import time

import pytest

from runlake.errors import ReadOnlyError, StoreError
from runlake.model import RunPath
from runlake.store import disk
from runlake.store.changes import Change, ChangeScan, FolderChanges, SeenChanges, new_name, parse_name
from runlake.store.changes_in_memory import MemoryChanges
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change

RUN = RunPath("ann", "mnist", "a1")


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path)


@pytest.fixture
def folder(layout):
    """The changes of a project in its folder."""
    return FolderChanges(layout.changes_dir("ann", "mnist"))


@pytest.fixture(params=["folder", "memory", "postgresql"])
def changes(request, layout):
    """What every kind of them does."""
    if request.param == "postgresql":
        database, path = request.getfixturevalue("shared_database"), request.getfixturevalue("new_path")

        from runlake.store.cluster.changes import PostgresChanges

        return PostgresChanges(database, path.entity, path.project)
    return FolderChanges(layout.changes_dir("ann", "mnist")) if request.param == "folder" else MemoryChanges()


@pytest.fixture
def packs(changes):
    """Whether changes stand loose until they are packed."""
    return isinstance(changes, FolderChanges | MemoryChanges)


def note(changes, run_id="a1", action="init", incarnation="i1", **options):
    name = new_name(RunPath("ann", "mnist", run_id), "w1", action, incarnation, **options)
    changes.append(name)
    return name


def brief(scan):
    return [(change.action, change.folder, change.incarnation) for change in scan.changes]


def test_a_project_without_changes_has_none(changes):
    assert changes.read_since(SeenChanges()) == ChangeScan()


def test_changes_come_in_the_order_of_their_times_and_say_when(changes):
    before_us = time.time_ns() // 1000
    note(changes, "b", "init", "i2")
    note(changes, "a1", "init", "i1")
    note(changes, "a1", "finish", "i1")
    scan = changes.read_since(SeenChanges())
    assert brief(scan) == [("init", "b", "i2"), ("init", "a1", "i1"), ("finish", "a1", "i1")]
    assert all(before_us <= change.at_us <= time.time_ns() // 1000 for change in scan.changes)
    assert not scan.is_garbled


def test_only_what_is_new_is_told_again(changes):
    note(changes)
    first = changes.read_since(SeenChanges())
    assert brief(changes.read_since(first.seen)) == []
    note(changes, action="edit")
    second = changes.read_since(first.seen)
    assert brief(second) == [("edit", "a1", "i1")]
    assert brief(changes.read_since(second.seen)) == []


def test_packing_tells_nothing_twice_and_nothing_new(changes, packs):
    note(changes, "a")
    note(changes, "b")
    first = changes.read_since(SeenChanges())
    note(changes, "c")
    assert changes.pack() == (3 if packs else 0)
    assert changes.pack() == 0
    second = changes.read_since(first.seen)
    assert brief(second) == [("init", "c", "i1")]
    assert brief(changes.read_since(second.seen)) == []
    assert sorted(brief(changes.read_since(SeenChanges()))) == [("init", name, "i1") for name in "abc"]


def test_a_change_that_is_brought_twice_is_one(changes, packs):
    name = note(changes)
    changes.append(name)
    assert brief(changes.read_since(SeenChanges())) == [("init", "a1", "i1")]
    assert changes.pack() == (1 if packs else 0)
    changes.append(name)
    assert brief(changes.read_since(SeenChanges())) == [("init", "a1", "i1")]


def test_a_reader_misses_nothing_and_hears_nothing_twice_while_others_append_and_pack(changes):
    """Three that append, one that packs without a pause, and a reader that goes on from where it was."""
    is_over = threading.Event()

    def append(number):
        for n in range(40):
            note(changes, f"{number}-{n}")

    def pack():
        while not is_over.is_set():
            changes.pack()

    writers = [threading.Thread(target=append, args=(number,)) for number in range(3)]
    packer = threading.Thread(target=pack)
    for thread in (*writers, packer):
        thread.start()
    found, seen = [], SeenChanges()
    while True:
        is_last = not any(thread.is_alive() for thread in writers)
        scan = changes.read_since(seen)
        found += [change.folder for change in scan.changes]
        seen = scan.seen
        if is_last:
            break
    is_over.set()
    packer.join()
    assert sorted(found) == sorted(f"{number}-{n}" for number in range(3) for n in range(40))


@pytest.mark.parametrize("moment", range(5))
def test_what_comes_and_is_packed_while_it_is_looked_at_is_told_once(folder, moment):
    note(folder, "a")
    folder.pack()
    count = iter(range(100))

    def come(step, place):
        if next(count) == moment:
            with disk.watched(lambda step, place: None):
                note(folder, "b")
                folder.write_pack([file.name for file in folder.folder.iterdir() if "#" in file.name])

    with disk.watched(come):
        first = folder.read_since(SeenChanges())
    second = folder.read_since(first.seen)
    folder.pack()
    told = [*brief(first), *brief(second), *brief(folder.read_since(second.seen))]
    assert sorted(told) == [("init", "a", "i1"), *[("init", "b", "i1")] * (next(count) > moment)]


def test_packed_changes_are_in_one_file(folder):
    note(folder, "a")
    note(folder, "b")
    assert folder.pack() == 2
    assert [file.name for file in folder.folder.iterdir()] == ["packed"]


def test_a_packer_that_was_killed_before_it_removed_the_files_loses_and_doubles_nothing(folder):
    note(folder, "a")
    first = folder.read_since(SeenChanges())
    names = [file.name for file in folder.folder.iterdir()]
    folder.pack()
    for name in names:
        (folder.folder / name).touch()
    note(folder, "b")
    scan = folder.read_since(first.seen)
    assert brief(scan) == [("init", "b", "i1")]
    assert folder.pack() == 2
    assert brief(folder.read_since(scan.seen)) == []
    assert sorted(set(brief(folder.read_since(SeenChanges())))) == [("init", "a", "i1"), ("init", "b", "i1")]


class AnotherPacks:
    """Has another process pack before the step of a number."""

    def __init__(self, changes, number):
        self._changes, self._number, self._count = changes, number, 0

    def __call__(self, step, place):
        self._count += 1
        if self._count - 1 == self._number:
            with disk.watched(lambda step, place: None):
                self._changes.pack()


@pytest.mark.parametrize("moment", range(5))
def test_a_reader_misses_nothing_whenever_a_packer_comes(folder, moment):
    note(folder, "a")
    folder.pack()
    note(folder, "b")
    with disk.watched(AnotherPacks(folder, moment)):
        first = folder.read_since(SeenChanges())
    assert sorted(brief(first)) == [("init", "a", "i1"), ("init", "b", "i1")]
    assert brief(folder.read_since(first.seen)) == []


@pytest.mark.parametrize("fatal", range(12))
def test_a_packer_that_is_killed_at_any_step_loses_and_doubles_nothing(folder, fatal):
    for name in "abc":
        note(folder, name)
    first = folder.read_since(SeenChanges())
    count = iter(range(100))

    def killed(step, place):
        if next(count) == fatal:
            raise KeyboardInterrupt

    with disk.watched(killed):
        try:
            folder.pack()
        except KeyboardInterrupt:
            pass
    assert brief(folder.read_since(first.seen)) == []
    assert sorted(brief(folder.read_since(SeenChanges()))) == [("init", name, "i1") for name in "abc"]
    folder.pack()
    assert sorted(brief(folder.read_since(SeenChanges()))) == [("init", name, "i1") for name in "abc"]


def test_packers_that_never_rest_do_not_keep_a_reader_waiting(folder):
    note(folder, "a")
    numbers = iter(range(100))

    def another_is_packed(step, place):
        if step == "read":
            with disk.watched(lambda step, place: None):
                note(folder, f"later{next(numbers)}")
                folder.pack()

    folder.pack()
    with disk.watched(another_is_packed):
        first = folder.read_since(SeenChanges())
    assert brief(first) == [("init", "a", "i1")]
    assert brief(folder.read_since(first.seen)) == [("init", "later0", "i1")]


def test_a_pack_that_is_not_as_it_was_written_is_told_of(folder):
    note(folder)
    folder.pack()
    (pack,) = (folder.folder / "packed").iterdir()
    pack.write_bytes(pack.read_bytes()[:-5])
    scan = folder.read_since(SeenChanges())
    assert (scan.changes, scan.is_garbled) == ([], True)
    assert not folder.read_since(scan.seen).is_garbled


def test_two_copies_are_brought_together_by_copying_files(folder, tmp_path):
    other = FolderChanges(tmp_path / "other")
    note(folder, "a")
    note(other, "b")
    seen = folder.read_since(SeenChanges()).seen
    for file in other.folder.iterdir():
        (folder.folder / file.name).write_bytes(file.read_bytes())
    assert brief(folder.read_since(seen)) == [("init", "b", "i1")]


@pytest.mark.parametrize("run_id", ["with space", "Ünï", "a%b~", "😀" * 300, "UPPER", "x" * 195])
def test_a_change_names_the_folder_of_its_run(layout, folder, run_id):
    path = RunPath("ann", "mnist", run_id)
    append_change(layout, path, "a-long-writer" * 20, "undelete", "0123456789abcdefghi")
    (change,) = folder.read_since(SeenChanges()).changes
    assert (change.folder, change.incarnation) == (layout.run_dir(path).name, "0123456789abcdefghi")


@pytest.mark.parametrize(
    "name", ["", "packed", "w1", "00#init#i#a", "zz#init#i#a#w", "00#explode#i#a#w", "00#init##a#w", "00#init#i##w"]
)
def test_what_is_no_change_is_none(name):
    assert parse_name(name) is None


def test_foreign_files_are_left_alone(folder):
    note(folder)
    (folder.folder / "notes.txt").write_text("init b i2\n")
    (folder.folder / "c#sharp.txt").write_text("")
    assert brief(folder.read_since(SeenChanges())) == [("init", "a1", "i1")]
    assert folder.pack() == 1
    assert {file.name for file in folder.folder.iterdir()} == {"packed", "notes.txt", "c#sharp.txt"}


def test_the_last_death_of_an_incarnation_is_found_wherever_it_is(changes):
    assert changes.latest_death("i1") is None
    note(changes, action="delete", incarnation="i1", after_us=2**51)
    note(changes, action="delete", incarnation="i2", after_us=2**52)
    changes.pack()
    assert changes.latest_death("i1") == Change("delete", "a1", "i1", 2**51 + 1)
    note(changes, action="undelete", incarnation="i1", after_us=2**53)
    note(changes, action="edit", incarnation="i1", after_us=2**54)
    assert changes.latest_death("i1") == Change("undelete", "a1", "i1", 2**53 + 1)


def test_the_last_death_of_every_incarnation_is_found(changes):
    note(changes, "a", "delete", "i1")
    note(changes, "b", "delete", "i2")
    changes.pack()
    last = note(changes, "a", "undelete", "i1", after_us=2**51)
    found = changes.latest_deaths()
    assert {incarnation: change.action for incarnation, (change, _) in found.items()} == {
        "i1": "undelete",
        "i2": "delete",
    }
    assert found["i1"] == (Change("undelete", "a", "i1", 2**51 + 1), last)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_store_that_cannot_be_written_is_an_error_of_its_own(layout, number):
    def refused(step, place):
        raise OSError(number, "no")

    with disk.watched(refused), pytest.raises(ReadOnlyError, match=r"cannot note in .* that ann/mnist/a1 changed"):
        append_change(layout, RUN, "w1", "init", "i1")


def test_a_project_that_is_being_removed_is_not_read_for_ever(folder):
    note(folder)
    folder.pack()

    def refused(step, place):
        if step == "read":
            raise FileNotFoundError(place)

    with disk.watched(refused), pytest.raises(StoreError, match="changes too fast"):
        folder.read_since(SeenChanges())


def test_a_project_that_was_removed_does_not_come_back_by_packing(folder):
    note(folder)

    def removed(step, place):
        if step == "make_folder":
            (file,) = folder.folder.iterdir()
            file.unlink()
            folder.folder.rmdir()

    with disk.watched(removed), pytest.raises(FileNotFoundError):
        folder.pack()
    assert not folder.folder.exists()
