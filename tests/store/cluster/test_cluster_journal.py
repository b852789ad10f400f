"""Journals in the database: what is special where several processes and a network are between."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import ConflictError
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.journal.journal import PartName
from waiting import DEADLINE_S

NAME = PartName("w", 0)


@pytest.fixture
def make_journal(database, new_path, begin_run):
    """The journal of a new run, as one process more sees it."""
    begin_run(new_path, "i1")
    return lambda: PostgresJournal(database, new_path)


def test_of_many_who_append_at_the_same_end_one_is_told_yes(make_journal):
    make_journal().create_part(NAME)
    start, end, said = threading.Barrier(6), 0, b""

    def append(number):
        journal = make_journal()
        start.wait()
        try:
            journal.append(NAME, bytes([number]) * 3, end)
        except ConflictError:
            return None
        return bytes([number]) * 3

    with ThreadPoolExecutor(6) as pool:
        for _ in range(20):
            (won,) = filter(None, pool.map(append, range(6)))
            end, said = end + 3, said + won
    assert make_journal().read(NAME) == said


def test_who_appends_at_another_end_is_told_where_it_is(make_journal):
    journal = make_journal()
    journal.create_part(NAME).write(b"abc")
    for end in (0, 2, 4):
        with pytest.raises(ConflictError, match=f"ends at byte 3, and not at {end}"):
            journal.append(NAME, b"xyz", end)
        with pytest.raises(ConflictError):
            journal.append(NAME, b"", end)
    assert journal.read(NAME) == b"abc"


def test_bytes_are_cut_within_a_chunk_and_between_two(make_journal):
    journal = make_journal()
    part = journal.create_part(NAME)
    for piece in (b"abc", b"def", b"ghi"):
        part.write(piece)
    for size_bytes in (9, 7, 6, 4, 3, 0):
        journal.truncate(NAME, size_bytes)
        assert (journal.read(NAME), journal.size_bytes(NAME)) == (b"abcdefghi"[:size_bytes], size_bytes)
    journal.append(NAME, b"x", 0)
    assert journal.read(NAME) == b"x"


def test_a_writer_of_a_deleted_run_is_told_so_and_its_successor_gets_nothing(make_journal, names, new_path, begin_run):
    journal = make_journal()
    journal.bind()
    part = journal.create_part(NAME)
    part.write(b"abc")
    deleted = names.delete(new_path)
    begin_run(new_path, "i2")
    assert not journal.is_here()
    calls = (
        lambda: part.write(b"x"),
        lambda: journal.append(NAME, b"x", 3),
        lambda: journal.read(NAME),
        lambda: journal.create_part(PartName("w", 1)),
        journal.prepare,
    )
    for call in calls:
        with pytest.raises(FileNotFoundError):
            call()
    assert journal.list_parts() == make_journal().list_parts() == []
    names.delete(new_path)
    names.restore(deleted.run_no)
    assert (journal.is_here(), journal.read(NAME)) == (True, b"abc")
    assert part.write(b"def") == 3


def test_a_run_that_is_not_there_has_no_parts(database, new_path):
    journal = PostgresJournal(database, new_path)
    assert (journal.list_parts(), journal.moved_at(), journal.is_here()) == ([], None, False)
    for call in (journal.bind, journal.prepare, lambda: journal.create_part(NAME)):
        with pytest.raises(FileNotFoundError):
            call()


def test_a_part_that_a_segment_has_is_not_listed_and_takes_no_more(make_journal, database):
    journal = make_journal()
    journal.create_part(NAME).write(b"abc")
    run_no = journal._find_run()
    database.write("update parts set sealed_in = 's' where run_no = %(run_no)s", {"run_no": run_no})
    assert journal.list_parts() == []
    assert journal.read(NAME) == b"abc"  # for who is at it
    with pytest.raises(FileNotFoundError):
        journal.append(NAME, b"x", 3)
    with pytest.raises(FileNotFoundError):
        journal.truncate(NAME, 0)
    with pytest.raises(FileExistsError):
        journal.create_part(NAME)


@pytest.mark.parametrize("writer", ["a\0b", "\\0", "\ud800", "x" * 600, "w-001", "'; --", "%s %(x)s"])
def test_a_writer_may_be_called_anything(make_journal, writer):
    name, journal = PartName(writer, 999_999), make_journal()
    journal.create_part(name).write(b"\0\xff\\")
    assert journal.list_parts() == [(name, 3)]
    assert journal.read(name) == b"\0\xff\\"


def test_what_is_done_in_one_transaction_is_there_as_a_whole(make_journal, database):
    journal = make_journal()

    def write_and_fail():
        with database.transaction():
            journal.create_part(NAME).write(b"abc")
            assert journal.read(NAME) == b"abc"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert journal.list_parts() == []
    with database.transaction():
        journal.create_part(NAME).write(b"abc")
        assert make_journal().read(NAME) == b"abc"
    assert journal.list_parts() == [(NAME, 3)]


_WRITER = """
import sys
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.journal.journal import PartName
database = Database(sys.argv[1])
journal = PostgresJournal(database, RunPath(*sys.argv[2].split("/")))
journal.bind()
part = journal.create_part(PartName("w", 0))
for number in range(100_000):
    part.write(number.to_bytes(4, "big") * 100)
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_loses_nothing_that_was_acknowledged(make_journal, new_path, shared_database_url):
    command = [sys.executable, "-c", _WRITER, shared_database_url, str(new_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    acknowledged = -1
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged == 50:
            os.kill(process.pid, signal.SIGKILL)
    process.wait(DEADLINE_S)
    process.stdout.close()
    there = make_journal().read(NAME)
    count = len(there) // 400
    assert count >= acknowledged + 1 >= 51
    assert there == b"".join(number.to_bytes(4, "big") * 100 for number in range(count))
    make_journal().append(NAME, b"more", len(there))


_ONE_OF_TWO = """
import sys
from runlake.errors import ConflictError
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.journal.journal import PartName
journal = PostgresJournal(Database(sys.argv[1]), RunPath(*sys.argv[2].split("/")))
name, kept = PartName("w", 0), 0
while kept < 100:
    try:
        journal.append(name, f"{sys.argv[3]}{kept:03}".encode(), journal.size_bytes(name))
    except ConflictError:
        continue
    kept += 1
"""


@pytest.mark.slow
def test_two_processes_that_append_at_once_keep_all_of_both_in_their_order(make_journal, new_path, shared_database_url):
    journal = make_journal()
    journal.create_part(NAME)
    command = [sys.executable, "-c", _ONE_OF_TWO, shared_database_url, str(new_path)]
    processes = [subprocess.Popen([*command, letter]) for letter in "ab"]
    assert [process.wait(DEADLINE_S) for process in processes] == [0, 0]
    there = journal.read(NAME).decode()
    pieces = [there[start : start + 4] for start in range(0, len(there), 4)]
    for letter in "ab":
        assert [piece for piece in pieces if piece[0] == letter] == [f"{letter}{number:03}" for number in range(100)]
