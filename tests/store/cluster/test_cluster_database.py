"""The database itself: tables of this version and no newer one, whole transactions, what is said where it is gone."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest

from runlake.errors import (
    BadValueError,
    BusyError,
    ConflictError,
    CorruptError,
    NewerFormatError,
    ReadOnlyError,
    StoreError,
)
from runlake.store.cluster.connections import Connections
from runlake.store.cluster.database import Database, UnreachableDatabaseError
from waiting import DEADLINE_S


@pytest.fixture
def open_database(empty_database_url):
    """The test's own database, as one process more sees it."""
    opened = []

    def open_it(**options):
        opened.append(Database(empty_database_url, **options))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


def test_of_many_who_make_the_tables_at_once_one_does(open_database):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda database: database.migrate(), [open_database() for _ in range(4)]))
    files = (resources.files("runlake.store.cluster") / "migrations").iterdir()
    numbers = sorted(int(file.name[:4]) for file in files if file.name.endswith(".sql"))
    assert open_database().read("select number from schema_version order by 1") == [(number,) for number in numbers]


def test_two_stores_live_in_one_database(open_database):
    one, other = open_database(schema="one"), open_database(schema='o"ther %s')
    for database in (one, other):
        database.migrate()
    one.write("insert into grants values ('n', 'b')")
    assert [database.read("select count(*) from grants") for database in (one, other)] == [[(1,)], [(0,)]]


def test_tables_of_a_newer_version_are_left_alone(open_database):
    open_database().migrate()
    open_database().write("insert into schema_version values (9999, now())")
    with pytest.raises(
        NewerFormatError, match=r"are of a newer version of runlake \(migration 9999, known here: \d+\)"
    ):
        open_database().migrate()


def test_a_database_without_tables_says_so(open_database):
    with pytest.raises(StoreError, match="does not have the tables of this version of runlake"):
        open_database().read("select * from runs")


def test_one_look_is_of_one_moment_and_changes_nothing(open_database):
    database, other = open_database(), open_database()
    database.migrate()
    with database.transaction(is_one_look=True):
        before = database.read("select count(*) from grants")
        other.write("insert into grants values ('n', 'b')")
        assert database.read("select count(*) from grants") == before == [(0,)]
    with pytest.raises(ReadOnlyError, match="cannot be written"), database.transaction(is_one_look=True):
        database.write("insert into grants values ('m', 'b')")
    assert database.read("select key from grants") == [("n",)]


def test_what_fails_within_a_transaction_is_undone_as_a_whole(open_database):
    database = open_database()
    database.migrate()

    def write_twice():
        with database.transaction():
            database.write("insert into grants values ('n', 'b')")
            with database.transaction():
                database.write("insert into grants values ('n', 'b')")

    with pytest.raises(ConflictError, match="has that already"):
        write_twice()
    assert database.read("select count(*) from grants") == [(0,)]


def test_what_a_database_cannot_hold_is_a_bad_value(open_database):
    with pytest.raises(BadValueError, match="cannot hold this"):
        open_database().read("select %(text)s::text", {"text": "a\0b"})


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40P01", BusyError),
        ("53100", ReadOnlyError),
        ("53200", BusyError),
        ("57P03", UnreachableDatabaseError),
        ("XX001", CorruptError),
        ("22012", BadValueError),
        ("P0001", StoreError),
    ],
)
def test_what_the_database_says_has_its_kind(open_database, state, kind):
    with pytest.raises(kind) as raised:
        open_database().write(f"do $$ begin raise exception 'why' using errcode = '{state}'; end $$")
    assert (type(raised.value) is kind or kind is BusyError, "why" in str(raised.value)) == (True, True)


def test_a_statement_that_takes_too_long_is_stopped(open_database):
    with pytest.raises(BusyError, match="had no time"):
        open_database(statement_s=0.05).read("select pg_sleep(60)")


def test_no_more_connections_are_taken_than_allowed(open_database):
    database = open_database(connection_count=2)
    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(lambda _: database.read("select pg_backend_pid(), pg_sleep(0.02)")[0][0], range(12)))
    assert len(pids) <= 2


def test_who_waits_too_long_for_a_connection_is_told_so():
    connections = Connections(lambda: None, limit=1, patience_s=0.01)
    connections._free.acquire()
    with pytest.raises(BusyError, match="all 1 connections"), connections.one():
        pass


@pytest.mark.parametrize("url", ["nonsense", "postgresql://h/d?what=1", "postgresql://[::1"])
def test_what_is_no_address_is_said(url):
    with pytest.raises(BadValueError, match="no address of a PostgreSQL database"):
        Database(url)


def test_of_several_hosts_the_one_that_takes_what_is_written_is_asked(empty_database_url, tmp_path):
    hosts = empty_database_url.replace("?host=", f"?host={tmp_path},")
    database = Database(f"{hosts}&target_session_attrs=read-write")
    assert database.write("select 1") == [(1,)]
    assert database.name.startswith(f"{tmp_path},")
    database.close()
    reading = Database(f"{hosts}&target_session_attrs=read-only")
    with pytest.raises(UnreachableDatabaseError, match="session is not read-only"):
        reading.write("select 1")


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path):
    database = Database(f"postgresql://ann:secret@/d?host={tmp_path}")
    with pytest.raises(UnreachableDatabaseError) as raised:
        database.write("select 1")
    assert f"the database {tmp_path}/d cannot be reached" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_commit_waits_for_the_disk_whatever_the_server_says(open_database, empty_database_url):
    name = empty_database_url.partition("@/")[2].partition("?")[0]
    open_database().write(f"alter database {name} set synchronous_commit = off")
    assert open_database().read("show synchronous_commit") == [("on",)]


def test_a_database_that_was_gone_is_used_again(open_database, postgres_server):
    database = open_database()
    database.migrate()
    with database.transaction():
        database.write("insert into grants values ('n', 'b')")
    postgres_server.stop(signal.SIGQUIT)
    with pytest.raises(UnreachableDatabaseError):
        database.write("select 1")
    with pytest.raises(UnreachableDatabaseError), database.transaction():
        pass
    postgres_server.start()
    assert database.write("select key from grants") == [("n",)]


def test_a_connection_that_is_lost_within_a_transaction_undoes_it(open_database):
    database, other = open_database(), open_database()
    database.migrate()

    def write():
        with database.transaction():
            database.write("insert into grants values ('n', 'b')")
            ((pid,),) = database.read("select pg_backend_pid()")
            other.write("select pg_terminate_backend(%(pid)s, 10000)", {"pid": pid})
            database.write("insert into grants values ('m', 'b')")

    with pytest.raises(UnreachableDatabaseError):
        write()
    assert database.read("select count(*) from grants") == [(0,)]


def test_work_that_may_be_done_twice_is_done_again_when_the_connection_is_lost(open_database):
    database, other = open_database(), open_database()
    pids = []

    def work():
        ((pid,),) = database.write("select pg_backend_pid()")
        pids.append(pid)
        with database.transaction():
            if len(pids) == 1:
                other.write("select pg_terminate_backend(%(pid)s, 10000)", {"pid": pid})
            return database.write("select 'done'")

    assert database.retried(work) == [("done",)]
    assert len(set(pids)) == 2


_KILLED = """
import os, signal, sys
from runlake.store.cluster.database import Database
database = Database(sys.argv[1])
with database.transaction():
    database.write("insert into grants values ('n', 'b')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_between_two_statements_leaves_nothing(open_database, empty_database_url):
    database = open_database()
    database.migrate()
    killed = subprocess.run([sys.executable, "-c", _KILLED, empty_database_url], timeout=DEADLINE_S)
    assert killed.returncode == -signal.SIGKILL
    database.write("insert into grants values ('n', 'mine')")
    assert database.read("select body from grants") == [(b"mine",)]
