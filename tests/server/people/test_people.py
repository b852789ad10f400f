"""Users, keys, teams and shared projects, as several processes see them: in the store's own file, and in PostgreSQL."""

import re
import subprocess
import sys
import threading
from contextlib import ExitStack
from importlib.util import find_spec

import pytest
import sqlalchemy as sa
from in_process import InProcess
from postgres import find_programs, postgresql

import warm
from runlake.errors import BadValueError, ConflictError, NewerFormatError, NotFoundError, StoreError
from runlake.server.people.database import migrations, sqlite_url
from runlake.server.people.directory import Person, Share, SignedIn, Team
from runlake.server.people.people import People, check_key

CHOSEN = "local-" + "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(scope="module")
def make_database():
    """Makes databases of a PostgreSQL that runs as long as the tests of this page."""
    programs = find_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("there is no PostgreSQL, or no psycopg")
    with postgresql(programs) as make:
        yield make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "postgresql":
        return request.getfixturevalue("make_database")()
    return sqlite_url(tmp_path / "store")


@pytest.fixture
def open_people(database):
    """The people of the database, as one process more sees them."""
    with ExitStack() as opened:

        def open_it():
            people = People(database)
            opened.callback(people.close)
            return people

        yield open_it


@pytest.fixture
def people(open_people):
    return open_people()


@pytest.fixture
def other(open_people, people):
    """The same people, as another process sees them."""
    return open_people()


def test_a_new_user_is_found_by_the_key_that_is_shown_once(people):
    added = people.add_user("ann", email="ann@example.com")
    assert people.sign_in(added.key) == SignedIn(added.person, added.key_id)
    assert added.person == Person(
        id=added.person.id, username="ann", email="ann@example.com", created_at=added.person.created_at
    )
    assert re.fullmatch(r"local-[0-9a-f]{40}", added.key)


def test_nobody_has_a_key_that_was_never_given(people):
    people.add_user("ann")
    assert people.sign_in(CHOSEN) is None
    assert people.sign_in("") is None
    assert people.sign_in("\udc80") is None


def test_a_revoked_key_is_refused_at_once_by_every_process(people, other):
    first, second = people.add_user("ann"), people.create_key("ann", description="laptop")
    assert [other.sign_in(one.key) for one in (first, second)] == [
        SignedIn(first.person, one.key_id) for one in (first, second)
    ]
    people.revoke_key(first.key_id)
    assert [known.sign_in(first.key) for known in (people, other)] == [None, None]
    assert other.sign_in(second.key) == SignedIn(first.person, second.key_id)
    assert [(key.key_id, key.description) for key in other.list_keys("ann")] == [(second.key_id, "laptop")]


def test_a_new_key_works_at_once_in_every_process(people, other):
    assert other.sign_in(CHOSEN) is None
    people.add_user("robot", key=CHOSEN)
    assert other.sign_in(CHOSEN).person.username == "robot"


def test_unchanged_people_are_read_once(people):
    people.add_user("ann")
    assert people.directory() is people.directory()


def test_a_removed_user_has_no_keys_and_no_teams_any_more(people, other):
    added = people.add_user("ann")
    people.add_user("bob")
    people.add_team("vision", {"ann": "admin", "bob": "viewer"})
    other.remove_user("ann")
    assert people.sign_in(added.key) is None
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


def test_the_signing_secret_is_one_for_all_and_for_good(people, other, open_people):
    secret = people.signing_secret()
    assert len(secret) == 32
    assert other.signing_secret() == open_people().signing_secret() == secret


def test_processes_that_begin_in_the_same_instant_all_succeed(database, open_people):
    program = (
        "import sys; from runlake.server.people.people import People; "
        "sys.stdin.readline(); people = People(sys.argv[1]); "
        "print(people.add_user(sys.argv[2]).key, people.signing_secret().hex())"
    )
    names = [f"user{number}" for number in range(4)]
    started = [
        warm.Popen(
            [sys.executable, "-c", program, database, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate()[0].split() for process in started]
    people = open_people()
    assert [people.sign_in(key).person.username for key, _ in answers] == names
    assert len({secret for _, secret in answers}) == 1


def test_a_server_knows_the_people_of_its_database(people, database, tmp_path):
    bob = people.add_user("bob")
    server = InProcess(tmp_path / "served", database_url=database)
    try:
        server.keys["bob"] = bob.key
        viewer = {"query": "{ viewer { username } }"}
        told = server.ask("POST", "/graphql", who="bob", json=viewer)
        assert told.json() == {"data": {"viewer": {"username": "bob"}}}
        people.revoke_key(bob.key_id)
        assert server.ask("POST", "/graphql", who="bob", json=viewer).json() == {"data": {"viewer": None}}
    finally:
        server.close()
    assert not (tmp_path / "served" / "server.sqlite").exists()


@pytest.mark.integration
def test_people_may_be_on_one_of_several_hosts(make_database, tmp_path):
    of_two = f"{make_database().replace('?host=', f'?host={tmp_path},')}&target_session_attrs=read-write"
    people = People(of_two.replace("+psycopg", ""))
    bob = people.add_user("bob")
    people.close()
    people = People(of_two)
    assert people.sign_in(bob.key).person.username == "bob"
    people.close()
    with pytest.raises(StoreError, match="session is not read-only"):
        People(of_two.replace("read-write", "read-only"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://db/people", "people are kept in SQLite or PostgreSQL, not in mysql"),
        ("postgres://db/people", "people are kept in SQLite or PostgreSQL, not in postgres"),
        ("db", "the address of the people's database is no URL"),
        ("postgresql://h/db?what=1", "the address of the people's database is no URL"),
    ],
)
def test_a_database_of_another_kind_is_refused_by_name(url, message):
    with pytest.raises(BadValueError, match=message):
        People(url)


def test_threads_share_it(people):
    keys = [people.add_user(f"user{number}").key for number in range(4)]
    wrong = []

    def ask(number):
        for round_ in range(50):
            if people.sign_in(keys[number]).person.username != f"user{number}":
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


def test_a_process_that_is_killed_while_it_writes_leaves_all_or_nothing(people, database):
    program = (
        "import os, sys; from runlake.server.people import database as db; "
        "from runlake.server.people.people import People, _entity_row; import sqlalchemy as sa; "
        "people = People(sys.argv[1]); transaction = db.writing(people._engine); "
        "connection = transaction.__enter__(); "
        "connection.execute(sa.insert(db.entities).values(_entity_row('eve', 'user', 'x'))); os._exit(9)"
    )
    assert warm.run([sys.executable, "-c", program, database]).returncode == 9
    assert people.list_users() == []
    assert people.add_user("eve").person.username == "eve"


def test_tables_of_a_newer_runlake_are_left_alone(people, database, open_people):
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.insert(migrations).values(number=99, applied_at=0.0))
    with pytest.raises(NewerFormatError, match="upgrade runlake"):
        open_people()
