"""The file in which a store keeps its people: who reads it, what is in it, and what may happen to it."""

import hashlib
import sqlite3
import threading

import pytest

from runlake.errors import StoreError
from runlake.server.people.directory import SignedIn
from runlake.server.people.people import open_people


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def people(store):
    people = open_people(store)
    yield people
    people.close()


def test_a_key_is_nowhere_in_the_files(people, store):
    added = people.add_user("ann")
    stored = b"".join(path.read_bytes() for path in store.iterdir())
    assert added.key.encode() not in stored
    assert added.key.removeprefix("local-").encode() not in stored
    assert hashlib.sha256(added.key.encode()).digest() in stored


def test_only_the_owner_of_the_store_may_read_the_database(people, store):
    people.add_user("ann")
    assert {path.stat().st_mode & 0o777 for path in store.glob("server.sqlite*")} == {0o600}


def test_a_backup_that_is_put_in_the_place_of_the_database_counts_at_once(people, store, tmp_path):
    old = people.add_user("ann")
    with sqlite3.connect(store / "server.sqlite") as source, sqlite3.connect(tmp_path / "copy") as target:
        source.backup(target)
    source.close()
    target.close()
    new = people.add_user("bob")
    assert people.sign_in(new.key) == SignedIn(new.person, new.key_id)
    for name in ("server.sqlite-wal", "server.sqlite-shm"):
        (store / name).unlink()
    (tmp_path / "copy").replace(store / "server.sqlite")
    assert people.sign_in(new.key) is None
    assert people.sign_in(old.key) == SignedIn(old.person, old.key_id)


def test_a_database_that_is_gone_is_a_fault_and_is_not_made_anew(people, store):
    added = people.add_user("ann")
    (store / "server.sqlite").rename(store / "elsewhere")
    with pytest.raises(StoreError, match="cannot be looked at"):
        people.sign_in(added.key)
    assert not (store / "server.sqlite").exists()
    (store / "elsewhere").rename(store / "server.sqlite")
    assert people.sign_in(added.key) == SignedIn(added.person, added.key_id)


def test_a_writer_that_takes_long_delays_others_and_no_reader(people, store):
    added = people.add_user("ann")
    slow = sqlite3.connect(store / "server.sqlite", isolation_level=None)
    slow.execute("BEGIN IMMEDIATE")
    done = []
    writing = threading.Thread(target=lambda: done.append(people.add_user("bob")))
    writing.start()
    assert people.sign_in(added.key) == SignedIn(added.person, added.key_id)
    assert done == []
    slow.execute("COMMIT")
    slow.close()
    writing.join()
    assert [user.username for user in people.list_users()] == ["ann", "bob"]


def test_what_is_no_database_is_said(store):
    store.mkdir()
    (store / "server.sqlite").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        open_people(store)
