"""Leases: one is within a block, others are told so or wait; where nothing can be locked, nobody is kept out."""

import errno
import fcntl
import threading

import pytest

from runlake.store.leases import FolderLeases, MemoryLeases
from waiting import DEADLINE_S


@pytest.fixture(params=["folder", "memory", "postgresql"])
def leases(request, tmp_path):
    if request.param == "postgresql":
        database = request.getfixturevalue("shared_database")

        from runlake.store.cluster.leases import PostgresLeases

        return PostgresLeases(database)
    return FolderLeases(tmp_path) if request.param == "folder" else MemoryLeases()


def hold(leases, name="seal"):
    with leases.hold(name, is_waiting=False) as is_only:
        return is_only


def test_another_is_told_so_until_the_block_ends(leases):
    with leases.hold("seal", is_waiting=False) as is_only:
        assert is_only
        assert [hold(leases), hold(leases, "merge")] == [False, True]
    assert hold(leases)


def test_who_is_told_no_does_not_end_the_lease_of_the_other(leases):
    with leases.hold("seal", is_waiting=True):
        assert [hold(leases), hold(leases)] == [False, False]


def test_a_block_that_fails_lets_go(leases):
    with pytest.raises(ValueError, match="within"), leases.hold("seal", is_waiting=False):
        raise ValueError("within")
    assert hold(leases)


def test_who_waits_is_within_alone(leases):
    inside, most = [], []

    def work():
        for _ in range(50):
            with leases.hold("seal", is_waiting=True) as is_only:
                inside.append(is_only)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert most == [1] * 200


@pytest.mark.parametrize("is_waiting", [True, False])
def test_where_a_disk_has_no_locks_everybody_is_within(tmp_path, monkeypatch, is_waiting):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    leases = FolderLeases(tmp_path)
    with leases.hold("seal", is_waiting=is_waiting) as one, leases.hold("seal", is_waiting=is_waiting) as other:
        assert (one, other) == (True, True)
