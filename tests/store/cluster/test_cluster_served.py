"""Turns in the database: all of one is kept, or nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import NotFoundError
from runlake.store.cluster.grants import PostgresGrants
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.served import PostgresServed
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.served import Served
from waiting import wait_until

PART, EDITORS = PartName("w", 0), PartName("e", 0)
SERVED = Served(header=PartHeader({"writer": "w"}))


def test_nothing_of_a_turn_that_fails_is_kept(database, begin_run, new_path):
    begin_run(new_path, "i1")
    served, journal = PostgresServed(database, new_path), PostgresJournal(database, new_path)
    served.mark("w", SERVED)

    def fail():
        with served.turn("w"):
            journal.create_part(PartName("w", 0)).write(b"abc")
            served.keep_said("w", b"said")
            served.mark("w", Served(header=SERVED.header, ended={}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (journal.list_parts(), served.read("w"), served.read_said("w")) == ([], SERVED, b"")


def test_a_deleted_run_has_no_writers_and_its_successor_neither(database, names, begin_run, new_path):
    begin_run(new_path, "i1")
    served = PostgresServed(database, new_path)
    served.mark("w", SERVED)
    names.delete(new_path)
    for _ in range(2):
        assert (served.list(), served.read("w"), served.read_said("w")) == ([], None, b"")
        with pytest.raises(NotFoundError), served.turn("w"):
            pass
        begin_run(new_path, "i2")
    names.delete(new_path)
    with pytest.raises(FileNotFoundError):
        served.mark("w", SERVED)


def test_a_run_that_is_deleted_within_a_turn_gets_nothing_more(database, names, begin_run, new_path):
    begin_run(new_path, "i1")
    served, journal = PostgresServed(database, new_path), PostgresJournal(database, new_path)
    served.mark("w", SERVED)
    journal.create_part(PartName("w", 0)).write(b"abc")

    def append():
        with served.turn("w"):
            names.delete(new_path)
            journal.append(PartName("w", 0), b"def", 3)

    with pytest.raises(FileNotFoundError):
        append()
    assert journal.read(PartName("w", 0)) == b"abc"  # the turn was taken back, and the delete with it


def test_a_grant_and_what_was_opened_for_it_are_kept_together(database, begin_run, names, new_path):
    grants = PostgresGrants(database)

    def fail():
        with grants.hold(new_path, "token") as grant:
            begin_run(new_path, "i1")
            grant.keep(b"granted")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not names.has_run(new_path)
    with grants.hold(new_path, "token") as grant:
        assert grant.content == b""


@pytest.fixture
def begun(database, begin_run, new_path):
    """A served writer with a part of three bytes, and the journal."""
    begin_run(new_path, "i1")
    served, journal = PostgresServed(database, new_path), PostgresJournal(database, new_path)
    served.mark("w", SERVED)
    served.keep_said("w", b"before")
    journal.create_part(PART).write(b"abc")
    return served, journal


def test_an_append_at_once_is_a_whole_turn_and_tells_of_the_other_parts(begun):
    served, journal = begun
    assert served.append_at_once(PART, b"def", 3) == []
    assert served.read_said("w") == b"before"
    journal.create_part(EDITORS).write(b"stop")
    assert served.append_at_once(PART, b"ghi", 6, b"now") == [(EDITORS, 4)]
    assert (journal.read(PART), served.read_said("w")) == (b"abcdefghi", b"now")


@pytest.mark.parametrize("other", ["end", "part", "writer", "sealed", "deleted"])
def test_nothing_is_appended_at_once_where_things_are_other_than_was_thought(begun, database, names, new_path, other):
    served, journal = begun
    if other == "sealed":
        database.write("update parts set sealed_in = 's' where writer = 'w'")
    if other == "deleted":
        names.delete(new_path)
    part = {"part": PartName("w", 1), "writer": EDITORS}.get(other, PART)
    assert served.append_at_once(part, b"def", 2 if other == "end" else 3, b"now") is None
    if other == "deleted":
        names.restore(names.list_deleted()[-1].run_no)
    database.write("update parts set sealed_in = null where writer = 'w'")
    assert (journal.list_parts(), journal.read(PART), served.read_said("w")) == ([(PART, 3)], b"abc", b"before")


def test_an_append_at_once_waits_for_a_turn_and_finds_what_that_left(begun, database):
    served, journal = begun
    waiting = "select count(*) from pg_locks where not granted"
    with ThreadPoolExecutor(1) as pool:
        with served.turn("w"):
            late = pool.submit(served.append_at_once, PART, b"late", 3)
            wait_until(lambda: database.read(waiting)[0][0])
            journal.append(PART, b"def", 3)
        assert late.result() is None
    assert journal.read(PART) == b"abcdef"
