"""Leases in the database: they expire, are prolonged while somebody is at work, and only the holder gives them back."""

import pytest

from runlake.store.cluster.leases import PostgresLeases
from waiting import wait_until


def hold(leases, name):
    with leases.hold(name, is_waiting=False) as is_only:
        return is_only


def row_of(database, name):
    ((holder, token),) = database.read("select holder, token from leases where name = %(name)s", {"name": name})
    return holder, token


def test_every_taking_has_a_higher_token_and_says_who_it_is(database):
    for number in (1, 2, 3):
        assert hold(PostgresLeases(database, holder=f"ann{number}"), "tokens")
        assert row_of(database, "tokens") == (f"ann{number}", number)


def test_a_lease_is_held_as_long_as_its_holder_works(database):
    def until():
        return database.read("select until from leases where name = 'work'")

    with PostgresLeases(database, hold_s=60, prolong_s=0.01).hold("work", is_waiting=False):
        first = until()
        wait_until(lambda: until() > first, "that it is prolonged")
        assert not hold(PostgresLeases(database), "work")
    assert hold(PostgresLeases(database), "work")


def test_a_lease_expires_and_who_comes_back_late_takes_nothing_from_the_next(database):
    late, other = PostgresLeases(database, hold_s=0.1, prolong_s=1000), PostgresLeases(database)
    block = late.hold("late", is_waiting=False)
    block.__enter__()
    with other.hold("late", is_waiting=True) as is_only:
        assert is_only
        block.__exit__(None, None, None)
        assert not hold(late, "late")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000, "%s"])
def test_a_lease_may_be_called_anything(database, name):
    leases = PostgresLeases(database)
    with leases.hold(name, is_waiting=False) as is_only:
        assert (is_only, hold(leases, name)) == (True, False)
