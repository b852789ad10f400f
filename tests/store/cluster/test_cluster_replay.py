"""What is asked again because the answer was lost is done once."""

from pathlib import Path

import pytest

from runlake.errors import ConflictError
from runlake.store.cluster.changes import PostgresChanges
from runlake.store.cluster.database import Database, UnreachableDatabaseError
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.served import PostgresServed
from runlake.store.cluster.tree import PostgresTree
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.served import Served
from runlake.store.ledger import FolderLedger

NAME = PartName("w", 0)


@pytest.fixture
def lossy(losing_proxy, database):
    """The shared database over a way on which answers are lost."""
    name = database.read("select current_database()")[0][0]
    lossy = Database(f"postgresql://tests@127.0.0.1:{losing_proxy.port}/{name}")
    yield lossy
    lossy.close()


@pytest.fixture
def journal(lossy, begin_run, new_path):
    begin_run(new_path, "i1")
    journal = PostgresJournal(lossy, new_path)
    journal.create_part(NAME).write(b"abc")
    return journal


def test_an_append_whose_answer_is_lost_is_made_once(journal, losing_proxy):
    losing_proxy.lose = b"insert into chunks"
    journal.append(NAME, b"def", 3)
    assert (journal.read(NAME), losing_proxy.lost_count) == (b"abcdef", 1)


def test_an_append_whose_answer_is_lost_is_not_that_of_somebody_else(journal, losing_proxy, database, new_path):
    losing_proxy.lose = b"insert into chunks"
    PostgresJournal(database, new_path).append(NAME, b"xyz", 3)
    with pytest.raises(ConflictError, match="ends at byte 6"):
        journal.append(NAME, b"def", 3)
    assert journal.read(NAME) == b"abcxyz"


def test_an_append_at_once_whose_answer_is_lost_is_made_once_and_left_to_a_turn(journal, lossy, losing_proxy, new_path):
    served = PostgresServed(lossy, new_path)
    served.mark("w", Served(header=PartHeader({"writer": "w"})))
    losing_proxy.lose = b"the bytes"
    assert served.append_at_once(NAME, b"the bytes", 3) is None
    assert (journal.read(NAME), losing_proxy.lost_count) == (b"abcthe bytes", 1)
    assert served.append_at_once(NAME, b"more", 12) == []


def test_the_same_bytes_of_somebody_else_are_not_taken_for_ones_own(journal, database, new_path):
    PostgresJournal(database, new_path).append(NAME, b"def", 3)
    with pytest.raises(ConflictError):
        journal.append(NAME, b"def", 3)


def test_a_ledgers_entry_whose_answer_is_lost_is_ones_own(lossy, losing_proxy, new_path):
    ledger = FolderLedger(Path(f"/{new_path}"), PostgresTree(lossy))
    ledger._tree.make_folder(ledger.folder)
    losing_proxy.lose = b"insert into tree_files"
    assert ledger.append(1, {"a": 1})
    assert not ledger.append(1, {"a": 1})
    assert len(list(ledger.read_from(1))) == losing_proxy.lost_count == 1


def test_a_change_whose_answer_is_lost_is_noted_once(lossy, losing_proxy, begin_run, new_path):
    changes = PostgresChanges(lossy, *new_path[:2])
    changes.append("0")
    losing_proxy.lose = b"insert into changes"
    changes.append("1")
    assert lossy.read("select count(*) from changes where name = '1'") == [(1,)]
    assert losing_proxy.lost_count == 1


def test_a_commit_whose_answer_is_lost_is_said_to_be_uncertain(lossy, losing_proxy, new_path):
    def write():
        with lossy.transaction():
            lossy.write("insert into grants values (%(key)s, 'b')", {"key": str(new_path)})
            losing_proxy.lose = b"COMMIT"

    with pytest.raises(UnreachableDatabaseError, match="cannot be reached"):
        write()
    assert lossy.read("select count(*) from grants where key = %(key)s", {"key": str(new_path)}) == [(1,)]
