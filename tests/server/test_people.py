"""Users, keys, teams and shared projects, as several processes see them."""

import hashlib
import re
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from runlake.errors import BadValueError, ConflictError, NewerFormatError, NotFoundError, StoreError
from runlake.server.people import Person, Share, Team, check_key, open_people
from runlake.server.people_database import metadata

CHOSEN = "local-" + "0123456789abcdef" * 2 + "01234567"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def people(store):
    people = open_people(store)
    yield people
    people.close()


@pytest.fixture
def other(store, people):
    """The same people, as another process sees them."""
    other = open_people(store)
    yield other
    other.close()


def test_a_new_user_is_found_by_the_key_that_is_shown_once(people):
    added = people.add_user("ann", email="ann@example.com")
    assert people.find_by_key(added.key) == added.person
    assert added.person == Person(
        id=added.person.id, username="ann", email="ann@example.com", created_at=added.person.created_at
    )
    assert re.fullmatch(r"local-[0-9a-f]{40}", added.key)


def test_a_key_is_nowhere_in_the_files(people, store):
    added = people.add_user("ann")
    stored = b"".join(path.read_bytes() for path in store.iterdir())
    assert added.key.encode() not in stored
    assert added.key.removeprefix("local-").encode() not in stored
    assert hashlib.sha256(added.key.encode()).digest() in stored


def test_only_the_owner_of_the_store_may_read_the_database(people, store):
    people.add_user("ann")
    assert {path.stat().st_mode & 0o777 for path in store.glob("server.sqlite*")} == {0o600}


def test_nobody_has_a_key_that_was_never_given(people):
    people.add_user("ann")
    assert people.find_by_key(CHOSEN) is None
    assert people.find_by_key("") is None
    assert people.find_by_key("\udc80") is None


def test_a_revoked_key_is_refused_at_once_by_every_process(people, other):
    first, second = people.add_user("ann"), people.create_key("ann", description="laptop")
    assert other.find_by_key(first.key) == other.find_by_key(second.key) == first.person
    people.revoke_key(first.key_id)
    assert [known.find_by_key(first.key) for known in (people, other)] == [None, None]
    assert other.find_by_key(second.key) == first.person
    assert [(key.key_id, key.description) for key in other.list_keys("ann")] == [(second.key_id, "laptop")]


def test_a_new_key_works_at_once_in_every_process(people, other):
    assert other.find_by_key(CHOSEN) is None
    people.add_user("robot", key=CHOSEN)
    assert other.find_by_key(CHOSEN).username == "robot"


def test_unchanged_people_are_read_once(people):
    people.add_user("ann")
    assert people.directory() is people.directory()


def test_a_removed_user_has_no_keys_and_no_teams_any_more(people, other):
    added = people.add_user("ann")
    people.add_user("bob")
    people.add_team("vision", {"ann": "admin", "bob": "viewer"})
    other.remove_user("ann")
    assert people.find_by_key(added.key) is None
    assert [user.username for user in people.list_users()] == ["bob"]
    assert people.find_team("vision").members == {"bob": "viewer"}
    assert [key.username for key in people.list_keys()] == ["bob"]


def test_teams_are_seen_from_both_sides(people):
    people.add_user("ann")
    people.add_user("bob")
    team = people.add_team("vision", {"ann": "admin"})
    people.set_member("vision", "bob", "viewer")
    people.set_member("vision", "bob", "member")
    assert people.list_teams() == [
        Team(id=team.id, name="vision", created_at=team.created_at, members={"ann": "admin", "bob": "member"})
    ]
    assert people.find_user("bob").teams == {"vision": "member"}
    people.remove_member("vision", "bob")
    assert people.find_user("bob").teams == {}
    people.remove_team("vision")
    assert people.list_teams() == []
    assert people.find_user("ann").teams == {}


def test_users_and_teams_share_one_namespace_that_does_not_tell_case(people):
    people.add_user("ann")
    people.add_team("vision")
    for name in ("ann", "Ann", "vision", "ＡＮＮ"):
        with pytest.raises(ConflictError, match="is taken"):
            people.add_user(name)
        with pytest.raises(ConflictError, match="is taken"):
            people.add_team(name)


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "..", " ann", "a\nb", "a:b", "graphql", "Files", "x" * 129])
def test_names_that_cannot_be_in_an_address_are_refused(people, name):
    with pytest.raises(BadValueError):
        people.add_user(name)
    with pytest.raises(BadValueError):
        people.add_team(name)


def test_names_of_any_script_are_possible(people):
    assert people.add_user("jörg 中").person.username == "jörg 中"


@pytest.mark.parametrize(
    "key", ["", "short", "local-" + "a" * 39, "local-" + "a" * 39 + ".", "ä" * 40, "a" * 40 + "\n"]
)
def test_a_chosen_key_that_the_official_client_would_refuse_is_refused_without_saying_it(people, key):
    with pytest.raises(BadValueError) as refused:
        people.add_user("ann", key=key)
    assert not key or key not in str(refused.value)
    assert people.list_users() == []


@pytest.mark.parametrize("key", [CHOSEN, "a" * 40, "my-key_" + "b" * 40])
def test_a_chosen_key_of_the_right_form_is_taken(key):
    assert check_key(key) == key


def test_a_key_belongs_to_one_user(people):
    people.add_user("ann", key=CHOSEN)
    with pytest.raises(ConflictError, match="in use"):
        people.add_user("bob", key=CHOSEN)
    assert [user.username for user in people.list_users()] == ["ann"]


def test_who_is_not_there_is_said_by_name(people):
    for asked in (
        lambda: people.find_user("eve"),
        lambda: people.remove_user("eve"),
        lambda: people.create_key("eve"),
        lambda: people.list_keys("eve"),
        lambda: people.add_team("vision", {"eve": "member"}),
    ):
        with pytest.raises(NotFoundError, match="there is no user 'eve'; see: runlake user list"):
            asked()
    with pytest.raises(NotFoundError, match="there is no key with the id 'ab'"):
        people.revoke_key("ab")
    with pytest.raises(NotFoundError, match="there is no team 'vision'"):
        people.set_member("vision", "eve", "member")
    assert people.list_teams() == []


def test_projects_are_private_until_they_are_shared_and_after(people, other):
    assert other.shared_access("ann", "mnist") == "private"
    people.share_project("ann", "mnist", "read")
    assert other.shared_access("ann", "mnist") == "read"
    people.share_project("ann", "mnist", "write")
    assert other.list_shares() == [Share(entity="ann", project="mnist", access="write")]
    people.share_project("ann", "mnist", "private")
    assert other.list_shares() == []
    with pytest.raises(BadValueError, match="not one of private, read, write"):
        people.share_project("ann", "mnist", "all")


def test_the_signing_secret_is_one_for_all_and_for_good(people, other, store):
    secret = people.signing_secret()
    assert len(secret) == 32
    assert other.signing_secret() == open_people(store).signing_secret() == secret


def test_processes_that_begin_in_the_same_instant_all_succeed(store):
    program = (
        "import sys; from pathlib import Path; from runlake.server.people import open_people; "
        "sys.stdin.readline(); people = open_people(Path(sys.argv[1])); "
        "print(people.add_user(sys.argv[2]).key, people.signing_secret().hex())"
    )
    names = [f"user{number}" for number in range(4)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate()[0].split() for process in started]
    people = open_people(store)
    assert [people.find_by_key(key).username for key, _ in answers] == names
    assert len({secret for _, secret in answers}) == 1


def test_threads_share_it(people):
    keys = [people.add_user(f"user{number}").key for number in range(4)]
    wrong = []

    def ask(number):
        for round_ in range(50):
            if people.find_by_key(keys[number]).username != f"user{number}":
                wrong.append(number)
            if round_ % 10 == 0:
                people.share_project("ann", f"p{number}", "read")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(people.list_shares()) == 4


def test_a_backup_that_is_put_in_the_place_of_the_database_counts_at_once(people, store, tmp_path):
    old = people.add_user("ann")
    with sqlite3.connect(store / "server.sqlite") as source, sqlite3.connect(tmp_path / "copy") as target:
        source.backup(target)
    source.close()
    target.close()
    new = people.add_user("bob")
    assert people.find_by_key(new.key) == new.person
    for name in ("server.sqlite-wal", "server.sqlite-shm"):
        (store / name).unlink()
    (tmp_path / "copy").replace(store / "server.sqlite")
    assert people.find_by_key(new.key) is None
    assert people.find_by_key(old.key) == old.person


def test_a_database_that_is_gone_is_a_fault_and_is_not_made_anew(people, store):
    added = people.add_user("ann")
    (store / "server.sqlite").rename(store / "elsewhere")
    with pytest.raises(StoreError, match="cannot be looked at"):
        people.find_by_key(added.key)
    assert not (store / "server.sqlite").exists()
    (store / "elsewhere").rename(store / "server.sqlite")
    assert people.find_by_key(added.key) == added.person


def test_a_writer_that_takes_long_delays_others_and_no_reader(people, store):
    added = people.add_user("ann")
    slow = sqlite3.connect(store / "server.sqlite", isolation_level=None)
    slow.execute("BEGIN IMMEDIATE")
    done = []
    writing = threading.Thread(target=lambda: done.append(people.add_user("bob")))
    writing.start()
    assert people.find_by_key(added.key) == added.person
    assert done == []
    slow.execute("COMMIT")
    slow.close()
    writing.join()
    assert [user.username for user in people.list_users()] == ["ann", "bob"]


def test_a_process_that_is_killed_while_it_writes_leaves_all_or_nothing(people, store):
    program = (
        "import os, sys; from pathlib import Path; from runlake.server import people_database as db; "
        "from runlake.server.people import open_people, _entity_row; import sqlalchemy as sa; "
        "people = open_people(Path(sys.argv[1])); transaction = db.writing(people._engine); "
        "connection = transaction.__enter__(); "
        "connection.execute(sa.insert(db.entities).values(_entity_row('eve', 'user', 'x'))); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(store)]).returncode == 9
    assert people.list_users() == []
    assert people.add_user("eve").person.username == "eve"


def test_the_tables_are_such_as_postgresql_takes_too():
    made = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    assert [re.search(r"CREATE TABLE (\w+)", statement)[1] for statement in made if "SERIAL" not in statement] == [
        table.name for table in metadata.sorted_tables
    ]


def test_tables_of_a_newer_runlake_are_left_alone(people, store):
    with sqlite3.connect(store / "server.sqlite") as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 0)")
    connection.close()
    with pytest.raises(NewerFormatError, match="upgrade runlake"):
        open_people(store)


def test_what_is_no_database_is_said(store):
    store.mkdir()
    (store / "server.sqlite").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        open_people(store)
