"""A numbered list that processes write together: one order, nothing lost, nobody waits for a lock."""

import errno
import math
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runlake.errors import CorruptError, NotFoundError, ReadOnlyError
from runlake.store import disk
from runlake.store.ledger import FolderLedger
from runlake.store.ledger_in_memory import MemoryLedger
from waiting import DEADLINE_S


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ledger"
    folder.mkdir()
    return FolderLedger(folder)


@pytest.fixture(params=["folder", "memory", "postgresql"])
def made(request, folder):
    """What every kind of ledger does."""
    if request.param == "postgresql":
        database, path = request.getfixturevalue("shared_database"), request.getfixturevalue("new_path")

        from runlake.store.cluster.tree import PostgresTree

        ledger = FolderLedger(Path(f"/{path}"), PostgresTree(database))
        ledger._tree.make_folder(ledger.folder)
        return ledger
    return folder if request.param == "folder" else MemoryLedger()


def delete(ledger):
    if isinstance(ledger, MemoryLedger):
        ledger.delete()
    else:
        ledger._tree.move(ledger.folder, ledger.folder.with_name("deleted"))


def bodies(made, number=1):
    return [{k: v for k, v in body.items() if k != "nonce"} for _, body in made.read_from(number)]


def test_entries_come_back_in_order_and_as_they_were_made(made):
    said = [{"a": 1}, {"b": [math.inf, -0.0, 2**70, "ü\n", None]}]
    assert [made.append(number, body) for number, body in enumerate(said, 1)] == [True, True]
    assert bodies(made) == said
    assert bodies(made, 2) == said[1:]


def test_who_comes_second_is_told_so(made):
    assert made.append(1, {"by": "ann"})
    assert not made.append(1, {"by": "ben"})
    assert bodies(made) == [{"by": "ann"}]


def test_the_same_entry_of_two_processes_is_that_of_one(made):
    assert [made.append(1, {"by": "any"}) for _ in range(2)] == [True, False]


def test_numbers_are_told_and_nothing_stands_behind_a_gap(made):
    for number in (1, 2, 4):
        made.append(number, {"n": number})
    assert [number for number, _ in made.read_from(1)] == [1, 2]
    assert list(made.read_from(3)) == []
    made.append(3, {"n": 3})
    assert [number for number, _ in made.read_from(2)] == [2, 3, 4]


def test_a_reader_hears_what_comes_while_it_reads(made):
    made.append(1, {"n": 1})
    entries = made.read_from(1)
    next(entries)
    made.append(2, {"n": 2})
    assert [number for number, _ in entries] == [2]


def test_what_was_read_may_be_changed_and_stays_as_it_was_made(made):
    made.append(1, {"list": [1]})
    (body,) = bodies(made)
    body["list"].append(2)
    assert bodies(made) == [{"list": [1]}]


def test_a_ledger_that_was_deleted_is_told_as_such(made):
    delete(made)
    with pytest.raises(NotFoundError, match="is gone: it was deleted"):
        made.append(1, {"a": 1})
    assert bodies(made) == []


def test_of_many_threads_one_makes_each_entry(made):
    def try_all():
        return [made.append(number, {"n": number}) for number in range(1, 21)]

    with ThreadPoolExecutor(8) as pool:
        answers = [future.result() for future in [pool.submit(try_all) for _ in range(8)]]
    assert [sum(column) for column in zip(*answers, strict=True)] == [1] * 20
    assert bodies(made) == [{"n": number} for number in range(1, 21)]


def test_a_link_that_was_made_and_answered_with_an_error_counts(folder, monkeypatch):
    real = os.link

    def made_and_answered_with_an_error(source, target):
        real(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", made_and_answered_with_an_error)
    assert folder.append(1, {"by": "ann"})


def test_an_entry_without_content_says_nothing_and_stops_nobody(folder):
    impatient = FolderLedger(folder.folder, patience_s=0.05)
    impatient.append(1, {"a": 1})
    (folder.folder / "00000002.json").write_text('{"b": ')
    impatient.append(3, {"c": 3})
    assert bodies(impatient) == [{"a": 1}, {}, {"c": 3}]


def test_an_entry_whose_content_comes_a_moment_later_is_waited_for(folder):
    file = folder.folder / "00000001.json"
    file.write_text("")
    writer = threading.Timer(0.05, lambda: file.write_text('{"a": 1}\n'))
    writer.start()
    assert bodies(folder) == [{"a": 1}]
    writer.join()


def test_an_entry_that_is_not_what_was_written_is_told_with_its_place(folder):
    (folder.folder / "00000001.json").write_text("nonsense\n")
    with pytest.raises(CorruptError, match=r"00000001\.json cannot be read .*; restore it from a backup"):
        bodies(folder)


def test_a_ledger_that_cannot_be_written_is_told_as_such(folder):
    def refused(step, place):
        raise PermissionError(errno.EACCES, "no")

    with disk.watched(refused), pytest.raises(ReadOnlyError, match="cannot be written"):
        folder.append(1, {"a": 1})
    assert bodies(folder) == []


def _count_up(folder, name, count):
    """Makes `count` entries, each of which says how many entries of its own it had read before."""
    made, number, mine = FolderLedger(folder), 1, 0
    while mine < count:
        for number_read, _body in made.read_from(number):
            number = number_read + 1
        if made.append(number, {"by": name, "mine": mine, "before": number - 1}):
            mine += 1
            number += 1


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
def test_many_processes_make_one_list(folder, has_links, monkeypatch):
    if not has_links:

        def refuse(*_):
            raise PermissionError("this disk has no links")

        monkeypatch.setattr(os, "link", refuse)
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_count_up, args=(folder.folder, name, 40)) for name in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
    found = bodies(folder)
    assert [body["before"] for body in found] == list(range(160))
    for name in range(4):
        assert [body["mine"] for body in found if body["by"] == name] == list(range(40))
    assert sorted(file.name for file in folder.folder.iterdir()) == [f"{n:08d}.json" for n in range(1, 161)]
