"""Turns in the database: all of one is kept, or nothing."""

import pytest

from runlake.errors import NotFoundError
from runlake.store.cluster.grants import PostgresGrants
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.served import PostgresServed
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.served import Served

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
