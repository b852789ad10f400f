"""Every step on a disk by itself: what it leaves, what a refusal or a kill leaves of it, who of several does it."""

import errno
import fcntl
import multiprocessing
import os
from contextlib import ExitStack, suppress

import pytest

from runlake.store import disk
from runlake.store.disk import TEMPORARY_PREFIX
from waiting import DEADLINE_S

FORK = multiprocessing.get_context("fork")


class Killed(BaseException):
    """Nothing in the code under test catches it, as nothing catches SIGKILL; what it clears up is cleared up."""


class Steps:
    """Notes what is done, and raises at the step of a number."""

    def __init__(self, fatal=None, error=Killed):
        self.seen, self._fatal, self._error = [], fatal, error

    def __call__(self, step, place):
        self.seen.append((step, "temporary" if place.name.startswith(TEMPORARY_PREFIX) else place.name))
        if len(self.seen) - 1 == self._fatal:
            raise self._error


class FullAfter:
    """A disk that takes only so many more bytes."""

    def __init__(self, free_bytes):
        self.free_bytes = free_bytes

    def __call__(self, step, place):
        if step == "write":
            taken, self.free_bytes = self.free_bytes, 0
            return taken
        return None


def refuse_links(*_):
    raise PermissionError(errno.EPERM, "this disk has no links")


def refuse_locks(*_):
    raise OSError(errno.ENOLCK, "no locks available")


@pytest.fixture(params=["links", "no links"])
def links(request, monkeypatch):
    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse_links)
    return request.param


def found(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def overwrite(file):
    disk.overwrite(file, b"new")


def replace_file(file):
    disk.replace_file(file, b"new", is_synced=True)


def replace_by_stream(file):
    with disk.replacing(file) as stream:
        stream.write(b"n")
        stream.write(b"ew")


# Whole files ----------------------------------------------------------------------------------------------------


def test_temporary_names_are_known_as_such_and_never_the_same(tmp_path):
    names = {disk.temporary_beside(tmp_path / "a.json") for _ in range(100)}
    assert len(names) == 100
    assert {name.parent for name in names} == {tmp_path}
    assert all(name.name.startswith(f"{TEMPORARY_PREFIX}{os.getpid()}-") for name in names)


@pytest.mark.parametrize("before", [None, b"much longer than new"])
@pytest.mark.parametrize("put", [replace_file, replace_by_stream, overwrite])
def test_a_file_is_replaced_whole(tmp_path, put, before):
    if before is not None:
        (tmp_path / "a").write_bytes(before)
    put(tmp_path / "a")
    assert found(tmp_path) == {"a": b"new"}


def test_the_steps_of_a_replacement(tmp_path):
    steps = Steps()
    with disk.watched(steps):
        replace_file(tmp_path / "a")
    assert steps.seen == [("create", "temporary"), ("write", "a"), ("sync", "temporary"), ("replace", "a")]


@pytest.mark.parametrize("error", [Killed, PermissionError(13, "no")], ids=["killed", "refused"])
@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("fatal", range(4))
def test_a_replacement_that_fails_at_any_step_leaves_what_was_there(tmp_path, fatal, before, error):
    if before is not None:
        (tmp_path / "a").write_bytes(before)
    with disk.watched(Steps(fatal, error)), pytest.raises(Killed if error is Killed else PermissionError):
        replace_file(tmp_path / "a")
    assert found(tmp_path) == ({} if before is None else {"a": before})


@pytest.mark.parametrize("free_bytes", range(3))
def test_a_disk_that_is_full_keeps_the_old_file(tmp_path, free_bytes):
    (tmp_path / "a").write_bytes(b"old")
    with disk.watched(FullAfter(free_bytes)), pytest.raises(OSError, match="No space left") as caught:
        replace_file(tmp_path / "a")
    assert caught.value.errno == errno.ENOSPC
    assert found(tmp_path) == {"a": b"old"}


def test_a_disk_that_has_just_enough_room_takes_it(tmp_path):
    with disk.watched(FullAfter(3)):
        replace_file(tmp_path / "a")
    assert found(tmp_path) == {"a": b"new"}


def test_a_block_that_fails_leaves_nothing(tmp_path):
    def fail_halfway():
        with disk.replacing(tmp_path / "a") as stream:
            stream.write(b"n")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail_halfway()
    assert found(tmp_path) == {}


def test_a_folder_that_is_gone_is_told(tmp_path):
    for act in (
        replace_file,
        disk.create_empty,
        disk.read_whole,
        disk.touch,
        disk.sync_file,
        disk.open_to_append,
        disk.create_to_append,
        lambda file: disk.create_once(file, "x"),
        lambda file: disk.cut_off(file, 0),
    ):
        with pytest.raises(FileNotFoundError):
            act(tmp_path / "gone" / "a")
    assert disk.list_names(tmp_path / "gone") == []
    disk.remove(tmp_path / "gone" / "a")
    disk.discard(tmp_path / "gone" / "a")


def test_a_whole_file_takes_over_the_name_of_another(tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "a").write_bytes(b"old")
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.put_in_place(tmp_path / "new", tmp_path / "a")
    assert found(tmp_path) == {"new": b"new", "a": b"old"}
    disk.put_in_place(tmp_path / "new", tmp_path / "a")
    assert found(tmp_path) == {"a": b"new"}


def test_an_empty_file_is_made_once(tmp_path):
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.create_empty(tmp_path / "a")
    assert found(tmp_path) == {}
    disk.create_empty(tmp_path / "a")
    with pytest.raises(FileExistsError):
        disk.create_empty(tmp_path / "a")
    assert found(tmp_path) == {"a": b""}


def test_a_file_or_folder_changes_its_name_in_one_step(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(b"x")
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.move(tmp_path / "one", tmp_path / "two")
    assert disk.list_names(tmp_path) == ["one"]
    assert disk.move(tmp_path / "one", tmp_path / "two") == tmp_path / "two"
    assert found(tmp_path / "two") == {"a": b"x"}
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "b").write_bytes(b"y")
    with pytest.raises(OSError, match="not empty"):
        disk.move(tmp_path / "two", tmp_path / "one")


def test_what_is_removed_is_gone_and_may_have_been_before(tmp_path):
    (tmp_path / "a").touch()
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.remove(tmp_path / "a")
    assert found(tmp_path) == {"a": b""}
    for _ in range(2):
        disk.remove(tmp_path / "a")
    assert found(tmp_path) == {}


def test_what_cannot_be_discarded_hides_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    disk.discard(tmp_path / "folder")
    assert disk.list_names(tmp_path) == ["folder"]


def test_folders_are_made_with_those_they_lie_in(tmp_path):
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.make_folder(tmp_path / "a" / "b")
    assert disk.list_names(tmp_path) == []
    for _ in range(2):
        disk.make_folder(tmp_path / "a" / "b")
    assert disk.list_names(tmp_path / "a") == ["b"]


def test_files_and_folders_are_synced_where_that_can_be(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    steps = Steps()
    with disk.watched(steps):
        disk.sync_file(tmp_path / "a")
        disk.sync_folder(tmp_path)
    assert steps.seen == [("sync", "a"), ("sync", tmp_path.name)]
    assert found(tmp_path) == {"a": b"x"}


def test_what_is_read_and_touched_is_told(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    os.utime(tmp_path / "a", (1, 1))
    steps = Steps()
    with disk.watched(steps):
        assert disk.read_whole(tmp_path / "a") == b"x"
        disk.touch(tmp_path / "a")
        assert disk.list_names(tmp_path) == ["a"]
        assert disk.list_names(tmp_path / "a") == []
    assert steps.seen == [("read", "a"), ("touch", "a"), ("list", tmp_path.name), ("list", "a")]
    assert (tmp_path / "a").stat().st_mtime > 1


# Files that are made once ---------------------------------------------------------------------------------------


def test_who_comes_second_finds_what_the_first_one_made(tmp_path, links):
    assert [disk.create_once(tmp_path / "a", text) for text in ("one\n", "other\n")] == [True, False]
    assert found(tmp_path) == {"a": b"one\n"}


def _make(folder, name, answers):
    answers.put((name, [disk.create_once(folder / f"{n}", f"{name} {n}") for n in range(50)]))


def test_of_many_processes_one_makes_each_file_and_only_that_one_is_told_so(tmp_path, links):
    answers = FORK.Queue()
    processes = [FORK.Process(target=_make, args=(tmp_path, name, answers)) for name in range(6)]
    for process in processes:
        process.start()
    told = dict(answers.get(timeout=DEADLINE_S) for _ in processes)
    for process in processes:
        process.join(DEADLINE_S)
    makers = [[name for name, made in told.items() if made[n]] for n in range(50)]
    assert found(tmp_path) == {f"{n}": f"{name} {n}".encode() for n, (name,) in enumerate(makers)}


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("error", [Killed, PermissionError(13, "no")], ids=["killed", "refused"])
def test_a_file_that_is_made_once_is_whole_or_is_not_there(tmp_path, monkeypatch, has_links, error):
    if not has_links:
        monkeypatch.setattr(os, "link", refuse_links)
    watcher = Steps()
    with disk.watched(watcher):
        disk.create_once(tmp_path / "whole", "content")
    expected = [("write", "temporary"), ("create", "whole")]
    assert watcher.seen == (expected if has_links else [*expected, ("create", "whole"), ("write", "whole")])
    for fatal in range(len(watcher.seen)):
        file = tmp_path / f"{fatal}"
        with ExitStack() as stack:
            stack.enter_context(disk.watched(Steps(fatal, error)))
            if error is Killed or fatal != 1:  # a link that is refused is done without
                stack.enter_context(pytest.raises(Killed if error is Killed else PermissionError))
            disk.create_once(file, "content")
        is_left = error is Killed and fatal == 3  # where there are no links, a kill leaves a file without content
        is_made = error is not Killed and fatal == 1
        assert (file.read_bytes() if file.exists() else None) == (b"content" if is_made else b"" if is_left else None)
    assert not any(name.startswith(TEMPORARY_PREFIX) for name in disk.list_names(tmp_path))


@pytest.mark.parametrize("free_bytes", [0, 3, 7, 10])
def test_a_full_disk_makes_no_file_that_stands_in_the_way_for_ever(tmp_path, links, free_bytes):
    with disk.watched(FullAfter(free_bytes)), ExitStack() as stack:
        if free_bytes < 7 or links == "no links":  # without links it is written twice
            stack.enter_context(pytest.raises(OSError, match="No space left"))
        disk.create_once(tmp_path / "a", "content")
    is_made = free_bytes >= 7 and links == "links"
    assert found(tmp_path) == ({"a": b"content"} if is_made else {})
    assert disk.create_once(tmp_path / "a", "later") is not is_made


# Files that grow ------------------------------------------------------------------------------------------------


def test_a_file_that_grows_belongs_to_who_made_it(tmp_path):
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.create_to_append(tmp_path / "a")
    assert found(tmp_path) == {}
    fd = disk.create_to_append(tmp_path / "a")
    assert disk.writer_to(fd, tmp_path / "a")(b"one") == 3
    os.close(fd)
    with pytest.raises(FileExistsError):
        disk.create_to_append(tmp_path / "a")
    fd = disk.open_to_append(tmp_path / "a")
    os.lseek(fd, 0, os.SEEK_SET)
    assert disk.writer_to(fd, tmp_path / "a")(b" two") == 4
    os.close(fd)
    assert found(tmp_path) == {"a": b"one two"}


@pytest.mark.parametrize("free_bytes", range(8))
def test_what_a_full_disk_took_of_an_append_is_cut_off(tmp_path, free_bytes):
    (tmp_path / "a").write_bytes(b"before")
    with disk.watched(FullAfter(free_bytes)), ExitStack() as stack:
        if free_bytes < 7:
            stack.enter_context(pytest.raises(OSError, match="No space left"))
        disk.append_to(tmp_path / "a", b"content", 6)
    assert found(tmp_path) == {"a": b"before" if free_bytes < 7 else b"beforecontent"}


@pytest.mark.parametrize("pieces", [[3, 4], [1] * 7, [6, 1]])
def test_a_disk_that_takes_an_append_in_pieces_gets_all_of_it(tmp_path, pieces):
    (tmp_path / "a").write_bytes(b"before")
    left = iter(pieces)
    with disk.watched(lambda step, place: next(left)):
        disk.append_to(tmp_path / "a", b"content", 6)
    assert found(tmp_path) == {"a": b"beforecontent"}


@pytest.mark.parametrize("fatal", range(4))
def test_an_append_that_is_broken_off_between_two_pieces_leaves_nothing(tmp_path, fatal):
    (tmp_path / "a").write_bytes(b"before")
    count = iter(range(5))

    def watcher(step, place):
        if next(count) == fatal:
            raise Killed
        return 1

    with disk.watched(watcher), pytest.raises(Killed):
        disk.append_to(tmp_path / "a", b"content", 6)
    assert found(tmp_path) == {"a": b"before"}


def test_a_file_is_cut_off(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    with disk.watched(Steps(0)), pytest.raises(Killed):
        disk.cut_off(tmp_path / "a", 3)
    disk.cut_off(tmp_path / "a", 3)
    assert found(tmp_path) == {"a": b"con"}


@pytest.mark.parametrize("free_bytes", range(4))
def test_what_a_full_disk_takes_of_a_file_that_is_written_over_is_told(tmp_path, free_bytes):
    with disk.watched(FullAfter(free_bytes)), ExitStack() as stack:
        if free_bytes < 3:
            stack.enter_context(pytest.raises(OSError, match="No space left"))
        overwrite(tmp_path / "a")
    assert found(tmp_path) == {"a": b"new"[:free_bytes]}


# Locks ----------------------------------------------------------------------------------------------------------


def _hold(file, pipe):
    with disk.only_one(file, is_waiting=True):
        pipe.send("held")
        pipe.poll(DEADLINE_S)


class Holder:
    """Another process that holds a lock file."""

    def __init__(self, file):
        self._pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=_hold, args=(file, theirs))
        self.process.start()
        theirs.close()
        assert self._pipe.poll(DEADLINE_S)

    def let_go(self):
        with suppress(OSError):  # it is gone
            self._pipe.send("go")


@pytest.fixture
def holder(tmp_path):
    holder = Holder(tmp_path / "lock")
    yield holder
    holder.let_go()
    holder.process.join(DEADLINE_S)


def test_one_process_is_within_and_another_is_told_so(tmp_path, holder):
    assert disk.is_locked(tmp_path / "lock") is True
    with disk.only_one(tmp_path / "lock", is_waiting=False) as is_only:
        assert not is_only
    holder.let_go()
    with disk.only_one(tmp_path / "lock", is_waiting=True) as is_only:
        assert is_only
        holder.process.join(DEADLINE_S)
    assert disk.is_locked(tmp_path / "lock") is False


def test_a_process_that_was_killed_holds_nothing(tmp_path, holder):
    holder.process.kill()
    with disk.only_one(tmp_path / "lock", is_waiting=True) as is_only:
        assert is_only


def _count_up(file):
    for _ in range(50):
        with disk.only_one(file.with_name("lock"), is_waiting=True):
            disk.overwrite(file, str(int(disk.read_whole(file)) + 1).encode())


def test_processes_that_wait_are_never_within_together(tmp_path):
    (tmp_path / "count").write_text("0")
    processes = [FORK.Process(target=_count_up, args=(tmp_path / "count",)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
    assert (tmp_path / "count").read_text() == "200"


def test_a_block_that_fails_lets_go(tmp_path):
    with pytest.raises(ValueError, match="within"), disk.only_one(tmp_path / "lock", is_waiting=False):
        raise ValueError("within")
    assert disk.is_locked(tmp_path / "lock") is False


def test_where_locks_are_refused_everybody_goes_on_and_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", refuse_locks)
    for is_waiting in (True, False):
        with disk.only_one(tmp_path / "lock", is_waiting=is_waiting) as is_only:
            assert is_only
    assert disk.is_locked(tmp_path / "lock") is None
    fd = disk.create_to_append(tmp_path / "a")
    disk.lock_new(fd)
    with pytest.raises(OSError, match="no locks available"):
        disk.wait_for_lock(fd, tmp_path / "a")
    os.close(fd)


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "no locks"), PermissionError(13, "no")])
def test_a_lock_file_that_cannot_be_had_stops_nobody(tmp_path, error):
    with disk.watched(Steps(0, error)), disk.only_one(tmp_path / "lock", is_waiting=True) as is_only:
        assert is_only
    with disk.watched(Steps(0, error)):
        assert disk.is_locked(tmp_path / "lock") is None
    with disk.only_one(tmp_path / "gone" / "lock", is_waiting=True) as is_only:
        assert is_only
    assert disk.is_locked(tmp_path / "gone" / "lock") is None


def test_a_new_file_is_locked_as_long_as_it_is_open(tmp_path):
    fd = disk.create_to_append(tmp_path / "a")
    assert disk.is_locked(tmp_path / "a") is False
    disk.lock_new(fd)
    assert disk.is_locked(tmp_path / "a") is True
    os.close(fd)
    assert disk.is_locked(tmp_path / "a") is False


def test_who_waits_for_a_lock_has_it_then(tmp_path, holder):
    fd = os.open(tmp_path / "lock", os.O_RDWR)
    holder.let_go()
    disk.wait_for_lock(fd, tmp_path / "lock")
    holder.process.join(DEADLINE_S)
    assert disk.is_locked(tmp_path / "lock") is True
    os.close(fd)


# Watchers -------------------------------------------------------------------------------------------------------


def test_nobody_is_told_behind_the_block(tmp_path):
    outer, inner = Steps(), Steps()
    with disk.watched(outer):
        with disk.watched(inner):
            disk.remove(tmp_path / "a")
        disk.remove(tmp_path / "b")
    disk.remove(tmp_path / "c")
    assert (outer.seen, inner.seen) == ([("remove", "b")], [("remove", "a")])


def test_a_writer_is_nothing_but_the_system_call_as_long_as_nobody_watches(tmp_path):
    fd = disk.create_to_append(tmp_path / "a")
    assert disk.writer_to(fd, tmp_path / "a").func is os.write
    os.close(fd)
